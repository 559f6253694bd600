import itertools
import math

import pytest

from dynofa_ros.demo.scenario import ACTS, Scenario, accuracy_floor


def test_the_acts_fill_the_time_without_a_gap():
    phases = Scenario(60).phases
    assert phases[0].start_s == 0
    assert phases[-1].end_s == pytest.approx(60)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(phases))


@pytest.mark.parametrize('time_s', [0.0, 12.0, 59.9, 61.0])
def test_some_act_is_always_on(time_s):
    assert Scenario(60).act(time_s) in ACTS


def test_the_deadline_tightens_and_relaxes():
    deadlines = [act.deadline_s for act in ACTS]
    assert deadlines[1] < deadlines[0]
    assert deadlines[2] > deadlines[1]


@pytest.mark.parametrize('seconds', [0, -1, 14.9, 1e9, math.nan])
def test_a_length_in_which_nothing_can_be_seen_is_refused(seconds):
    with pytest.raises(ValueError, match='allowed: 15 to 3600'):
        Scenario(seconds)


def test_the_floor_lies_between_the_worst_and_the_best():
    assert accuracy_floor([0.6, 0.8], 0.5) == pytest.approx(0.7)
