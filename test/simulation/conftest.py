"""A board with round numbers, and scenarios on it that can be worked out in the head."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from dynofa_ros.platform import Platform
from dynofa_ros.platform.thermal import ThermalZone
from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.runtime import Target
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.scenario import ApplicationPlan, Scenario, TargetChange

# A frame of `large` takes 25 ms at 400 MHz, of `medium` 15 ms, of `small` 10 ms.
LARGE = SubnetCost('large', accuracy=0.80, flops=10_000_000, layers=1)
MEDIUM = SubnetCost('medium', accuracy=0.75, flops=6_000_000, layers=1)
SMALL = SubnetCost('small', accuracy=0.70, flops=4_000_000, layers=1)
NETWORKS = Networks('round', (LARGE, MEDIUM, SMALL))


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
    return Scenario(applications=applications or (build_application(),), **{**values, **changes})


@pytest.fixture
def make_application() -> Callable[..., ApplicationPlan]:
    return build_application


@pytest.fixture
def make_scenario() -> Callable[..., Scenario]:
    return build_scenario
