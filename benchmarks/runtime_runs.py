# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulated run of runtime.py: which images were late, how accurate, and the energy used."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynofa_ros.platform import load_platform
from dynofa_ros.simulation import Result, Scenario, load_scenario, simulate
from dynofa_ros.simulation.scenario import ApplicationPlan, TargetChange

AFTER_STEP_S = 5.0
"""An image counts as late after a contention step for at most this long."""


@dataclass(frozen=True)
class Requirement:
    """Requirements for a policy that go beyond those of the scenario."""

    objective: str
    min_accuracy: Mapping[str, float] = field(default_factory=dict)  # by application
    deadline_s: Mapping[str, float] = field(default_factory=dict)  # upper limit, by application

    def apply(self, scenario: Scenario) -> Scenario:
        """Return the scenario with these requirements."""
        plans = tuple(self._tighten(each) for each in scenario.applications)
        return dataclasses.replace(scenario, applications=plans, objective=self.objective)

    def _tighten(self, plan: ApplicationPlan) -> ApplicationPlan:
        floor = self.min_accuracy.get(plan.name, 0.0)
        cap_s = self.deadline_s.get(plan.name, math.inf)
        changes = []
        for change in plan.targets:
            target = dataclasses.replace(
                change.target,
                min_accuracy=max(floor, change.target.min_accuracy),
                deadline_s=min(cap_s, change.target.deadline_s),
            )
            changes.append(TargetChange(change.at_s, target))
        return dataclasses.replace(plan, targets=tuple(changes))


@dataclass(frozen=True)
class Case:
    """The inputs of one run."""

    platform: str
    scenario: str
    label: str  # of the policy in tables
    policy: str
    seed: int
    profile_error: float = 0.0  # of the profile that policies are given, see Scenario
    requirement: Requirement | None = None


@dataclass(frozen=True)
class Image:
    """The outcome of one image, judged by the scenario's own deadline."""

    app: str
    arrived_s: float
    latency_s: float  # NaN: dropped
    met: bool
    accuracy: float  # of the sub-network that classified it; 0: dropped

    @property
    def dropped(self) -> bool:
        """Whether a newer image replaced it."""
        return math.isnan(self.latency_s)


@dataclass(frozen=True)
class Run:
    """The outcome of one run."""

    case: Case
    images: tuple[Image, ...]
    board_energy_j: float  # per frame, including idle power
    frame_energy_j: float  # per frame, above idle, of the inferences
    accuracy: Mapping[str, float]  # by application, mean over frames
    latency_p95_s: Mapping[str, float]  # by application
    switches: int
    clock_changes: int

    @property
    def missed(self) -> float:
        """Fraction of the images that were late or dropped."""
        return fraction([not each.met for each in self.images])

    @property
    def effective_accuracy(self) -> float:
        """Mean accuracy of all images, where a late or a dropped one counts 0 (ALERT)."""
        values = [each.accuracy * each.met for each in self.images]
        return sum(values) / len(values) if values else math.nan

    @property
    def late_after_step(self) -> float:
        """Images late or dropped after a step of contention, per step; NaN without a step."""
        steps_s = list(contention_steps(scenario_of(self.case.scenario)))
        late = [
            each
            for each in self.images
            if not each.met and any(begin_s <= each.arrived_s < end_s for begin_s, end_s in steps_s)
        ]
        return len(late) / len(steps_s) if steps_s else math.nan


def fraction(values: Sequence[bool]) -> float:
    """Return the fraction of true values; NaN without values."""
    return sum(values) / len(values) if values else math.nan


platform_of = functools.cache(load_platform)
scenario_of = functools.cache(load_scenario)


def contention_steps(scenario: Scenario) -> Iterator[tuple[float, float]]:
    """Yield begin and end of the time after each increase of contention [s].

    A co-runner takes more of its processor, or an application joins others. The time ends with the
    next change, or after `AFTER_STEP_S`.
    """
    before: dict[str, float] = {}
    steps_s = set()
    changes_s = {scenario.duration_s}
    for each in sorted(scenario.co_runners, key=lambda each: each.at_s):
        changes_s.add(each.at_s)
        if each.utilisation > before.get(each.processor, 0.0):
            steps_s.add(each.at_s)
        before[each.processor] = each.utilisation
    joined_s = [each.join_s for each in scenario.applications]
    for plan in scenario.applications:
        changes_s |= {plan.join_s, plan.leave_s, *(each.at_s for each in plan.targets)}
        if plan.join_s > min(joined_s):
            steps_s.add(plan.join_s)
    for begin_s in sorted(steps_s):
        after_s = min((each for each in changes_s if each > begin_s), default=math.inf)
        if begin_s < scenario.duration_s:
            yield begin_s, min(begin_s + AFTER_STEP_S, after_s)


def make_run(case: Case) -> Run:
    """Simulate a case."""
    scenario = scenario_of(case.scenario)
    imperfect = dataclasses.replace(scenario, profile_error=case.profile_error)
    required = case.requirement.apply(imperfect) if case.requirement else imperfect
    events: list[dict[str, Any]] = []

    def record(event: dict[str, Any]) -> None:
        if event['event'] in ('frame', 'dropped'):
            events.append(event)

    platform = platform_of(case.platform)
    result = simulate(platform, required, case.policy, case.seed, trace=record)
    return build_run(case, scenario, result, events)


def build_run(
    case: Case, scenario: Scenario, result: Result, events: Sequence[Mapping[str, Any]]
) -> Run:
    """Judge all images by the deadlines of `scenario`, whatever was required of the policy."""
    applications = result.applications
    work_j = sum(e.energy_per_frame_j * e.frames for e in applications.values() if e.frames)
    return Run(
        case=case,
        images=tuple(image for plan in scenario.applications for image in images_of(plan, events)),
        board_energy_j=result.energy_per_frame_j,
        frame_energy_j=work_j / result.frames if result.frames else math.nan,
        accuracy={name: each.accuracy for name, each in applications.items()},
        latency_p95_s={name: each.latency_p95_s for name, each in applications.items()},
        switches=sum(each.switches for each in applications.values()),
        clock_changes=sum(result.clock_changes.values()),
    )


def images_of(plan: ApplicationPlan, events: Sequence[Mapping[str, Any]]) -> list[Image]:
    """Return the completed and the dropped images of an application, in order of arrival."""
    own = [each for each in events if each['app'] == plan.name]
    images = []
    for event in sorted(own, key=lambda each: each['arrived_s']):
        arrived_s, latency_s = event['arrived_s'], event.get('latency_s', math.nan)
        met = latency_s <= plan.target_at(arrived_s).deadline_s
        images.append(Image(plan.name, arrived_s, latency_s, met, event.get('accuracy', 0.0)))
    return images
