# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The scenario of a simulation: applications, their targets, and other programs over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo

from dynofa_ros.config_file import (
    MISSING,
    Fault,
    Fraction,
    NotNegative,
    Number,
    Positive,
    Section,
    Text,
    checked,
    load_named,
)
from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.platform.checks import check_positive
from dynofa_ros.runtime import Target
from dynofa_ros.runtime.settings import OBJECTIVES
from dynofa_ros.runtime.targets import PRIORITY_RANGE
from dynofa_ros.simulation.latency_distribution import InFile, LatencyDistribution
from dynofa_ros.simulation.networks_file import Networks, load_networks

# An image that is early or late by a larger share of a period would overtake its neighbour.
LARGEST_PERIOD_JITTER = 0.15
FRAME_REPORT, PLATFORM_STATE, BATTERY = TOPICS = ('frame_report', 'platform_state', 'battery')
"""Topics that can fail."""


def _finite_in_file(value: float, info: ValidationInfo) -> float:
    if info.context is not None and not math.isfinite(value):
        raise PlatformError(field='', value=value, expected='a finite number')
    return value


def _objective(value: str) -> str:
    if value not in OBJECTIVES:
        raise PlatformError(field='', value=value, expected=f'one of {", ".join(OBJECTIVES)}')
    return value


Optional = Annotated[float, Field(strict=True), AfterValidator(_finite_in_file)]
"""A number that Python code can leave unknown (NaN) or unlimited (infinite)."""


# A profile that is wrong by more than this factor is that of another network.
ProfileError = Annotated[Number, Field(ge=0.1, le=10.0)]
# With 10, the hardest tenth of the pictures is drawn in four of five images.
Difficulty = Annotated[Number, Field(ge=0.1, le=10.0)]
Objective = Annotated[
    str,
    AfterValidator(_objective),
    Field(strict=True, json_schema_extra={'enum': list(OBJECTIVES)}),
]


def _check_after(name: str, value: float, before: str, limit: float) -> None:
    if not value > limit:
        raise PlatformError(field=name, value=value, expected=f'after {before}, {limit:g}')


def _check_ascending(name: str, times_s: Sequence[float]) -> None:
    for index, (before_s, after_s) in enumerate(itertools.pairwise(times_s), start=1):
        if after_s <= before_s:
            raise PlatformError(
                field=f'{name}[{index}].at_s',
                value=after_s,
                expected=f'ascending times: above {before_s:g} here',
            )


@checked(PlatformError.of)
class TargetChange:
    """New targets of an application from a time on."""

    at_s: NotNegative
    target: Target

    def __post_init__(self) -> None:
        """Raise PlatformError without a deadline."""
        if math.isnan(self.target.deadline_s):
            raise PlatformError(
                field='deadline_s',
                value=self.target.deadline_s,
                expected='a finite number above 0',
            )


@checked(PlatformError.of)
class CoRunner:
    """Programs that nobody manages use this fraction of a processor from a time on, 0..1."""

    processor: Text
    at_s: NotNegative
    utilisation: Fraction


@checked(PlatformError.of)
class SceneChange:
    """Harder or easier pictures in front of the camera from a time on; see `Scene.draw`."""

    at_s: NotNegative
    difficulty: Difficulty  # 1: as measured; above: harder


@checked(PlatformError.of)
class Burst:
    """A different camera period between two times."""

    at_s: NotNegative
    until_s: Optional
    period_s: Positive

    def __post_init__(self) -> None:
        """Raise PlatformError where the end is not after the start."""
        _check_after('until_s', self.until_s, 'at_s', self.at_s)


@checked(PlatformError.of)
class Outage:
    """Loss of all messages of one topic to the policy between two times."""

    topic: Literal['frame_report', 'platform_state', 'battery']
    at_s: NotNegative
    until_s: Optional

    def __post_init__(self) -> None:
        """Raise PlatformError where the end is not after the start."""
        _check_after('until_s', self.until_s, 'at_s', self.at_s)


