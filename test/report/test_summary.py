import json

import pytest

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase, summarise

PHASES = (RunPhase('first', 0.0, 1.0), RunPhase('second', 1.0, 2.0))


def test_frames_in_are_those_classified_dropped_and_refused(recording):
    assert summarise(recording, PHASES)['frames'] == {
        'in': 7,
        'classified': 4,
        'dropped': 2,
        'refused': 1,
    }


def test_a_switch_is_a_frame_with_another_subnet_than_the_one_before(recording):
    assert summarise(recording, PHASES)['switches'] == 1


def test_two_applications_side_by_side_are_no_switches(recording):
    from dataclasses import replace

    recording.frames = [
        replace(recording.frames[0], app=app, subnet_id=app) for app in ('a', 'b', 'a', 'b')
    ]
    assert summarise(recording, PHASES)['switches'] == 0


def test_misses_are_counted(recording):
    assert summarise(recording, PHASES)['deadline_misses'] == 1


def test_unknown_energy_is_left_out_of_the_total(recording):
    assert summarise(recording, PHASES)['energy_j'] == pytest.approx(2.5)


def test_energy_nobody_knows_is_none_not_zero():
    assert summarise(Recording(), PHASES)['energy_j'] is None


def test_each_phase_has_means_of_its_own(recording):
    first, second = summarise(recording, PHASES)['phases']
    assert (first['latency_mean_s'], second['latency_mean_s']) == (0.03, 0.04)
    assert (first['power_mean_w'], second['power_mean_w']) == (5.0, 9.0)
    assert (first['frequency_mean_hz'], second['frequency_mean_hz']) == ({'gpu': 1e9}, {'gpu': 5e8})
    assert (first['subnets'], second['subnets']) == ({'small': 2}, {'large': 2})


def test_a_command_that_nobody_answered_is_named(recording):
    commands = summarise(recording, PHASES)['commands']
    assert commands['unacknowledged'] == ['perception 1: large on gpu']
    assert commands['acknowledged'] == 0


def test_sources_are_said(recording):
    summary = summarise(recording, PHASES)
    assert (summary['latency_source'], summary['energy_source']) == ('modelled', 'modelled')
    assert summary['simulated'] is True


def test_it_is_json_even_when_nothing_was_heard(recording):
    for run in (recording, Recording()):
        json.dumps(summarise(run, PHASES), allow_nan=False)


def test_a_phase_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match=r"'late' runs from 2.0 to 1.0 s"):
        RunPhase('late', 2.0, 1.0)
