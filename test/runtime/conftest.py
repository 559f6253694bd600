"""Operating points and profiles to decide on."""

import math
from collections.abc import Callable

import pytest

from dynofa_ros.runtime import OperatingPoint, Profile


def build_point(subnet_id: str = 'small', **changes: object) -> OperatingPoint:
    values: dict[str, object] = {
        'subnet_id': subnet_id,
        'engine': 'torch',
        'processor': 'gpu',
        'threads': 1,
        'frequency_hz': math.nan,
        'latency_s': 0.04,
        'latency_std_s': 0.0,
        'energy_j': 0.1,
        'accuracy': 0.75,
        'flops': 100_000_000,
        'parameters': 1_000_000,
    }
    return OperatingPoint(**{**values, **changes})


def build_profile(*points: OperatingPoint, app: str = 'camera') -> Profile:
    return Profile(app, 'supernet', 'board', 'modelled', 'modelled', points)


def build_clocked(app: str = 'camera', processor: str = 'gpu') -> Profile:
    """Three sub-networks at two clocks; twice the clock halves latency and doubles the energy."""
    return build_profile(
        *(
            build_point(
                name,
                processor=processor,
                frequency_hz=clock * 1e9,
                latency_s=work / clock,
                energy_j=work * clock,
                accuracy=accuracy,
            )
            for clock in (0.5, 1.0)
            for name, work, accuracy in (
                ('small', 0.02, 0.70),
                ('medium', 0.03, 0.75),
                ('large', 0.05, 0.80),
            )
        ),
        app=app,
    )


@pytest.fixture
def make_point() -> Callable[..., OperatingPoint]:
    return build_point


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    return build_profile


@pytest.fixture
def clocked() -> Callable[..., Profile]:
    return build_clocked
