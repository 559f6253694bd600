"""A board with round numbers, and scenarios on it that can be worked out in the head."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from dynofa_ros.platform import FrequencyDomain, Platform, Processor
from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.platform.thermal import ThermalZone
from dynofa_ros.runtime import Target
from dynofa_ros.simulation.network import Network
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.scenario import ApplicationPlan, Scenario, TargetChange

# A frame of `large` takes 25 ms at 400 MHz, of `medium` 15 ms, of `small` 10 ms.
LARGE = Network('large', accuracy=0.80, flops=10_000_000, layers=1)
MEDIUM = Network('medium', accuracy=0.75, flops=6_000_000, layers=1)
SMALL = Network('small', accuracy=0.70, flops=4_000_000, layers=1)
NETWORKS = Networks('round', (LARGE, MEDIUM, SMALL))


@pytest.fixture
def board() -> Platform:
    """Idle 2 W. GPU 100, 200, 400 MHz: 1, 2, 4 W above; one FLOP a cycle. CPU of 4 cores, slow."""
    gpu = Processor(
        name='gpu',
        kind='gpu',
        domain='gpu',
        cores=1,
        latency=LatencyModel(0.0, 0.0, 1.0, 0.0),
        busy_power=BusyPower((1e8, 2e8, 4e8), (3.0, 4.0, 6.0)),
        contention=1.0,
    )
    cpu = Processor(
        name='cpu',
        kind='cpu',
        domain='cpu',
        cores=4,
        latency=LatencyModel(0.0, 0.0, 0.01, 0.0),
        busy_power=BusyPower((1e9, 2e9), (4.0, 10.0)),
        contention=0.5,
    )
    return Platform(
        name='board',
        description='round numbers',
        idle_power_w=2.0,
        rail='VDD_IN',
        domains={
            'cpu': FrequencyDomain('cpu', (1e9, 2e9), change_delay_s=0.0),
            'gpu': FrequencyDomain('gpu', (1e8, 2e8, 4e8), change_delay_s=0.5),
        },
        processors={'cpu': cpu, 'gpu': gpu},
        thermal_zones={},
        battery=Battery(
            energy_j=100.0, full_voltage_v=12.0, nominal_voltage_v=10.0, empty_voltage_v=8.0
        ),
        sources={},
    )


@pytest.fixture
def hot_board(board: Platform) -> Platform:
    """The same, which throttles its GPU to 100 MHz above 4 W for long."""
    zone = ThermalZone(
        name='GPU-therm',
        domain='gpu',
        ambient_c=20.0,
        resistance_k_per_w=10.0,
        time_constant_s=1.0,
        throttle_c=60.0,
        hysteresis_k=5.0,
        throttled_frequency_hz=1e8,
    )
    return dataclasses.replace(board, thermal_zones={'GPU-therm': zone})


def build_application(name: str = 'camera', **changes: object) -> ApplicationPlan:
    """Ten images a second, the GPU, 100 ms to meet."""
    values: dict[str, object] = {
        'networks': NETWORKS,
        'period_s': 0.1,
        'targets': (TargetChange(0.0, Target(deadline_s=0.1)),),
        'processors': ('gpu',),
    }
    return ApplicationPlan(name, **{**values, **changes})


def build_scenario(*applications: ApplicationPlan, **changes: object) -> Scenario:
    """One second without jitter."""
    values: dict[str, object] = {
        'name': 'test',
        'description': '',
        'duration_s': 1.0,
        'latency_jitter': 0.0,
    }
    return Scenario(
        applications=applications or (build_application(),), **{**values, **changes}
    )


@pytest.fixture
def make_application() -> Callable[..., ApplicationPlan]:
    return build_application


@pytest.fixture
def make_scenario() -> Callable[..., Scenario]:
    return build_scenario
