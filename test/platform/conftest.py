"""A machine with round numbers, so that expectations can be worked out in the head."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dynofa_ros.platform import FrequencyDomain, Platform, Processor
from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.platform.thermal import ThermalZone


class FakeClock:
    """A clock that stands still until a test lets time pass."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def machine() -> Platform:
    """Idle 2 W. GPU 100, 200, 400 MHz: 3, 4, 6 W busy. CPU of 4 cores, 1 and 2 GHz: 4 and 10 W."""
    gpu = Processor(
        name='gpu',
        kind='gpu',
        domain='gpu',
        cores=1,
        latency=LatencyModel(1e-3, 1e5, 100.0, 0.0),
        busy_power=BusyPower((1e8, 2e8, 4e8), (3.0, 4.0, 6.0)),
        contention=1.0,
    )
    cpu = Processor(
        name='cpu',
        kind='cpu',
        domain='cpu',
        cores=4,
        latency=LatencyModel(0.0, 0.0, 1.0, 0.2),
        busy_power=BusyPower((1e9, 2e9), (4.0, 10.0)),
        contention=0.5,
    )
    return Platform(
        name='machine',
        description='round numbers',
        idle_power_w=2.0,
        rail='VDD_IN',
        domains={
            'cpu': FrequencyDomain('cpu', (1e9, 2e9), change_delay_s=0.0),
            'gpu': FrequencyDomain('gpu', (1e8, 2e8, 4e8), change_delay_s=0.5),
        },
        processors={'cpu': cpu, 'gpu': gpu},
        thermal_zones={'GPU-therm': zone_of_gpu()},
        battery=Battery(
            energy_j=100.0, full_voltage_v=12.0, nominal_voltage_v=10.0, empty_voltage_v=8.0
        ),
        sources={},
    )


def zone_of_gpu() -> ThermalZone:
    return ThermalZone(
        name='GPU-therm',
        domain='gpu',
        ambient_c=20.0,
        resistance_k_per_w=10.0,
        time_constant_s=10.0,
        throttle_c=70.0,
        hysteresis_k=5.0,
        throttled_frequency_hz=1e8,
    )


@pytest.fixture
def cool_machine(machine: Platform) -> Platform:
    """The same without a temperature that could hold its clocks back."""
    return dataclasses.replace(machine, thermal_zones={})


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """The folder of published measurements, beside the checkout; not part of the project."""
    folder = Path(__file__).resolve().parents[3] / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('published measurements are not on this machine: no ../shared/data')
    return folder
