# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import cv2
import pytest

from dynofa_ros.report.recording import (
    BatterySample,
    PlatformSample,
    RecordedCommand,
    RecordedFrame,
    RecordedObjective,
    Recording,
)
from dynofa_ros.report.summary import RunPhase


def make_frame(time_s, **changes):
    values = {
        'app': 'perception',
        'subnet_id': 'small',
        'processor': 'gpu',
        'latency_s': 0.03,
        'deadline_s': 0.04,
        'deadline_met': True,
        'energy_j': 0.5,
        'accuracy': 0.7,
        'dropped': 0,
        'refused': 0,
        'latency_source': 'modelled',
        'energy_source': 'modelled',
    }
    return RecordedFrame(time_s=time_s, **(values | changes))


@pytest.fixture
def recording():
    """Two phases of two frames: small at 30 ms, then large at 50 ms, which misses its deadline."""
    run = Recording()
    run.frames = [
        make_frame(0.1),
        make_frame(0.2, dropped=2),
        make_frame(
            1.1, subnet_id='large', latency_s=0.05, deadline_met=False, energy_j=1.5, accuracy=0.8
        ),
        make_frame(1.2, subnet_id='large', latency_s=0.03, refused=1, energy_j=math.nan),
    ]
    run.platform = [
        PlatformSample(0.1, 'nx', True, {'gpu': 1e9}, 5.0, 'modelled', 40.0),
        PlatformSample(1.1, 'nx', True, {'gpu': 5e8}, 9.0, 'modelled', 41.0),
    ]
    run.battery = [BatterySample(0.0, 0.5), BatterySample(1.5, 0.4)]
    run.objectives = [RecordedObjective(0.0, 'max_accuracy', 'battery 50%')]
    run.commands = [RecordedCommand(0.5, 'perception', 1, 'large on gpu', 'most accurate')]
    run.decisions_s = [0.001, 0.003]
    return run


@pytest.fixture
def cascading(recording):
    """The same, of a cascade that escalates one of four frames; the accuracy of one is unknown."""
    name = 'small+large@0.5'
    recording.frames = [
        replace(
            frame,
            subnet_id=name,
            stages=['small', 'large'] if index == 1 else ['small'],
            accuracy=math.nan if index == 3 else 0.7 - 0.2 * (index == 1),
        )
        for index, frame in enumerate(recording.frames)
    ]
    return recording


@pytest.fixture
def phases():
    """The two phases of `recording`."""
    return (RunPhase('first', 0.0, 1.0), RunPhase('second', 1.0, 2.0))


@pytest.fixture
def colours():
    """Return a function that returns the colours (B, G, R) of an image file."""
    return lambda file: {tuple(map(int, pixel)) for pixel in cv2.imread(str(file)).reshape(-1, 3)}
