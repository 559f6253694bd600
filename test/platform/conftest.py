# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fixtures of the device layer: a clock under control of the test, and a platform that heats up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dynofa_ros.platform import Platform
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.thermal import ThermalZone


class FakeClock:
    """A clock that stands still until a test advances it."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def machine(board: Platform, gpu_zone: ThermalZone) -> Platform:
    """The platform `board` with launch overheads on the GPU and a temperature sensor."""
    latencies = {
        'cpu': LatencyModel(0.0, 0.0, 1.0, serial_fraction=0.2),
        'gpu': LatencyModel(1e-3, 1e5, 100.0, serial_fraction=0.0),
    }
    processors = {
        name: dataclasses.replace(board.processors[name], latency=latency)
        for name, latency in latencies.items()
    }
    return dataclasses.replace(
        board, name='machine', processors=processors, thermal_zones={'GPU-therm': gpu_zone}
    )


@pytest.fixture
def cool_machine(machine: Platform) -> Platform:
    """The same platform without temperature sensors, hence without throttling."""
    return dataclasses.replace(machine, thermal_zones={})


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """The folder of published measurements next to the checkout, not part of the project."""
    folder = Path(__file__).resolve().parents[3] / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('../shared/data with the published measurements is missing')
    return folder
