# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a frame runs: the decided point if it fits, otherwise what still does."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynofa_ros.runtime import Cascade, Objective, Slowdown
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.frame_choice import Envelope, FrameChooser
from dynofa_ros.runtime.ranges import ENVELOPE_MAX

KEYS = {name: (name, 'torch', 'gpu', 1) for name in ('small', 'medium', 'large')}
EXACT = Slowdown(1.0, 0.0)


@pytest.fixture
def chooser(clocked):
    """Return a chooser: at 1 GHz the points take 20, 30 and 50 ms, at 0.5 GHz twice as long."""

    def make(decided='large', **settings):
        settings = {'deadline_s': 0.1, **settings}
        others = [key for name, key in KEYS.items() if name != decided]
        return FrameChooser(Envelope((KEYS[decided], *others), **settings), clocked())

    return make


class Known:
    """Estimates that are given."""

    def __init__(self, slowdown=EXACT, *, corrections=(), surprise=math.nan):
        self._slowdown, self._surprise = slowdown, surprise
        self._corrections = dict(corrections)

    def slowdown(self, processor):
        assert processor == 'gpu'
        return self._slowdown

    def correction_arrays(self, subnet_ids, processor):
        found = [self._corrections.get((each, processor), Correction()) for each in subnet_ids]
        return np.array([each.mean for each in found]), np.array([each.std for each in found])

    def surprise(self, processor):
        assert processor == 'gpu'
        return self._surprise

    def own_surprise(self, subnet_id, processor):
        return math.nan


def choose(chooser, time_left_s, *, clock_hz=1e9, slowdown=EXACT, **estimates):
    choice = chooser.choose(
        Known(slowdown, **estimates), time_left_s=time_left_s, frequency_hz=clock_hz
    )
    return choice.key[0], choice.reason


@pytest.mark.parametrize('decided', KEYS)
def test_the_decided_point_runs_whenever_it_fits(chooser, decided):
    assert choose(chooser(decided), 0.051) == (decided, '')


def test_without_a_deadline_the_decided_point_runs(chooser):
    assert choose(chooser(deadline_s=math.nan), -1.0) == ('large', '')


def test_a_late_frame_runs_the_most_accurate_point_that_fits(chooser):
    name, reason = choose(chooser(), 0.035)
    assert name == 'medium'
    assert reason == 'large needs 50.0 ms of 35.0 ms left'


def test_to_save_energy_it_runs_the_cheapest_point_that_fits(chooser):
    assert choose(chooser(objective=Objective.MIN_ENERGY), 0.035)[0] == 'small'


def test_the_floor_counts_before_the_energy(chooser):
    assert choose(chooser(objective=Objective.MIN_ENERGY, min_accuracy=0.72), 0.035)[0] == 'medium'


def test_the_deadline_counts_before_the_floor(chooser):
    assert choose(chooser(min_accuracy=0.78), 0.025)[0] == 'small'


def test_a_floor_that_nothing_meets_is_missed_by_little(chooser):
    saving = chooser(objective=Objective.MIN_ENERGY, min_accuracy=0.78)
    assert choose(saving, 0.035)[0] == 'medium'


@pytest.mark.parametrize(('weight', 'expected'), [(0.0, 'medium'), (100.0, 'small')])
def test_the_weight_decides_what_energy_is_worth(chooser, weight, expected):
    weighted = chooser(objective=Objective.WEIGHTED, energy_weight=weight)
    assert choose(weighted, 0.035)[0] == expected


def test_if_nothing_fits_the_least_late_runs(chooser):
    name, reason = choose(chooser(), 0.01)
    assert (name, reason) == ('small', 'large needs 50.0 ms of 10.0 ms left; least late')
    assert choose(chooser('small'), -0.2) == ('small', '')


def test_the_least_late_is_by_the_mean_so_that_an_unknown_point_is_tried(chooser):
    slow = {('medium', 'gpu'): Correction(0.8, 0.0), ('small', 'gpu'): Correction(1.0, 0.5)}
    assert choose(chooser(), 0.01, corrections=slow)[0] == 'small'


