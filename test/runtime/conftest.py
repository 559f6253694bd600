# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Operating points, profiles and applications to decide on, and a robot around the manager."""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    DomainObservation,
    FrameObservation,
    ManagerSettings,
    OperatingPoint,
    PlatformObservation,
    Profile,
    ResourceManager,
    Slowdown,
    SubnetObservation,
    Target,
    TargetRequest,
)

POINT = OperatingPoint(
    subnet_id='small',
    engine='torch',
    processor='gpu',
    threads=1,
    frequency_hz=math.nan,
    latency_s=0.04,
    latency_std_s=0.0,
    energy_j=0.1,
    accuracy=0.75,
    flops=100_000_000,
    parameters=1_000_000,
)
CLOCKS_HZ = (0.5e9, 1e9)


def build_point(subnet_id: str = 'small', **changes: object) -> OperatingPoint:
    return replace(POINT, subnet_id=subnet_id, **changes)


def build_profile(*points: OperatingPoint, app: str = 'camera') -> Profile:
    return Profile(app, 'supernet', 'board', 'modelled', 'modelled', points)


def build_clocked(app: str = 'camera', processor: str = 'gpu') -> Profile:
    """Three sub-networks at two frequencies; the higher one halves latency and doubles energy."""
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
    """Draw applications on a GPU and a CPU of two frequencies; some targets cannot be met."""
    rng = np.random.default_rng(seed)
    places = list(itertools.product(('cpu', 'gpu'), (0.5, 1.0), range(3)))
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
                    for processor, clock, index in places
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


class Robot:
    """A manager in simulated time, with a GPU and applications that obey if `step` is used."""

    def __init__(self, profile: Profile, **settings: object) -> None:
        self.now_s, self.clock_hz = 100.0, 1e9
        self.manager = ResourceManager(ManagerSettings(**settings), clock=lambda: self.now_s)
        self.manager.set_profile(profile)
        self.frames: Counter[str] = Counter()

    def platform(self, *, sequence=0, applied=False, result='', **changes):
        gpu = DomainObservation('gpu', ('gpu',), self.clock_hz, CLOCKS_HZ, True)
        self.manager.observe_platform(
            PlatformObservation('board', (gpu,), sequence, applied, result, **changes)
        )

    def step(self):
        """Decide, and obey all commands."""
        output = self.manager.step()
        for command in output.switches:
            self.acknowledge(command)
        if output.clocks is not None:
            self.set_clock(output.clocks)
        return output

    def set_clock(self, command):
        self.clock_hz = command.clocks_hz['gpu']
        self.platform(sequence=command.sequence, applied=True)

    def acknowledge(self, command, *, applied=True, result=''):
        self.manager.observe_subnet(
            SubnetObservation(
                command.app, command.subnet_id, command.processor, command.sequence, applied, result
            )
        )

    def frame(self, subnet_id='large', inference_s=0.05, *, app='camera', period_s=1.0):
        """Report a frame; by default the camera is so slow that no frame waits."""
        self.frames[app] += 1
        stamp_s = self.frames[app] * period_s
        self.manager.observe_frame(
            FrameObservation(
                app, self.frames[app], subnet_id, 'torch', 'gpu', 1, inference_s, 0.0, stamp_s
            )
        )

    def request(self, deadline_s, *, app='camera', **changes):
        self.manager.request_target(TargetRequest(app, deadline_s, **changes))


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


@pytest.fixture
def make_robot() -> Callable[..., Robot]:
    """Return the class of a robot with one application; its settings are keyword arguments."""
    return Robot
