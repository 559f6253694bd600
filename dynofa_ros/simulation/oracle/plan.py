"""Plan clocks and sub-networks of all frames together, the future being known.

One frequency domain: its best course of clocks, each frame at every clock with its best
sub-network. Several: one domain after the other, the rest held, until nothing improves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.runtime import Objective
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.oracle.clock_schedule import cheapest_course
from dynofa_ros.simulation.oracle.foresight import ForeseenFrame, FrameId
from dynofa_ros.simulation.oracle.frame_cost import FrameCost, OracleChoice
from dynofa_ros.simulation.policies.policy import Setup

# Domains are gone through this often at most; two rounds were enough wherever it was tried.
ROUNDS = 5


@dataclass(frozen=True)
class OraclePlan:
    """What to run for each image, and which clock to ask for when."""

    keys: Mapping[str, Sequence[tuple[float, PointKey]]]  # by application: from this time on
    requests: Mapping[str, Sequence[tuple[float, float]]]  # by domain: time, and frequency in Hz
    work_s: Mapping[FrameId, float]  # that each frame is, of its luck, undisturbed


class OraclePlanner:
    """Plans the frames of a scenario."""

    def __init__(self, setup: Setup, *, objective: Objective) -> None:
        self._setup = setup
        priorities = [
            change.target.priority
            for plan in setup.scenario.applications
            for change in plan.targets
        ]
        self._costs = {
            name: FrameCost(profile, setup.platform, objective=objective, priorities=priorities)
            for name, profile in setup.profiles.items()
        }
        self._domains = sorted(
            {cost.domain(name) for cost in self._costs.values() for name in cost.processors}
        )

    @property
    def exact(self) -> bool:
        """Whether no better plan exists with changes of clock where images arrive."""
        return len(self._costs) == 1 and len(self._domains) == 1

    def plan(self, frames: Sequence[ForeseenFrame]) -> OraclePlan:
        """Plan frames, in order of arrival."""
        courses = {name: [self._clocks(name)[-1]] * len(frames) for name in self._domains}
        before = -1
        for _ in range(ROUNDS):
            for name in self._domains:
                courses[name] = self._course(name, frames, courses)
            total = sum(each.cost for each in self._choices(frames, courses))
            if total == before:
                break
            before = total
        return self._as_plan(frames, courses)

    def _clocks(self, domain: str) -> Sequence[float]:
        return self._setup.platform.domains[domain].frequencies_hz

    def _course(
        self, domain: str, frames: Sequence[ForeseenFrame], courses: Mapping[str, list[float]]
    ) -> list[float]:
        """Return the best clock of a domain at each frame, the other domains as they are."""
        clocks_hz = self._clocks(domain)
        table = []
        for index, frame in enumerate(frames):
            cost = self._costs[frame.app]
            inside = [each for each in cost.processors if cost.domain(each) == domain]
            elsewhere = [
                cost.best(frame, each, courses[cost.domain(each)][index]).cost
                for each in cost.processors
                if cost.domain(each) != domain
            ]
            table.append(
                [
                    min([*elsewhere, *(cost.best(frame, each, hz).cost for each in inside)])
                    for hz in clocks_hz
                ]
            )
        course = cheapest_course(
            table,
            [each.arrived_s for each in frames],
            delay_s=self._setup.platform.domains[domain].change_delay_s,
            start=len(clocks_hz) - 1,
        )
        return [clocks_hz[each] for each in course]

    def _choices(
        self, frames: Sequence[ForeseenFrame], courses: Mapping[str, list[float]]
    ) -> list[OracleChoice]:
        """Return what each frame runs."""
        found = []
        for index, frame in enumerate(frames):
            cost = self._costs[frame.app]
            options = [
                cost.best(frame, each, courses[cost.domain(each)][index])
                for each in cost.processors
            ]
            found.append(min(options, key=lambda each: each.cost))
        return found

    def _as_plan(
        self, frames: Sequence[ForeseenFrame], courses: Mapping[str, list[float]]
    ) -> OraclePlan:
        keys: dict[str, list[tuple[float, PointKey]]] = {name: [] for name in self._costs}
        work_s = {}
        for frame, choice in zip(frames, self._choices(frames, courses), strict=True):
            keys[frame.app].append((frame.arrived_s, choice.point.key))
            work_s[frame.identity] = choice.point.latency_s * frame.spread
        requests = {name: self._requests(name, frames, course) for name, course in courses.items()}
        return OraclePlan(keys, requests, work_s)

    def _requests(
        self, domain: str, frames: Sequence[ForeseenFrame], course: Sequence[float]
    ) -> list[tuple[float, float]]:
        """Return when to ask for which clock, so that it is in force when a frame's image comes."""
        delay_s = self._setup.platform.domains[domain].change_delay_s
        requests, now_hz = [], self._clocks(domain)[-1]
        for frame, hz in zip(frames, course, strict=True):
            if hz != now_hz:
                requests.append((max(0.0, frame.arrived_s - delay_s), hz))
                now_hz = hz
        return requests
