# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""An application that selects the point of each frame by what its own frames took."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import Cascade
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.frame_selector import SILENT_S, FrameSelector

SMALL, MEDIUM, LARGE = ((name, 'torch', 'gpu', 1) for name in ('small', 'medium', 'large'))
CASCADE = Cascade('s+l', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.9, 0.7), (0.4,))
LATENCY_S = {SMALL: 0.02, MEDIUM: 0.03, LARGE: 0.05}  # at 1 GHz; at 0.5 GHz twice as long


class Application:
    """Frames of an application with 0.1 s for each, one every 0.1 s."""

    def __init__(self, profile):
        self.selector = FrameSelector(profile)
        self.selector.command(Envelope((LARGE, MEDIUM, SMALL), deadline_s=0.1))
        self.now_s = 0.0

    def select(self, *, time_left_s=0.1, clock_hz=1e9):
        return self.selector.select(
            time_left_s=time_left_s, frequency_hz=clock_hz, now_s=self.now_s
        ).key

    def frame(self, key=None, *, slowdown=1.0, clock_hz=1e9, clocks_hz=None):
        """Run a frame; return what it ran."""
        key = key or self.select(clock_hz=clock_hz)
        self.now_s += 0.1
        self.selector.observe(
            key,
            inference_s=LATENCY_S[key] * 1e9 / clock_hz * slowdown,
            clocks_hz=clocks_hz or (clock_hz,),
            now_s=self.now_s,
        )
        return key


@pytest.fixture
def application(clocked):
    application = Application(clocked())
    for _ in range(20):
        assert application.frame() == LARGE
    return application


def test_without_a_command_nothing_can_be_selected(clocked):
    with pytest.raises(ValueError, match='envelope is missing; expected a command'):
        FrameSelector(clocked()).select(time_left_s=0.1, frequency_hz=1e9, now_s=0.0)


def test_a_slow_frame_makes_the_next_one_cautious_and_two_are_contention(application):
    application.frame(slowdown=2.5)
    assert application.frame(slowdown=2.5) != LARGE
    assert application.frame(slowdown=2.5) != LARGE


def test_one_slow_frame_is_forgotten(application):
    application.frame(slowdown=2.5)
    assert application.frame() != LARGE
    assert application.frame() == LARGE


def test_a_wrong_profile_of_one_sub_network_does_not_discredit_the_others(application):
    for _ in range(10):
        application.frame(MEDIUM, slowdown=2.5)
    assert application.select(time_left_s=0.1) == LARGE  # it would need 0.125 s as well
    assert application.select(time_left_s=0.05) == SMALL


def test_a_frame_during_a_change_of_the_clock_is_no_surprise(application):
    application.frame(LARGE, clock_hz=0.5e9, clocks_hz=(1e9, 0.5e9))
    assert application.select(time_left_s=0.065) == LARGE


def test_a_slowdown_is_forgotten_in_silence(application):
    for _ in range(5):
        application.frame(slowdown=3.0)
    assert application.select() != LARGE
    application.now_s += 20 * SILENT_S
    assert application.select() == LARGE


def test_a_point_that_the_profile_lacks_teaches_nothing(application):
    application.selector.observe(
        ('large', 'torch', 'gpu', 4), inference_s=1.0, clocks_hz=(1e9,), now_s=application.now_s
    )
    assert application.select() == LARGE


def test_the_shortest_time_is_that_of_the_fastest_point(application):
    assert application.selector.shortest_s(frequency_hz=1e9) == pytest.approx(0.02, rel=0.2)


def test_stored_corrections_count_from_the_first_frame_on(clocked):
    """It was learned before a restart that large takes 0.125 s."""
    stored = {('large', 'gpu'): Correction(2.5, 0.25)}
    application = Application(replace(clocked(), corrections=stored))
    assert application.select() == MEDIUM
    learned = application.selector.learned()['large', 'gpu']
    assert (learned.mean, learned.std) == (pytest.approx(2.5), pytest.approx(0.25))


def time_for(application, subnet_id='medium', *, time_left_s=0.1, clock_hz=1e9):
    return application.selector.time_for(
        subnet_id, processor='gpu', threads=1, time_left_s=time_left_s, frequency_hz=clock_hz
    )


def test_the_next_stage_runs_only_if_it_fits_at_the_present_clock(application):
    assert time_for(application, 'large', time_left_s=0.06)[0]
    assert not time_for(application, 'large', time_left_s=0.04)[0]
    assert not time_for(application, 'large', time_left_s=0.06, clock_hz=0.5e9)[0]


def test_a_slow_first_stage_makes_the_next_one_need_more_time(application):
    for _ in range(10):  # a profile that is wrong would be told apart by now
        application.frame(SMALL)
    usual_s = time_for(application)[1]
    assert usual_s == pytest.approx(0.033, rel=0.1)  # the 95 % quantile
    application.frame(SMALL, slowdown=2.5)
    assert time_for(application)[1] > 2.0 * usual_s


def test_without_a_deadline_the_next_stage_always_runs(application):
    assert time_for(application, 'large', time_left_s=math.nan)[0]


def test_a_stage_that_the_profile_does_not_have_fits_no_deadline(application):
    fits, needed_s = time_for(application, 'unknown')
    assert not fits
    assert math.isnan(needed_s)
    assert time_for(application, 'unknown', time_left_s=math.nan)[0]


def test_a_cascade_is_learned_from_stage_by_stage(application):
    profile = replace(application.selector.profile, cascades=(CASCADE,))
    cascading = Application(profile)
    for _ in range(10):
        cascading.frame(SMALL, slowdown=1.5)
        cascading.frame(LARGE, slowdown=1.5)
    learned = cascading.selector.learned()
    cascading.selector.observe(
        ('s+l', *SMALL[1:]), inference_s=0.07, clocks_hz=(1e9,), now_s=cascading.now_s
    )
    assert cascading.selector.learned() == learned
    assert set(learned) == {('small', 'gpu'), ('large', 'gpu')}
