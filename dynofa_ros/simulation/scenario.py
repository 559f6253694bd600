"""What happens in a simulation, and when: applications, their targets, and other programs."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.platform.checks import (
    check_fraction,
    check_name,
    check_not_negative,
    check_positive,
)
from dynofa_ros.runtime import Target
from dynofa_ros.runtime.settings import OBJECTIVES
from dynofa_ros.simulation.networks_file import Networks

# An image that is more than this share of a period early or late would overtake its neighbour.
LARGEST_PERIOD_JITTER = 0.15


@dataclass(frozen=True)
class TargetChange:
    """New targets of an application from a time on."""

    at_s: float
    target: Target

    def __post_init__(self) -> None:
        """Raise PlatformError for a negative time, or no deadline."""
        check_not_negative('at_s', self.at_s)
        check_positive('deadline_s', self.target.deadline_s)


@dataclass(frozen=True)
class CoRunner:
    """Programs that nobody manages use this part of a processor from a time on, 0..1."""

    processor: str
    at_s: float
    utilisation: float

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('processor', self.processor)
        check_not_negative('at_s', self.at_s)
        check_fraction('utilisation', self.utilisation)


@dataclass(frozen=True)
class ApplicationPlan:
    """One application: its camera, its sub-networks and what it needs over time."""

    name: str
    networks: Networks
    period_s: float  # between two images
    targets: tuple[TargetChange, ...]  # ascending in time; the first is in force when it joins
    period_jitter: float = 0.0  # standard deviation of an image's arrival, as a share of period_s
    overhead_s: float = 0.0  # before each inference, on no processor: the way in, preprocessing
    processors: tuple[str, ...] = ()  # that it may use; empty: all of the platform
    join_s: float = 0.0
    leave_s: float = math.inf

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('name', self.name)
        check_positive('period_s', self.period_s)
        check_not_negative('overhead_s', self.overhead_s)
        check_not_negative('join_s', self.join_s)
        if not 0 <= self.period_jitter <= LARGEST_PERIOD_JITTER:
            raise PlatformError(
                field='period_jitter',
                value=self.period_jitter,
                allowed=f'a share from 0 to {LARGEST_PERIOD_JITTER:g}',
            )
        if not self.leave_s > self.join_s:
            raise PlatformError(
                field='leave_s', value=self.leave_s, allowed=f'after join_s, {self.join_s:g}'
            )
        self._check_targets()

    def _check_targets(self) -> None:
        if not self.targets or self.targets[0].at_s > self.join_s:
            raise PlatformError(
                field='targets',
                value=[each.at_s for each in self.targets],
                allowed=f'the first of them no later than join_s, {self.join_s:g}',
            )
        for before, after in itertools.pairwise(self.targets):
            if after.at_s <= before.at_s:
                raise PlatformError(
                    field='targets.at_s',
                    value=after.at_s,
                    allowed=f'ascending times: above {before.at_s:g} here',
                )

    def target_at(self, time_s: float) -> Target:
        """Return the targets in force; before the first, that one."""
        target = self.targets[0].target
        for change in self.targets:
            if change.at_s <= time_s:
                target = change.target
        return target


@dataclass(frozen=True)
class Scenario:
    """Everything that happens in a simulation, whatever the policy."""

    name: str
    description: str
    duration_s: float
    applications: tuple[ApplicationPlan, ...]
    co_runners: tuple[CoRunner, ...] = ()
    latency_jitter: float = 0.03  # standard deviation of log(inference time)
    battery_initial: float = 1.0  # charge at the start, 0..1
    objective: str = 'auto'  # of a policy that can choose one

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('name', self.name)
        check_positive('duration_s', self.duration_s)
        check_fraction('battery_initial', self.battery_initial)
        check_fraction('latency_jitter', self.latency_jitter)
        names = [each.name for each in self.applications]
        if not names or len(set(names)) < len(names):
            raise PlatformError(
                field='applications', value=names, allowed='at least one, each name once'
            )
        if self.objective not in OBJECTIVES:
            raise PlatformError(
                field='objective', value=self.objective, allowed=f'one of {", ".join(OBJECTIVES)}'
            )

    def on(self, platform: Platform) -> Scenario:
        """Return the scenario as it happens on a platform.

        Raises PlatformError where it names a processor that the platform does not have.
        """
        for each in self.co_runners:
            platform.processor(each.processor)
        for plan in self.applications:
            for name in plan.processors:
                platform.processor(name)
        return dataclasses.replace(
            self, co_runners=tuple(sorted(self.co_runners, key=lambda each: each.at_s))
        )