def test_points_are_judged_at_the_present_clock(chooser):
    assert choose(chooser(), 0.065, clock_hz=0.5e9)[0] == 'medium'
    assert choose(chooser(), 0.065, clock_hz=math.nan) == ('large', '')


def test_the_slowdown_and_its_spread_count(chooser):
    assert choose(chooser(), 0.065, slowdown=Slowdown(1.5, 0.0))[0] == 'medium'
    # 0.05 s + 1.645 x 20 % exceeds 0.065 s; with a probability of one half it is 0.05 s.
    assert choose(chooser(), 0.065, slowdown=Slowdown(1.0, 0.2))[0] == 'medium'
    assert choose(chooser(probability=0.5), 0.065, slowdown=Slowdown(1.0, 0.2))[0] == 'large'


def test_a_correction_counts_for_its_sub_network_only(chooser):
    slow = {('large', 'gpu'): Correction(2.0, 0.0)}
    assert choose(chooser(), 0.065, corrections=slow)[0] == 'medium'
    doubtful = {('large', 'gpu'): Correction(1.0, 0.3)}
    assert choose(chooser(), 0.065, corrections=doubtful)[0] == 'medium'
    elsewhere = {('large', 'cpu'): Correction(2.0, 0.0)}
    assert choose(chooser(), 0.065, corrections=elsewhere)[0] == 'large'


def test_after_a_surprise_the_next_frame_is_cautious(chooser):
    assert choose(chooser(), 0.065, surprise=2.0)[0] == 'medium'
    assert choose(chooser(), 0.065, surprise=0.5)[0] == 'large'  # a fast one is no reason


def test_a_decided_point_that_the_profile_lacks_runs(clocked):
    key = ('large', 'torch', 'gpu', 4)
    chooser = FrameChooser(Envelope((key, KEYS['small']), deadline_s=0.1), clocked())
    assert choose(chooser, 0.01) == ('large', '')


def test_another_point_that_the_profile_lacks_is_left_out(clocked):
    points = (KEYS['large'], ('small', 'torch', 'gpu', 4), KEYS['medium'])
    assert choose(FrameChooser(Envelope(points, deadline_s=0.1), clocked()), 0.0)[0] == 'medium'


def test_points_that_differ_in_threads_alone_are_told_apart(make_point, make_profile):
    fast, slow = make_point(threads=4, latency_s=0.02), make_point(threads=1, latency_s=0.05)
    chooser = FrameChooser(Envelope((slow.key, fast.key), deadline_s=0.1), make_profile(slow, fast))
    choice = chooser.choose(Known(), time_left_s=0.03, frequency_hz=math.nan)
    assert choice.key == fast.key


def test_the_shortest_inference_is_that_of_the_fastest_point(chooser):
    assert chooser().shortest_s(Known(), frequency_hz=0.5e9) == pytest.approx(0.04)
    slow = Known(Slowdown(1.5, 0.0))
    assert chooser().shortest_s(slow, frequency_hz=1e9) == pytest.approx(0.03)


def test_a_restricted_envelope_keeps_the_decided_point():
    envelope = Envelope(tuple(KEYS.values()))
    assert envelope.restricted(lambda key: key[0] == 'large').points == (
        KEYS['small'],
        KEYS['large'],
    )


def test_the_choice_does_not_depend_on_earlier_ones(chooser):
    rng, lasting = np.random.default_rng(1), chooser()
    for _ in range(300):
        left_s, clock_hz = rng.uniform(0.0, 0.12), rng.uniform(0.3e9, 1.2e9)
        slowdown = Slowdown(rng.uniform(0.8, 2.0), rng.uniform(0.0, 0.3))
        arguments = {'clock_hz': clock_hz, 'slowdown': slowdown}
        assert choose(lasting, left_s, **arguments) == choose(chooser(), left_s, **arguments)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'points': ()}, 'points is empty; expected the decided point first'),
        ({'points': (('a', '', 'gpu', 1), ('a', '', 'cpu', 1))}, 'processor is cpu, gpu; expected'),
        ({'points': (KEYS['small'],) * (ENVELOPE_MAX + 1)}, 'holds 1025 values; expected at most'),
        ({'deadline_s': 0.0}, 'deadline_s is 0; expected'),
        ({'deadline_s': math.inf}, 'deadline_s is inf; expected'),
        ({'probability': 1.0}, 'deadline_probability is 1; expected'),
        ({'probability': math.nan}, 'deadline_probability is nan; expected'),
        ({'min_accuracy': 1.5}, 'min_accuracy is 1.5; expected'),
        ({'energy_weight': -1.0}, 'energy_weight is -1; expected'),
    ],
)
def test_an_impossible_envelope_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Envelope(**{'points': (KEYS['small'],), **settings})


