# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Baseline: one sub-network per application, selected before the start and never switched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from dynofa_ros.platform import PlatformError
from dynofa_ros.runtime import (
    ApplicationState,
    DecisionState,
    OperatingPoint,
    Slowdown,
    decide,
)
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.application import SimulatedApplication
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.policies.policy import Policy, Setup
from dynofa_ros.simulation.scenario import ApplicationPlan

SelectOption = Callable[[Setup, ApplicationPlan], PointKey]


def largest(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the sub-network with the most operations; ties go to the most accurate."""
    points = fastest_options(setup, plan)
    return max(points, key=lambda each: (each.flops, each.accuracy, -each.latency_s)).key


def smallest(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the sub-network with the fewest operations; ties go to the fastest."""
    points = fastest_options(setup, plan)
    return min(points, key=lambda each: (each.flops, each.latency_s)).key


def alone(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the most accurate option that meets the first deadline without contention."""
    slowdowns = dict.fromkeys(setup.platform.processors, 1.0)
    return _most_accurate(setup, plan, plan.targets[0].target.deadline_s, slowdowns)


def best(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the most accurate option that meets the tightest deadline under worst contention.

    Worst contention means all other applications of the scenario and the heaviest co-runners: the
    choice of a designer who cannot adapt at run time.
    """
    slowdowns = {name: _worst_slowdown(setup, plan, name) for name in setup.platform.processors}
    deadline_s = min(each.target.deadline_s for each in plan.targets)
    return _most_accurate(setup, plan, deadline_s, slowdowns)


def by_name(subnet_id: str) -> SelectOption:
    """Return a selection of the named sub-network, where it is fastest."""

    def select(setup: Setup, plan: ApplicationPlan) -> PointKey:
        points = {each.subnet_id: each for each in fastest_options(setup, plan)}
        if subnet_id not in points:
            raise PlatformError(
                field=f'sub-network of application {plan.name}',
                value=subnet_id,
                expected=f'one of {", ".join(sorted(points))}',
            )
        return points[subnet_id].key

    return select


def fastest_options(setup: Setup, plan: ApplicationPlan) -> list[OperatingPoint]:
    """Return the fastest operating point of each sub-network at the highest frequencies."""
    fastest: dict[str, OperatingPoint] = {}
    for point in _at_highest_frequencies(setup, plan):
        known = fastest.get(point.subnet_id)
        if known is None or point.latency_s < known.latency_s:
            fastest[point.subnet_id] = point
    return list(fastest.values())


def _at_highest_frequencies(setup: Setup, plan: ApplicationPlan) -> tuple[OperatingPoint, ...]:
    highest_hz = {
        name: setup.platform.domains[processor.domain].frequencies_hz[-1]
        for name, processor in setup.platform.processors.items()
    }
    points = setup.profiles[plan.name].points
    return tuple(each for each in points if each.frequency_hz == highest_hz[each.processor])


def _most_accurate(
    setup: Setup, plan: ApplicationPlan, deadline_s: float, slowdowns: Mapping[str, float]
) -> PointKey:
    """Apply the runtime's decision once, at the highest frequencies."""
    points = _at_highest_frequencies(setup, plan)
    state = ApplicationState(
        profile=dataclasses.replace(setup.profiles[plan.name], points=points),
        target=dataclasses.replace(plan.targets[0].target, deadline_s=deadline_s),
        slowdowns={
            name: Slowdown(mean, mean * setup.scenario.latency_jitter)
            for name, mean in slowdowns.items()
        },
        overhead_s=plan.overhead_s,
        frame_period_s=plan.period_s,
    )
    return decide(DecisionState((state,))).choices[0].point.key


def _worst_slowdown(setup: Setup, plan: ApplicationPlan, processor: str) -> float:
    """Return the slowdown when everything that may use a processor does so at once."""
    co_runner = max(
        (e.utilisation for e in setup.scenario.co_runners if e.processor == processor), default=0.0
    )
    others = sum(
        1
        for other in setup.scenario.applications
        if other.name != plan.name
        and other.join_s < plan.leave_s
        and plan.join_s < other.leave_s
        and processor in (other.processors or setup.platform.processors)
    )
    per_other = setup.platform.slowdown(processor=processor, co_runner_utilisation=1.0) - 1.0
    return 1.0 + per_other * (co_runner + others)


class StaticPolicy(Policy):
    """Runs the selected sub-networks and never switches."""

    def __init__(
        self, setup: Setup, select: SelectOption, *, governors: Mapping[str, Governor]
    ) -> None:
        """Select for all applications. Raises PlatformError for an unknown sub-network."""
        self.governors = governors
        self._keys = {plan.name: select(setup, plan) for plan in setup.scenario.applications}

    def joined(self, application: SimulatedApplication) -> None:
        """Select the application's only sub-network."""
        application.switch(self._keys[application.plan.name])
