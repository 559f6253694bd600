"""One simulated run as runtime.py counts it: which images were late, and what it took."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.simulation import Result, Scenario, load_scenario, simulate
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.registry import OURS, MakePolicy
from dynofa_ros.simulation.scenario import ApplicationPlan, TargetChange

SETTLING_FRAMES = 3
"""After a change so many frames of an application are not yet steady: the goal of compliance."""
IN_A_ROW = 10
"""An application complies again with the first of so many images in time, one after the other."""


@dataclass(frozen=True)
class Requirement:
    """What a policy that can choose is asked for, beyond what the scenario asks."""

    objective: str
    min_accuracy: Mapping[str, float] = field(default_factory=dict)  # by application
    deadline_s: Mapping[str, float] = field(default_factory=dict)  # no longer than this
    deadline_probability: float = 0.95

    def of(self, scenario: Scenario) -> Scenario:
        """Return the scenario with these targets."""
        plans = tuple(self._plan(each) for each in scenario.applications)
        return dataclasses.replace(scenario, applications=plans, objective=self.objective)

    def _plan(self, plan: ApplicationPlan) -> ApplicationPlan:
        floor = self.min_accuracy.get(plan.name, 0.0)
        cap_s = self.deadline_s.get(plan.name, float('inf'))
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
    """One run to make."""

    platform: str
    scenario: str
    label: str  # what the tables call the contender
    policy: str
    seed: int
    requirement: Requirement | None = None


@dataclass(frozen=True)
class Image:
    """What became of an image, against the scenario's own deadline."""

    app: str
    arrived_s: float
    latency_s: float  # NaN: dropped
    met: bool
    steady: bool = False


@dataclass(frozen=True)
class Run:
    """What a run took."""

    case: Case
    images: tuple[Image, ...]
    energy_per_frame_j: float  # of the board, idle power included
    work_energy_per_frame_j: float  # above idle, of the inferences
    accuracy: Mapping[str, float]  # by application, mean over frames
    latency_p95_s: Mapping[str, float]  # by application
    compliance_images: float  # NaN: there is no co-runner, or it never complied
    compliance_s: float
    switches: int
    clock_changes: int

    @property
    def missed(self) -> float:
        """Share of the images that were late or dropped."""
        return share([not each.met for each in self.images])

    @property
    def steady_missed(self) -> float:
        """The same in the steady state."""
        return share([not each.met for each in self.images if each.steady])

    @property
    def late(self) -> frozenset[tuple[str, float]]:
        """Which images of the steady state were late or dropped."""
        return frozenset((e.app, e.arrived_s) for e in self.images if e.steady and not e.met)


def share(values: Sequence[bool]) -> float:
    """Return the share that is true; NaN of none."""
    return sum(values) / len(values) if values else float('nan')


@functools.cache
def platform_of(name: str) -> Platform:
    """Return a platform, read once."""
    return load_platform(name)


@functools.cache
def scenario_of(name: str) -> Scenario:
    """Return a scenario, read once."""
    return load_scenario(name)


def make_run(case: Case) -> Run:
    """Simulate a case."""
    scenario = scenario_of(case.scenario)
    asked, policy = scenario, policy_of(case)
    if case.requirement is not None:
        asked = case.requirement.of(scenario)
    events: list[dict[str, Any]] = []

    def note(event: dict[str, Any]) -> None:
        if event['event'] in ('frame', 'dropped'):
            events.append(event)

    result = simulate(platform_of(case.platform), asked, policy, case.seed, trace=note)
    return summed_up(case, scenario, result, events)


def policy_of(case: Case) -> str | MakePolicy:
    """Return the policy of a case; ours with the probability that is asked for."""
    if case.policy != OURS or case.requirement is None:
        return case.policy
    probability = case.requirement.deadline_probability
    return lambda setup: ManagedPolicy(setup, deadline_probability=probability)


def summed_up(
    case: Case, scenario: Scenario, result: Result, events: Sequence[Mapping[str, Any]]
) -> Run:
    """Count images against the deadlines of `scenario`, whatever the policy was asked for."""
    images = tuple(
        image for plan in scenario.applications for image in images_of(plan, scenario, events)
    )
    after, after_s = compliance(images, scenario)
    frames = sum(each.frames for each in result.applications.values())
    work_j = sum(e.energy_per_frame_j * e.frames for e in result.applications.values() if e.frames)
    return Run(
        case=case,
        images=images,
        energy_per_frame_j=result.energy_per_frame_j,
        work_energy_per_frame_j=work_j / frames if frames else float('nan'),
        accuracy={name: each.accuracy for name, each in result.applications.items()},
        latency_p95_s={name: each.latency_p95_s for name, each in result.applications.items()},
        compliance_images=after,
        compliance_s=after_s,
        switches=sum(each.switches for each in result.applications.values()),
        clock_changes=sum(result.clock_changes.values()),
    )


def images_of(
    plan: ApplicationPlan, scenario: Scenario, events: Sequence[Mapping[str, Any]]
) -> list[Image]:
    """Return an application's images that were done or dropped, in order of arrival."""
    mine = sorted(
        (each for each in events if each['app'] == plan.name), key=lambda each: each['arrived_s']
    )
    changes, images = sorted(changes_of(scenario)), []
    since, last = 0, -1
    for event in mine:
        arrived_s = event['arrived_s']
        latency_s = event.get('latency_s', float('nan'))
        changed = int(np.searchsorted(changes, arrived_s, side='right'))
        since = since + 1 if changed == last else 1
        last = changed
        met = latency_s <= plan.target_at(arrived_s).deadline_s
        images.append(Image(plan.name, arrived_s, latency_s, met, since > SETTLING_FRAMES))
    return images


def changes_of(scenario: Scenario) -> set[float]:
    """Return when anything changes: co-runners, targets, applications present."""
    times_s = {each.at_s for each in scenario.co_runners}
    for plan in scenario.applications:
        times_s |= {plan.join_s, plan.leave_s, *(each.at_s for each in plan.targets)}
    return times_s


def compliance(images: Sequence[Image], scenario: Scenario) -> tuple[float, float]:
    """Return images and seconds from the first co-runner until all is in time again.

    That is from when it comes until the arrival of the first of `IN_A_ROW` images in time.
    """
    if not scenario.co_runners:
        return float('nan'), float('nan')
    joined_s = min(each.at_s for each in scenario.co_runners)
    after = [each for each in images if each.arrived_s >= joined_s]
    for index in itertools.count():
        row = after[index : index + IN_A_ROW]
        if len(row) < IN_A_ROW:
            return float('nan'), float('nan')
        if all(each.met for each in row):
            return float(index), row[0].arrived_s - joined_s if index else 0.0
    raise AssertionError('count never ends')
