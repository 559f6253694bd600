# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle's knowledge: every future image, its jitter and target, and all co-runners.

Times are converted to *work*: a second under contention counts as the seconds of undisturbed
execution that fit into it. A sub-network meets the deadline at a frequency if its undisturbed
latency there fits into a frame's work.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from dynofa_ros.runtime import ManagerSettings, Target
from dynofa_ros.simulation.camera import Image, images
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.scenario import ApplicationPlan

FrameId = tuple[str, float]
"""Application, and arrival time of the image."""
ROUNDING_S = 1e-9
"""Margin that keeps a frame planned to end at its deadline from ending after it."""


@dataclass(frozen=True)
class ForeseenFrame:
    """A future image."""

    app: str
    arrived_s: float
    latency_factor: float  # actual / modelled latency of its inference
    target: Target
    work_s: Mapping[str, float]  # undisturbed seconds available for it, by processor
    picture: int  # that it shows

    @property
    def identity(self) -> FrameId:
        """The frame's identifier."""
        return (self.app, self.arrived_s)


class CoRunnerContention:
    """How much co-runners slow each processor down over time."""

    def __init__(self, setup: Setup) -> None:
        self._rates: dict[str, list[tuple[float, float]]] = {}
        for name, processor in setup.platform.processors.items():
            changes = [each for each in setup.scenario.co_runners if each.processor == name]
            self._rates[name] = [(0.0, 1.0)] + [
                (each.at_s, 1.0 / processor.slowdown(each.utilisation)) for each in changes
            ]

    def work_s(self, processor: str, start_s: float, end_s: float) -> float:
        """Return the undisturbed seconds of work that fit between two times; 0 if none."""
        rates, total_s = self._rates[processor], 0.0
        ends_s = [at_s for at_s, _ in rates[1:]] + [end_s]
        for (from_s, rate), to_s in zip(rates, ends_s, strict=True):
            total_s += rate * max(0.0, min(to_s, end_s) - max(from_s, start_s))
        return total_s


def foresee(
    setup: Setup, *, interference: Mapping[FrameId, float], knows_jitter: bool = True
) -> list[ForeseenFrame]:
    """Return all future images in order.

    A frame must end before its deadline and before its application's next image, so that it never
    makes that one wait. `interference` is the slowdown of single frames by other applications
    (default 1). Without `knows_jitter` every frame gets the latency factor that the resource
    manager plans for by default: the 95 % quantile.
    """
    contention = CoRunnerContention(setup)
    planned_factor = setup.scenario.latency_distribution.quantile(
        ManagerSettings.deadline_probability, spread=setup.scenario.latency_jitter
    )
    frames = []
    for plan in setup.scenario.applications:
        for image, next_s in _images(setup, plan):
            target = plan.target_at(image.arrived_s)
            start_s = image.arrived_s + plan.overhead_s
            end_s = min(image.arrived_s + target.deadline_s, next_s) - ROUNDING_S
            factor = image.latency_factor if knows_jitter else planned_factor
            factor *= interference.get((plan.name, image.arrived_s), 1.0)
            work_s = {
                name: contention.work_s(name, start_s, end_s) / factor
                for name in plan.processors or setup.platform.processors
            }
            frames.append(
                ForeseenFrame(
                    plan.name,
                    image.arrived_s,
                    image.latency_factor,
                    target,
                    work_s,
                    image.picture,
                )
            )
    return sorted(frames, key=lambda each: (each.arrived_s, each.app))


def _images(setup: Setup, plan: ApplicationPlan) -> list[tuple[Image, float]]:
    """Return the images of an application, each with the arrival time of the next one."""
    scenario = setup.scenario
    coming = images(
        plan,
        latency_jitter=scenario.latency_jitter,
        distribution=scenario.latency_distribution,
        seed=setup.seed,
    )
    end_s = min(plan.leave_s, scenario.duration_s)
    taken = list(itertools.takewhile(lambda each: each.arrived_s < end_s, coming))
    # The last image has no successor to wait for it.
    next_s = [each.arrived_s for each in taken[1:]] + [taken[-1].arrived_s + 1e9] if taken else []
    return list(zip(taken, next_s, strict=True))
