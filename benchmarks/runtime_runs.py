# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulated run of runtime.py: which images were late, and the energy used."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynofa_ros.platform import load_platform
from dynofa_ros.simulation import Result, Scenario, load_scenario, simulate
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.registry import OURS, MakePolicy
from dynofa_ros.simulation.scenario import ApplicationPlan, TargetChange

SETTLING_FRAMES = 3
"""Frames of an application after a change that do not count as steady state."""
IN_A_ROW = 10
"""An application complies again from the first of so many consecutive images in time."""


@dataclass(frozen=True)
class Requirement:
    """Requirements for a policy that go beyond those of the scenario."""

    objective: str
    min_accuracy: Mapping[str, float] = field(default_factory=dict)  # by application
    deadline_s: Mapping[str, float] = field(default_factory=dict)  # upper limit, by application
    deadline_probability: float = 0.95

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
    requirement: Requirement | None = None


@dataclass(frozen=True)
class Image:
    """The outcome of one image, judged by the scenario's own deadline."""

    app: str
    arrived_s: float
    latency_s: float  # NaN: dropped
    met: bool
    steady: bool = False

    @property
    def dropped(self) -> bool:
        """Whether a newer image replaced it."""
        return math.isnan(self.latency_s)


@dataclass(frozen=True)
class Run:
    """The outcome of one run."""

    case: Case
    images: tuple[Image, ...]
    energy_per_frame_j: float  # of the board, including idle power
    work_energy_per_frame_j: float  # above idle, of the inferences
    accuracy: Mapping[str, float]  # by application, mean over frames
    latency_p95_s: Mapping[str, float]  # by application
    compliance_images: float  # NaN: no co-runner, or never compliant again
    compliance_s: float
    switches: int
    clock_changes: int

    @property
    def missed(self) -> float:
        """Fraction of the images that were late or dropped."""
        return fraction([not each.met for each in self.images])

    @property
    def steady_missed(self) -> float:
        """Fraction of the images in steady state that were late or dropped."""
        return fraction([not each.met for each in self.images if each.steady])

    @property
    def late(self) -> frozenset[tuple[str, float]]:
        """The images in steady state that were late or dropped."""
        return frozenset((e.app, e.arrived_s) for e in self.images if e.steady and not e.met)


def fraction(values: Sequence[bool]) -> float:
    """Return the fraction of true values; NaN without values."""
    return sum(values) / len(values) if values else math.nan


platform_of = functools.cache(load_platform)
scenario_of = functools.cache(load_scenario)


def make_run(case: Case) -> Run:
    """Simulate a case."""
    scenario = scenario_of(case.scenario)
    required = case.requirement.apply(scenario) if case.requirement else scenario
    events: list[dict[str, Any]] = []

    def record(event: dict[str, Any]) -> None:
        if event['event'] in ('frame', 'dropped'):
            events.append(event)

    platform = platform_of(case.platform)
    result = simulate(platform, required, policy_of(case), case.seed, trace=record)
    return build_run(case, scenario, result, events)


def policy_of(case: Case) -> str | MakePolicy:
    """Return the policy of a case; ours with the required deadline probability."""
    if case.policy != OURS or case.requirement is None:
        return case.policy
    probability = case.requirement.deadline_probability
    return lambda setup: ManagedPolicy(setup, deadline_probability=probability)


def build_run(
    case: Case, scenario: Scenario, result: Result, events: Sequence[Mapping[str, Any]]
) -> Run:
    """Judge all images by the deadlines of `scenario`, whatever was required of the policy."""
    images = tuple(
        image for plan in scenario.applications for image in images_of(plan, scenario, events)
    )
    applications = result.applications
    compliance_images, compliance_s = compliance(images, scenario)
    work_j = sum(e.energy_per_frame_j * e.frames for e in applications.values() if e.frames)
    return Run(
        case=case,
        images=images,
        energy_per_frame_j=result.energy_per_frame_j,
        work_energy_per_frame_j=work_j / result.frames if result.frames else math.nan,
        accuracy={name: each.accuracy for name, each in applications.items()},
        latency_p95_s={name: each.latency_p95_s for name, each in applications.items()},
        compliance_images=compliance_images,
        compliance_s=compliance_s,
        switches=sum(each.switches for each in applications.values()),
        clock_changes=sum(result.clock_changes.values()),
    )


def images_of(
    plan: ApplicationPlan, scenario: Scenario, events: Sequence[Mapping[str, Any]]
) -> list[Image]:
    """Return the completed and the dropped images of an application, in order of arrival."""
    own = sorted(
        (each for each in events if each['app'] == plan.name), key=lambda each: each['arrived_s']
    )
    changes, images = sorted(changes_of(scenario)), []
    since, last = 0, -1
    for event in own:
        arrived_s = event['arrived_s']
        latency_s = event.get('latency_s', math.nan)
        changed = int(np.searchsorted(changes, arrived_s, side='right'))
        since = since + 1 if changed == last else 1
        last = changed
        met = latency_s <= plan.target_at(arrived_s).deadline_s
        images.append(Image(plan.name, arrived_s, latency_s, met, since > SETTLING_FRAMES))
    return images


def changes_of(scenario: Scenario) -> set[float]:
    """Return the times of all changes: co-runners, targets, joining and leaving applications."""
    times_s = {each.at_s for each in scenario.co_runners}
    for plan in scenario.applications:
        times_s |= {plan.join_s, plan.leave_s, *(each.at_s for each in plan.targets)}
    return times_s


def compliance(images: Sequence[Image], scenario: Scenario) -> tuple[float, float]:
    """Return images and seconds from the first co-runner until all is in time again.

    Compliance begins with the arrival of the first of `IN_A_ROW` images in time.
    """
    if not scenario.co_runners:
        return math.nan, math.nan
    joined_s = min(each.at_s for each in scenario.co_runners)
    after = [each for each in images if each.arrived_s >= joined_s]
    for index in range(len(after) - IN_A_ROW + 1):
        if all(each.met for each in after[index : index + IN_A_ROW]):
            return float(index), after[index].arrived_s - joined_s if index else 0.0
    return math.nan, math.nan
