"""What an oracle knows: every image to come, its luck, its target, and who else is at work then.

Times are turned into *work*: a second beside others counts as the undisturbed seconds that fit into
it. A sub-network meets the deadline at a clock if its undisturbed latency there fits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime import ManagerSettings, Target
from dynofa_ros.simulation.camera import Image, images
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.scenario import ApplicationPlan

FrameId = tuple[str, float]
"""Application, and when the image arrives."""
ROUNDING_S = 1e-9
"""A frame planned to end at its deadline must not end after it."""


@dataclass(frozen=True)
class ForeseenFrame:
    """An image to come."""

    app: str
    arrived_s: float
    spread: float  # what its inference takes, relative to what it should
    target: Target
    work_s: Mapping[str, float]  # undisturbed, of mean luck, that fits in; by processor

    @property
    def identity(self) -> FrameId:
        """Which frame it is."""
        return (self.app, self.arrived_s)


class Disturbance:
    """How co-runners slow each processor down over time."""

    def __init__(self, setup: Setup) -> None:
        self._rates: dict[str, list[tuple[float, float]]] = {}
        for name, unit in setup.platform.processors.items():
            changes = [each for each in setup.scenario.co_runners if each.processor == name]
            self._rates[name] = [(0.0, 1.0)] + [
                (each.at_s, 1.0 / unit.slowdown(each.utilisation)) for each in changes
            ]

    def work_s(self, processor: str, start_s: float, end_s: float) -> float:
        """Return the undisturbed seconds of work that fit between two times; 0 if none."""
        rates, total_s = self._rates[processor], 0.0
        ends_s = [at_s for at_s, _ in rates[1:]] + [end_s]
        for (from_s, rate), to_s in zip(rates, ends_s, strict=True):
            total_s += rate * max(0.0, min(to_s, end_s) - max(from_s, start_s))
        return total_s


def foresee(
    setup: Setup, *, stretch: Mapping[FrameId, float], luck: bool = True
) -> list[ForeseenFrame]:
    """Return all images to come, in order.

    A frame has until its deadline, and no longer than until its application's next image: it never
    makes that one wait. `stretch`: how much longer than beside co-runners alone a frame takes, by
    what the other applications do; not named: 1. Without `luck` each frame is reckoned to be as
    unlucky as the resource manager reckons by default: 95 % are not worse.
    """
    disturbance = Disturbance(setup)
    quantile = NormalDist().inv_cdf(ManagerSettings.deadline_probability)
    reckoned = math.exp(quantile * setup.scenario.latency_jitter)
    frames = []
    for plan in setup.scenario.applications:
        for image, next_s in _images(setup, plan):
            target = plan.target_at(image.arrived_s)
            start_s = image.arrived_s + plan.overhead_s
            end_s = min(image.arrived_s + target.deadline_s, next_s) - ROUNDING_S
            factor = image.spread if luck else reckoned
            factor *= stretch.get((plan.name, image.arrived_s), 1.0)
            work_s = {
                name: disturbance.work_s(name, start_s, end_s) / factor
                for name in plan.processors or setup.platform.processors
            }
            frames.append(ForeseenFrame(plan.name, image.arrived_s, image.spread, target, work_s))
    return sorted(frames, key=lambda each: (each.arrived_s, each.app))


def _images(setup: Setup, plan: ApplicationPlan) -> list[tuple[Image, float]]:
    """Return the images of an application, each with the time of the next one."""
    scenario = setup.scenario
    coming = images(plan, latency_jitter=scenario.latency_jitter, seed=setup.seed)
    end_s = min(plan.leave_s, scenario.duration_s)
    taken = list(itertools.takewhile(lambda each: each.arrived_s < end_s, coming))
    # Of the last one nobody waits for the next.
    next_s = [each.arrived_s for each in taken[1:]] + [taken[-1].arrived_s + 1e9] if taken else []
    return list(zip(taken, next_s, strict=True))
