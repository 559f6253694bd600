# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import json
import math
from dataclasses import replace

import pytest

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase, energy_std_j, summarise


@pytest.fixture
def summary(recording, phases):
    return summarise(recording, phases)


def test_incoming_frames_are_those_classified_dropped_and_refused(summary):
    assert summary['frames'] == {
        'in': 7,
        'classified': 4,
        'dropped': 2,
        'refused': 1,
    }


def test_frames_of_two_applications_are_no_switches(recording, phases):
    recording.frames = [
        replace(recording.frames[0], app=app, subnet_id=app) for app in ('a', 'b', 'a', 'b')
    ]
    assert summarise(recording, phases)['switches'] == 0


def test_switches_deadline_misses_and_known_energy_are_added_up(summary):
    assert summary['switches'] == 1
    assert summary['deadline_misses'] == 1
    assert summary['energy_j'] == pytest.approx(2.5)  # one frame is of unknown energy


def test_unknown_energy_is_none_not_zero(phases):
    assert summarise(Recording(), phases)['energy_j'] is None


def test_each_phase_has_its_own_means(summary):
    first, second = summary['phases']
    assert (first['latency_mean_s'], second['latency_mean_s']) == (0.03, 0.04)
    assert (first['power_mean_w'], second['power_mean_w']) == (5.0, 9.0)
    assert (first['frequency_mean_hz'], second['frequency_mean_hz']) == ({'gpu': 1e9}, {'gpu': 5e8})
    assert (first['subnets'], second['subnets']) == ({'small': 2}, {'large': 2})


def test_a_cascade_is_one_row_with_the_share_of_its_frames_that_were_escalated(cascading, phases):
    summary = summarise(cascading, phases)
    first, second = summary['phases']
    assert first['subnets'] == second['subnets'] == {'small+large@0.5': 2}
    assert (first['escalated'], second['escalated']) == (
        {'small+large@0.5': 0.5},
        {'small+large@0.5': 0.0},
    )
    assert first['expected_accuracy'] == pytest.approx(0.6)
    assert summary['switches'] == 0


def test_without_cascades_nothing_is_escalated(summary):
    assert [each['escalated'] for each in summary['phases']] == [{}, {}]


def test_an_unacknowledged_command_is_named(summary):
    commands = summary['commands']
    assert commands['unacknowledged'] == ['perception 1: large on gpu']
    assert commands['acknowledged'] == 0


def test_sources_are_stated(summary):
    assert (summary['latency_source'], summary['energy_source']) == ('modelled', 'modelled')
    assert summary['simulated'] is True


def test_the_summary_is_json_even_of_an_empty_run(recording, phases):
    for run in (recording, Recording()):
        json.dumps(summarise(run, phases), allow_nan=False)


def test_a_phase_that_ends_before_it_starts_is_rejected():
    with pytest.raises(ValueError, match=r"'late' is from 2.0 to 1.0 s"):
        RunPhase('late', 2.0, 1.0)


@pytest.fixture
def frames(recording):
    """A hundred frames in ten seconds, each of 1 J with an error of 0.1 J."""
    one = replace(
        recording.frames[0],
        energy_j=1.0,
        energy_std_j=0.1,
        energy_common_std_j=0.0,
        energy_source='measured_rapl',
    )
    return [replace(one, time_s=0.05 + 0.1 * index) for index in range(100)]


@pytest.mark.parametrize(
    ('changes', 'expected_j'),
    [
        ({}, 0.1 * 100**0.5),
        ({'energy_common_std_j': 0.1}, 0.1 * 100),
        (
            {'energy_std_j': 0.5, 'energy_common_std_j': 0.3},
            math.hypot(0.3 * 100, 0.4 * 100**0.5),
        ),
        ({'energy_window_s': 1.0}, 0.1 * 10 * 10**0.5),
    ],
    ids=['independent', 'common', 'both', 'within the window of the sensor'],
)
def test_common_errors_add_up_linearly_and_independent_ones_as_squares(frames, changes, expected_j):
    assert energy_std_j([replace(each, **changes) for each in frames]) == pytest.approx(expected_j)


def test_frames_of_unknown_energy_do_not_count(frames):
    unknown = replace(frames[0], energy_j=math.nan, energy_std_j=math.nan)
    assert energy_std_j([*frames, unknown]) == energy_std_j(frames)


def test_one_unknown_error_makes_the_total_error_unknown(frames):
    modelled = replace(frames[0], energy_std_j=math.nan)
    assert math.isnan(energy_std_j([*frames, modelled]))


def test_without_frames_the_error_is_unknown():
    assert math.isnan(energy_std_j([]))


def test_the_summary_has_the_error_of_the_total_and_of_a_mean_frame(frames):
    summary = summarise(Recording(frames=frames), [RunPhase('all', 0.0, 20.0)])
    assert (summary['energy_j'], summary['energy_std_j']) == (100.0, 1.0)
    assert summary['phases'][0]['energy_per_frame_std_j'] == 0.01
