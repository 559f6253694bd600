"""Errors of frames, added up as they belong together."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.report.energy import energy_std_j
from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase, summarise


@pytest.fixture
def frames(recording):
    """A hundred frames in ten seconds, of 1 J and an error of 0.1 J each."""
    one = replace(
        recording.frames[0],
        energy_j=1.0,
        energy_std_j=0.1,
        energy_common_std_j=0.0,
        energy_source='measured_rapl',
    )
    return [replace(one, time_s=0.05 + 0.1 * index) for index in range(100)]


def test_independent_errors_add_up_as_squares(frames):
    assert energy_std_j(frames) == pytest.approx(0.1 * 100**0.5)


def test_the_error_of_idle_is_common_to_all(frames):
    frames = [replace(each, energy_common_std_j=0.1) for each in frames]
    assert energy_std_j(frames) == pytest.approx(0.1 * 100)


def test_both_kinds_of_error_are_independent_of_each_other(frames):
    frames = [replace(each, energy_std_j=0.5, energy_common_std_j=0.3) for each in frames]
    assert energy_std_j(frames) == pytest.approx(math.hypot(0.3 * 100, 0.4 * 100**0.5))


def test_frames_that_a_sensor_cannot_tell_apart_are_wrong_together(frames):
    frames = [replace(each, energy_window_s=1.0) for each in frames]
    assert energy_std_j(frames) == pytest.approx(0.1 * 10 * 10**0.5)


def test_frames_of_unknown_energy_do_not_count(frames):
    unknown = replace(frames[0], energy_j=math.nan, energy_std_j=math.nan)
    assert energy_std_j([*frames, unknown]) == energy_std_j(frames)


def test_one_unknown_error_makes_the_whole_unknown(frames):
    modelled = replace(frames[0], energy_std_j=math.nan)
    assert math.isnan(energy_std_j([*frames, modelled]))


def test_without_frames_it_is_unknown():
    assert math.isnan(energy_std_j([]))


def test_the_summary_says_it_of_the_whole_and_of_a_mean_frame(frames):
    summary = summarise(Recording(frames=frames), [RunPhase('all', 0.0, 20.0)])
    assert (summary['energy_j'], summary['energy_std_j']) == (100.0, 1.0)
    assert summary['phases'][0]['energy_per_frame_std_j'] == 0.01
