# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Plan the frequencies and sub-networks of all frames, given the future.

One frequency domain: the cheapest schedule, with the best sub-network of each frame at each
frequency. Several domains: coordinate descent, one domain after another, until nothing improves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.runtime import Objective
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.oracle.clock_schedule import cheapest_schedule
from dynofa_ros.simulation.oracle.foresight import ForeseenFrame, FrameId
from dynofa_ros.simulation.oracle.frame_cost import FrameCost, OracleChoice
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.scene import Scene

# Limit of the coordinate descent; two rounds were enough in all scenarios.
MAX_ROUNDS = 5

Schedules = Mapping[str, Sequence[float]]
"""The frequency at each frame, by domain."""


@dataclass(frozen=True)
class OraclePlan:
    """Which option to run for each image, and when to request which frequency."""

    keys: Mapping[str, Sequence[tuple[float, PointKey]]]  # by application: arrival time and option
    requests: Mapping[str, Sequence[tuple[float, float]]]  # by domain: time and frequency in Hz
    work_s: Mapping[FrameId, float]  # undisturbed time of each frame, including its jitter


class OraclePlanner:
    """Plans the frames of a scenario."""

    def __init__(self, setup: Setup, *, objective: Objective) -> None:
        priorities = [
            change.target.priority
            for plan in setup.scenario.applications
            for change in plan.targets
        ]
        self._costs = {
            plan.name: FrameCost(
                setup.truth[plan.name],
                setup.platform,
                objective=objective,
                priorities=priorities,
                scene=Scene(plan.networks.scores),
            )
            for plan in setup.scenario.applications
        }
        names = sorted({name for cost in self._costs.values() for name in cost.domains.values()})
        self._domains = {name: setup.platform.domains[name] for name in names}

    @property
    def exact(self) -> bool:
        """Whether the plan is optimal among those that change frequency when images arrive."""
        return len(self._costs) == 1 and len(self._domains) == 1

    def plan(self, frames: Sequence[ForeseenFrame]) -> OraclePlan:
        """Plan frames, given in order of arrival."""
        schedules = {
            name: [domain.frequencies_hz[-1]] * len(frames)
            for name, domain in self._domains.items()
        }
        previous = -1
        for _ in range(MAX_ROUNDS):
            for name in self._domains:
                schedules[name] = self._improve(name, frames, schedules)
            total = sum(each.cost for each in self._choices(frames, schedules))
            if total == previous:
                break
            previous = total
        return self._as_plan(frames, schedules)

    def _improve(
        self, domain: str, frames: Sequence[ForeseenFrame], schedules: Schedules
    ) -> list[float]:
        """Return the best schedule of a domain while the other domains keep theirs."""
        frequencies_hz = self._domains[domain].frequencies_hz
        table = []
        for index, frame in enumerate(frames):
            cost = self._costs[frame.app]
            inside = [each for each, name in cost.domains.items() if name == domain]
            elsewhere = [
                cost.best(frame, each, schedules[name][index]).cost
                for each, name in cost.domains.items()
                if name != domain
            ]
            table.append(
                [
                    min([*elsewhere, *(cost.best(frame, each, hz).cost for each in inside)])
                    for hz in frequencies_hz
                ]
            )
        schedule = cheapest_schedule(
            table,
            [each.arrived_s for each in frames],
            delay_s=self._domains[domain].change_delay_s,
            start=len(frequencies_hz) - 1,
        )
        return [frequencies_hz[each] for each in schedule]

    def _choices(self, frames: Sequence[ForeseenFrame], schedules: Schedules) -> list[OracleChoice]:
        """Return the cheapest choice for each frame."""
        found = []
        for index, frame in enumerate(frames):
            cost = self._costs[frame.app]
            options = [
                cost.best(frame, each, schedules[name][index])
                for each, name in cost.domains.items()
            ]
            found.append(min(options, key=lambda each: each.cost))
        return found

    def _as_plan(self, frames: Sequence[ForeseenFrame], schedules: Schedules) -> OraclePlan:
        keys: dict[str, list[tuple[float, PointKey]]] = {name: [] for name in self._costs}
        work_s = {}
        for frame, choice in zip(frames, self._choices(frames, schedules), strict=True):
            keys[frame.app].append((frame.arrived_s, choice.key))
            work_s[frame.identity] = choice.point.latency_s * frame.latency_factor
        requests = {name: self._requests(name, frames, each) for name, each in schedules.items()}
        return OraclePlan(keys, requests, work_s)

    def _requests(
        self, name: str, frames: Sequence[ForeseenFrame], schedule: Sequence[float]
    ) -> list[tuple[float, float]]:
        """Return when to request which frequency, so that it is in force when an image arrives."""
        domain = self._domains[name]
        requests, current_hz = [], domain.frequencies_hz[-1]
        for frame, hz in zip(frames, schedule, strict=True):
            if hz != current_hz:
                requests.append((max(0.0, frame.arrived_s - domain.change_delay_s), hz))
                current_hz = hz
        return requests