@checked(PlatformError.of, kw_only=True)
class _Camera:
    """The fields of an application that a file states in the same way."""

    period_s: Positive  # between two images
    # Standard deviation of an image's arrival, as a share of period_s.
    period_jitter: Annotated[Fraction, Field(le=LARGEST_PERIOD_JITTER)] = 0.0
    overhead_s: NotNegative = (
        0.0  # before each inference, on no processor: transport, preprocessing
    )
    processors: tuple[Text, ...] = ()  # that it may use; empty: all of the platform
    join_s: NotNegative = 0.0
    leave_s: Optional = math.inf
    bursts: tuple[Burst, ...] = ()  # ascending in time, not overlapping
    scene: tuple[SceneChange, ...] = ()  # ascending in time; before the first: as measured
    # Whether the answer of a cascade's first stage goes out at once, and a later one after it.
    publish_early: Annotated[bool, Field(strict=True)] = False

    def __post_init__(self) -> None:
        """Raise PlatformError for times that are not in order."""
        _check_after('leave_s', self.leave_s, 'join_s', self.join_s)
        for index, (before, after) in enumerate(itertools.pairwise(self.bursts), start=1):
            if after.at_s < before.until_s:
                raise PlatformError(
                    field=f'bursts[{index}].at_s',
                    value=after.at_s,
                    expected=f'at or after the end of the previous burst, {before.until_s:g}',
                )
        _check_ascending('scene', [each.at_s for each in self.scene])

    def difficulty_at(self, time_s: float) -> float:
        """Return the difficulty of the pictures at a time."""
        past = [each.difficulty for each in self.scene if each.at_s <= time_s]
        return past[-1] if past else 1.0


@checked(PlatformError.of)
class ApplicationPlan(_Camera):
    """One application: its camera, its sub-networks and its targets over time."""

    name: Text
    networks: Networks
    targets: tuple[TargetChange, ...]  # ascending in time; the first is in force when it joins

    def __post_init__(self) -> None:
        """Raise PlatformError for times that are not in order."""
        super().__post_init__()
        if not self.targets or self.targets[0].at_s > self.join_s:
            raise PlatformError(
                field='targets',
                value=[each.at_s for each in self.targets],
                expected=f'the first of them at or before join_s, {self.join_s:g}',
            )
        _check_ascending('targets', [each.at_s for each in self.targets])

    def target_at(self, time_s: float) -> Target:
        """Return the targets in force at a time; before the first change, the first."""
        target = self.targets[0].target
        for change in self.targets:
            if change.at_s <= time_s:
                target = change.target
        return target


@checked(PlatformError.of, kw_only=True)
class _Conditions:
    """The fields of a scenario that a file states in the same way."""

    name: Text
    description: str
    duration_s: Positive
    co_runners: tuple[CoRunner, ...] = ()
    latency_jitter: Fraction = 0.03  # standard deviation of log(inference time)
    latency_distribution: InFile = field(default_factory=LatencyDistribution)
    # Standard deviation of log(true / profiled latency) of a sub-network, drawn for each.
    profile_error: Fraction = 0.0
    # True / profiled latency of single sub-networks, of which none is drawn.
    profile_errors: Mapping[str, ProfileError] = field(default_factory=dict)
    battery_initial: Fraction = 1.0  # charge at the start, 0..1
    objective: Annotated[str, AfterValidator(_objective)] = (
        'auto'  # of a policy that can choose one
    )
    outages: tuple[Outage, ...] = ()
    ambient_c: Optional = math.nan  # of the air; NaN: the platform's
    battery_energy_j: Optional = math.nan  # of the full battery; NaN: the platform's
    # Of policies that respect them:
    power_cap_w: NotNegative = 0.0  # mean power that the board may draw; 0: no cap
    mission_s: NotNegative = 0.0  # required battery life from the start; 0: no mission

    def __post_init__(self) -> None:
        """Raise PlatformError for an infinite temperature, or an energy that is not positive."""
        if math.isinf(self.ambient_c):
            raise PlatformError(
                field='ambient_c', value=self.ambient_c, expected='a finite number, or NaN'
            )
        if not math.isnan(self.battery_energy_j):
            check_positive('battery_energy_j', self.battery_energy_j)


