"""Which one sub-network an application is given that cannot switch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from dynofa_ros.platform import PlatformError
from dynofa_ros.runtime import (
    ApplicationState,
    DecisionState,
    OperatingPoint,
    Profile,
    Slowdown,
    decide,
)
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.application import SimulatedApplication
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.policies.policy import Policy, Setup
from dynofa_ros.simulation.scenario import ApplicationPlan

Choose = Callable[[Setup, ApplicationPlan], PointKey]


def largest(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the sub-network of most operations where it is fastest; of equals the best."""
    points = fastest_places(setup, plan)
    return max(points, key=lambda each: (each.flops, each.accuracy, -each.latency_s)).key


def smallest(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the sub-network of fewest operations where it is fastest; of equals the fastest."""
    points = fastest_places(setup, plan)
    return min(points, key=lambda each: (each.flops, each.latency_s)).key


def alone(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the most accurate that meets the first deadline with nothing else on the machine."""
    return _most_accurate(setup, plan, deadline_s=plan.targets[0].target.deadline_s, beside=False)


def best(setup: Setup, plan: ApplicationPlan) -> PointKey:
    """Return the most accurate that meets the tightest deadline of all, at the worst of times.

    That is beside all other applications of the scenario and its co-runners at their heaviest:
    what somebody has to choose who can choose only once.
    """
    deadline_s = min(each.target.deadline_s for each in plan.targets)
    return _most_accurate(setup, plan, deadline_s=deadline_s, beside=True)


def named(subnet_id: str) -> Choose:
    """Return the choice of one sub-network by name, where it is fastest."""

    def choose(setup: Setup, plan: ApplicationPlan) -> PointKey:
        points = {each.subnet_id: each for each in fastest_places(setup, plan)}
        if subnet_id not in points:
            raise PlatformError(
                field=f'sub-network of application {plan.name}',
                value=subnet_id,
                expected=f'one of {", ".join(sorted(points))}',
            )
        return points[subnet_id].key

    return choose


def fastest_places(setup: Setup, plan: ApplicationPlan) -> list[OperatingPoint]:
    """Return each sub-network once, where it is fastest at the highest clocks."""
    fastest: dict[str, OperatingPoint] = {}
    for point in _at_highest_clocks(setup, setup.profiles[plan.name]):
        before = fastest.get(point.subnet_id)
        if before is None or point.latency_s < before.latency_s:
            fastest[point.subnet_id] = point
    return list(fastest.values())


def _at_highest_clocks(setup: Setup, profile: Profile) -> list[OperatingPoint]:
    highest_hz = {
        name: setup.platform.domains[unit.domain].frequencies_hz[-1]
        for name, unit in setup.platform.processors.items()
    }
    return [each for each in profile.points if each.frequency_hz == highest_hz[each.processor]]


def _most_accurate(
    setup: Setup, plan: ApplicationPlan, *, deadline_s: float, beside: bool
) -> PointKey:
    """Decide once, by the rules of the runtime, at the highest clocks."""
    profile = setup.profiles[plan.name]
    slowdowns = dict.fromkeys(setup.platform.processors, 1.0)
    if beside:
        slowdowns = {name: _worst(setup, plan, name) for name in setup.platform.processors}
    state = ApplicationState(
        profile=dataclasses.replace(profile, points=tuple(_at_highest_clocks(setup, profile))),
        target=dataclasses.replace(plan.targets[0].target, deadline_s=deadline_s),
        slowdowns={
            name: Slowdown(mean, mean * setup.scenario.latency_jitter)
            for name, mean in slowdowns.items()
        },
        overhead_s=plan.overhead_s,
        frame_period_s=plan.period_s,
    )
    return decide(DecisionState((state,))).choices[0].point.key


def _worst(setup: Setup, plan: ApplicationPlan, processor: str) -> float:
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
    """Never switches."""

    def __init__(self, setup: Setup, choose: Choose, *, governors: Mapping[str, Governor]) -> None:
        """Choose for all applications. Raises PlatformError for a sub-network there is not."""
        self.governors = governors
        self._keys = {plan.name: choose(setup, plan) for plan in setup.scenario.applications}

    def joined(self, application: SimulatedApplication) -> None:
        """Run the one sub-network."""
        application.switch(self._keys[application.plan.name])
