"""Operating points and profiles to decide on."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from dynofa_ros.runtime import ApplicationState, OperatingPoint, Profile, Slowdown, Target


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


def draw_applications(seed: int, *, count: int = 3) -> tuple[ApplicationState, ...]:
    """Draw applications on a GPU and a CPU with two clocks each; some targets cannot be met."""
    rng = np.random.default_rng(seed)
    return tuple(
        ApplicationState(
            build_profile(
                *(
                    build_point(
                        f'subnet{index}',
                        processor=processor,
                        frequency_hz=clock * 1e9,
                        latency_s=rng.uniform(0.01, 0.1) / clock,
                        energy_j=rng.uniform(0.05, 0.5) * clock,
                        accuracy=rng.uniform(0.5, 0.9),
                    )
                    for processor in ('cpu', 'gpu')
                    for clock in (0.5, 1.0)
                    for index in range(3)
                ),
                app=f'app{name}',
            ),
            Target(
                deadline_s=rng.choice([0.03, 0.1, math.nan]),
                min_accuracy=rng.choice([0.0, 0.7]),
                priority=int(rng.integers(0, 2)),
            ),
            {'cpu': Slowdown(1.2, 0.05), 'gpu': Slowdown(1.0, 0.05)},
            frame_period_s=0.1,
        )
        for name in range(count)
    )


@pytest.fixture
def several() -> Callable[..., tuple[ApplicationState, ...]]:
    return draw_applications


@pytest.fixture
def make_point() -> Callable[..., OperatingPoint]:
    return build_point


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    return build_profile


@pytest.fixture
def clocked() -> Callable[..., Profile]:
    return build_clocked