CASCADE_KEY = ('s+l', 'torch', 'gpu', 1)


@pytest.fixture
def cascading(clocked):
    """Return a chooser whose envelope holds a cascade: 20 ms, or 70 ms if escalated."""

    def make(decided='s+l', *, reached=0.3, **settings):
        cascade = Cascade('s+l', ('small', 'large'), (0.8,), (reached,), 0.79, (0.9, 0.7), (0.4,))
        profile = replace(clocked(), cascades=(cascade,))
        keys = {**KEYS, 's+l': CASCADE_KEY}
        others = [key for name, key in keys.items() if name != decided]
        settings = {'deadline_s': 0.1, **settings}
        return FrameChooser(Envelope((keys[decided], *others), **settings), profile)

    return make


def test_a_cascade_runs_if_the_longer_path_fits_as_well(cascading):
    assert choose(cascading(), 0.071) == ('s+l', '')
    assert choose(cascading(), 0.06) == ('large', 's+l needs 70.0 ms of 60.0 ms left')
    assert choose(cascading(), 0.04)[0] == 'medium'


def test_a_cascade_that_hardly_ever_escalates_needs_the_time_of_its_first_stage(cascading):
    assert choose(cascading(reached=0.04), 0.03) == ('s+l', '')


def test_a_frame_can_run_a_cascade_instead_of_the_decided_point(cascading):
    energy = {'objective': Objective.MIN_ENERGY, 'min_accuracy': 0.78}
    # At half the clock the large one takes 0.1 s, and the cascade 0.14 s.
    assert choose(cascading('large', **energy), 0.2, clock_hz=0.5e9) == ('large', '')
    assert choose(cascading('medium', **energy), 0.025)[0] == 'small'
    low = {**energy, 'min_accuracy': 0.75}
    chooser = cascading('large', reached=0.04, **low)
    assert choose(chooser, 0.045)[0] == 's+l'


def test_the_corrections_of_the_stages_count(cascading):
    slow = {('large', 'gpu'): Correction(2.0)}
    assert choose(cascading(), 0.1, corrections=slow)[0] != 's+l'
    assert choose(cascading(), 0.121, corrections=slow)[0] == 's+l'
    of_the_name = {('s+l', 'gpu'): Correction(2.0)}
    assert choose(cascading(), 0.071, corrections=of_the_name)[0] == 's+l'


@pytest.mark.parametrize('decided', ['s+l', 'medium'])
@given(
    slowdown=st.builds(Slowdown, st.floats(0.5, 3.0), st.floats(1e-6, 0.5)),
    corrections=st.lists(
        st.builds(Correction, st.floats(0.5, 2.0), st.floats(1e-6, 0.5)), min_size=3, max_size=3
    ),
    time_left_s=st.floats(0.0, 0.2),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_decided_point_is_predicted_as_all_points_are(
    cascading, decided, slowdown, corrections, time_left_s
):
    """In scalars as in arrays, of a cascade and of a sub-network."""
    names = ('small', 'medium', 'large')
    known = {(name, 'gpu'): each for name, each in zip(names, corrections, strict=True)}
    estimate = Known(slowdown, corrections=known)
    candidates = cascading(decided)._candidates(1e9)
    in_arrays = candidates.forecast(estimate, probability=0.95).probability_within(time_left_s)
    in_scalars = candidates.probability_of_decided(
        estimate, probability=0.95, time_left_s=time_left_s
    )
    assert in_scalars == pytest.approx(in_arrays[0], abs=1e-9)