@checked(PlatformError.of, kw_only=True)
class Scenario(_Conditions):
    """All conditions and events of a simulation, independent of the policy."""

    applications: tuple[ApplicationPlan, ...]

    def __post_init__(self) -> None:
        """Raise PlatformError without an application, or for a duplicate name."""
        super().__post_init__()
        names = [each.name for each in self.applications]
        if not names or len(set(names)) < len(names):
            raise PlatformError(
                field='applications', value=names, expected='at least one, each name once'
            )
        known = {one.subnet_id for each in self.applications for one in each.networks.networks}
        for subnet_id in self.profile_errors:
            if subnet_id not in known:
                raise PlatformError(
                    field='profile_errors',
                    value=subnet_id,
                    expected=f'names of sub-networks, {", ".join(sorted(known))}',
                )

    def lost(self, topic: str, *, time_s: float) -> bool:
        """Return whether messages of a topic are lost at a time."""
        for each in self.outages:
            if each.topic == topic and each.at_s <= time_s < each.until_s:
                return True
        return False

    def but(
        self,
        *,
        profile_error: float | None = None,
        latency_distribution: LatencyDistribution | str | None = None,
    ) -> Scenario:
        """Return the scenario with another profile error or latency distribution; None keeps it.

        Raises PlatformError for a value that is not allowed.
        """
        changes: dict[str, Any] = {}
        if profile_error is not None:
            changes['profile_error'] = profile_error
        if latency_distribution is not None:
            changes['latency_distribution'] = latency_distribution
        return replace(self, **changes) if changes else self

    def air_of(self, platform: Platform) -> Platform:
        """Return the platform with the scenario's ambient temperature."""
        if math.isnan(self.ambient_c):
            return platform
        zones = {
            name: replace(zone, ambient_c=self.ambient_c)
            for name, zone in platform.thermal_zones.items()
        }
        return replace(platform, thermal_zones=zones)

    def battery_of(self, platform: Platform) -> Platform:
        """Return the platform with the scenario's battery energy.

        Raises PlatformError where it has none.
        """
        if math.isnan(self.battery_energy_j):
            return platform
        if platform.battery is None:
            raise PlatformError(
                field='battery_energy_j',
                value=self.battery_energy_j,
                expected=f'none: {platform.name} has no battery',
            )
        battery = replace(platform.battery, energy_j=self.battery_energy_j)
        return replace(platform, battery=battery)

    def on(self, platform: Platform) -> Scenario:
        """Return the scenario on a platform, with co-runners in order of time.

        Raises PlatformError where it names a processor that the platform does not have.
        """
        for each in self.co_runners:
            platform.processor(each.processor)
        for plan in self.applications:
            for name in plan.processors:
                platform.processor(name)
        return replace(self, co_runners=tuple(sorted(self.co_runners, key=lambda each: each.at_s)))


class _TargetKeys(Section):
    """Targets of a file; a key that is missing keeps its previous value."""

    at_s: NotNegative = 0.0
    deadline_s: Positive = math.nan
    min_accuracy: Fraction = 0.0
    priority: Annotated[int, Field(strict=True, ge=PRIORITY_RANGE[0], le=PRIORITY_RANGE[1])] = 0


@checked(PlatformError.of, kw_only=True)
class _Application(_Camera):
    """An application of a file."""

    networks: Text = ''  # of this application; default: those of the scenario
    subnets: tuple[Text, ...] | None = None  # some of them; default: all
    targets: tuple[_TargetKeys, ...]

    def plan(self, name: str, default: str) -> ApplicationPlan:
        if not (source := self.networks or default):
            raise PlatformError(
                field='networks', value=MISSING, expected='a text, here or for the scenario'
            )
        available = load_networks(source)
        return ApplicationPlan(
            name=name,
            networks=available if self.subnets is None else available.only(self.subnets),
            targets=tuple(self._targets()),
            **_values(self, _Camera),
        )

    def _targets(self) -> Iterator[TargetChange]:
        target = Target()
        for keys in self.targets:
            target = replace(target, **keys.model_dump(include=keys.model_fields_set - {'at_s'}))
            yield TargetChange(keys.at_s, target)


@checked(PlatformError.of, kw_only=True)
class _File(_Conditions):
    networks: Text = ''
    applications: Mapping[str, _Application]

    def scenario(self) -> Scenario:
        plans: list[ApplicationPlan] = []
        faults: list[Fault] = []
        for name, each in self.applications.items():
            try:
                plans.append(each.plan(name, self.networks))
            except PlatformError as error:
                section = f'applications.{name}'
                faults += [e if e.file else e.inside(section=section) for e in error.faults]
            except ValueError as error:  # a model that cannot be loaded
                source = each.networks or self.networks
                faults.append(Fault(f'applications.{name}.networks', source, '', text=str(error)))
        if faults:
            raise PlatformError.of(faults)
        return Scenario(applications=tuple(plans), **_values(self, _Conditions))


def _values(of: object, kind: type) -> dict[str, Any]:
    return {each.name: getattr(of, each.name) for each in fields(kind)}


FILE: TypeAdapter[Any] = TypeAdapter(Annotated[_File, AfterValidator(_File.scenario)])


def load_scenario(name_or_path: str) -> Scenario:
    """Return the scenario of this name (a file of ``config/scenarios``), or of a YAML file's path.

    Raises PlatformError, which lists for every fault the file, the field, its value and the allowed
    values.
    """
    return load_named(
        name_or_path, FILE, folder='config/scenarios', what='scenario', error=PlatformError.of
    )
