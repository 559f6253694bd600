# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import pytest

from dynofa_ros.report.recording import MeasuredEnergy, RecordedCommand, Recording


def recording_of(*commands):
    return Recording(commands=[RecordedCommand(0.0, *each, 'what', 'why') for each in commands])


def test_a_state_acknowledges_earlier_commands_too():
    run = recording_of(('perception', 1), ('perception', 2))
    run.acknowledge('perception', 2, time_s=0.5, applied=False, result='no')
    assert run.unacknowledged == []
    assert [each.result for each in run.commands] == ['superseded by a later command', 'no']


@pytest.mark.parametrize(('receiver', 'sequence'), [('platform', 2), ('perception', 1)])
def test_a_state_of_another_receiver_or_before_the_command_acknowledges_nothing(receiver, sequence):
    run = recording_of(('perception', 2))
    run.acknowledge(receiver, sequence, time_s=0.5, applied=True, result='done')
    assert run.unacknowledged == run.commands


def test_the_first_acknowledgement_counts():
    run = recording_of(('perception', 1))
    run.acknowledge('perception', 1, time_s=0.5, applied=True, result='done')
    run.acknowledge('perception', 1, time_s=0.9, applied=True, result='again')
    assert (run.commands[0].acknowledged_s, run.commands[0].applied) == (0.5, True)


@pytest.fixture
def measured():
    return MeasuredEnergy(
        app='perception',
        sequence=2,
        energy_j=0.7,
        energy_std_j=0.1,
        energy_common_std_j=0.05,
        source='measured_rapl',
        window_s=0.0,
    )


@pytest.fixture
def run(recording):
    recording.frames = [
        replace(frame, sequence=1 + index) for index, frame in enumerate(recording.frames)
    ]
    return recording


def test_measured_energy_replaces_modelled_energy(run, measured):
    before = list(run.frames)
    run.add_energy(measured)
    frame = run.frames[1]
    assert (frame.energy_j, frame.energy_std_j, frame.energy_common_std_j) == (0.7, 0.1, 0.05)
    assert frame.energy_source == 'measured_rapl'
    assert [run.frames[0], *run.frames[2:]] == [before[0], *before[2:]]


@pytest.mark.parametrize(
    'change', [{'energy_j': math.nan}, {'app': 'another'}, {'sequence': 99}], ids=str
)
def test_unknown_energy_or_an_unknown_frame_changes_nothing(run, measured, change):
    before = list(run.frames)
    run.add_energy(replace(measured, **change))
    assert run.frames == before


def test_after_a_restart_of_the_application_the_latest_frame_is_updated(run, measured):
    run.frames.append(replace(run.frames[1], time_s=9.0))
    run.add_energy(measured)
    assert [frame.energy_j for frame in run.frames if frame.sequence == 2] == [0.5, 0.7]
