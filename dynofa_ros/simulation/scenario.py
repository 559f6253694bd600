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
from dynofa_ros.platform.section import Section
from dynofa_ros.platform.shipped_file import read_file
from dynofa_ros.runtime import Target
from dynofa_ros.runtime.settings import OBJECTIVES
from dynofa_ros.simulation.networks_file import Networks, load_networks

# An image that is more than this share of a period early or late would overtake its neighbour.
LARGEST_PERIOD_JITTER = 0.15
FRAME_REPORT, PLATFORM_STATE, BATTERY = TOPICS = ('frame_report', 'platform_state', 'battery')
"""What a policy can be without."""


def _check_after(field: str, value: float, before: str, limit: float) -> None:
    if not value > limit:
        raise PlatformError(field=field, value=value, expected=f'after {before}, {limit:g}')


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
class Burst:
    """A camera is faster or slower between two times."""

    at_s: float
    until_s: float
    period_s: float

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_not_negative('at_s', self.at_s)
        check_positive('period_s', self.period_s)
        _check_after('until_s', self.until_s, 'at_s', self.at_s)


@dataclass(frozen=True)
class Outage:
    """What a policy is told of one topic is lost between two times."""

    topic: str
    at_s: float
    until_s: float

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        if self.topic not in TOPICS:
            raise PlatformError(
                field='topic', value=self.topic, expected=f'one of {", ".join(TOPICS)}'
            )
        check_not_negative('at_s', self.at_s)
        _check_after('until_s', self.until_s, 'at_s', self.at_s)


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
    bursts: tuple[Burst, ...] = ()  # ascending in time, one after the other

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
                expected=f'a share from 0 to {LARGEST_PERIOD_JITTER:g}',
            )
        _check_after('leave_s', self.leave_s, 'join_s', self.join_s)
        for before, after in itertools.pairwise(self.bursts):
            if after.at_s < before.until_s:
                raise PlatformError(
                    field='bursts.at_s',
                    value=after.at_s,
                    expected=f'no earlier than the end of the one before, {before.until_s:g}',
                )
        self._check_targets()

    def _check_targets(self) -> None:
        if not self.targets or self.targets[0].at_s > self.join_s:
            raise PlatformError(
                field='targets',
                value=[each.at_s for each in self.targets],
                expected=f'the first of them no later than join_s, {self.join_s:g}',
            )
        for before, after in itertools.pairwise(self.targets):
            if after.at_s <= before.at_s:
                raise PlatformError(
                    field='targets.at_s',
                    value=after.at_s,
                    expected=f'ascending times: above {before.at_s:g} here',
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
    outages: tuple[Outage, ...] = ()
    ambient_c: float = math.nan  # of the air; NaN: the platform's
    battery_energy_j: float = math.nan  # of the full battery; NaN: the platform's
    # Of policies that heed them:
    power_cap_w: float = 0.0  # mean power that the board may draw; 0: no cap
    mission_s: float = 0.0  # the battery has to last this long from the start; 0: no mission

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('name', self.name)
        check_positive('duration_s', self.duration_s)
        check_fraction('battery_initial', self.battery_initial)
        check_fraction('latency_jitter', self.latency_jitter)
        check_not_negative('power_cap_w', self.power_cap_w)
        check_not_negative('mission_s', self.mission_s)
        if math.isinf(self.ambient_c):
            raise PlatformError(
                field='ambient_c', value=self.ambient_c, expected='a finite temperature, or none'
            )
        if not math.isnan(self.battery_energy_j):
            check_positive('battery_energy_j', self.battery_energy_j)
        names = [each.name for each in self.applications]
        if not names or len(set(names)) < len(names):
            raise PlatformError(
                field='applications', value=names, expected='at least one, each name once'
            )
        if self.objective not in OBJECTIVES:
            raise PlatformError(
                field='objective', value=self.objective, expected=f'one of {", ".join(OBJECTIVES)}'
            )

    def lost(self, topic: str, *, time_s: float) -> bool:
        """Whether what is told on a topic gets lost at a time."""
        return any(e.topic == topic and e.at_s <= time_s < e.until_s for e in self.outages)

    def air_of(self, platform: Platform) -> Platform:
        """Return the platform in the air of this scenario."""
        if math.isnan(self.ambient_c):
            return platform
        zones = {
            name: dataclasses.replace(zone, ambient_c=self.ambient_c)
            for name, zone in platform.thermal_zones.items()
        }
        return dataclasses.replace(platform, thermal_zones=zones)

    def battery_of(self, platform: Platform) -> Platform:
        """Return the platform with the battery of this scenario.

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
        battery = dataclasses.replace(platform.battery, energy_j=self.battery_energy_j)
        return dataclasses.replace(platform, battery=battery)

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


FOLDER = 'config/scenarios'


def load_scenario(name_or_path: str) -> Scenario:
    """Return the scenario of this name (a file of ``config/scenarios``), or of a YAML file's path.

    Raises PlatformError, which names the file, the field, its value and what is allowed.
    """
    top = read_file(name_or_path, folder=FOLDER, kind='scenario')
    with top.complete():
        default = top.text('networks') if top.has('networks') else ''
        return Scenario(
            name=top.text('name'),
            description=top.text('description'),
            duration_s=top.bare_number('duration_s'),
            applications=tuple(
                _application(name, at, networks=default)
                for name, at in top.sections('applications').items()
            ),
            co_runners=tuple(_co_runner(at) for at in _entries(top, 'co_runners')),
            latency_jitter=_number(top, 'latency_jitter', default=0.03),
            battery_initial=_number(top, 'battery_initial', default=1.0),
            objective=top.text('objective') if top.has('objective') else 'auto',
            outages=tuple(_outage(at) for at in _entries(top, 'outages')),
            ambient_c=_number(top, 'ambient_c', default=math.nan),
            battery_energy_j=_number(top, 'battery_energy_j', default=math.nan),
            power_cap_w=_number(top, 'power_cap_w', default=0.0),
            mission_s=_number(top, 'mission_s', default=0.0),
        )


def _application(name: str, at: Section, *, networks: str) -> ApplicationPlan:
    with at.complete():
        source = networks if networks and not at.has('networks') else at.text('networks')
        available = load_networks(source)
        subnets = at.list_of_texts('subnets') if at.has('subnets') else None
        return ApplicationPlan(
            name=name,
            networks=available if subnets is None else available.only(subnets),
            period_s=at.bare_number('period_s'),
            targets=_targets(at.entries('targets')),
            period_jitter=_number(at, 'period_jitter', default=0.0),
            overhead_s=_number(at, 'overhead_s', default=0.0),
            processors=at.list_of_texts('processors') if at.has('processors') else (),
            join_s=_number(at, 'join_s', default=0.0),
            leave_s=_number(at, 'leave_s', default=math.inf),
            bursts=tuple(_burst(each) for each in _entries(at, 'bursts')),
        )


def _targets(changes: list[Section]) -> tuple[TargetChange, ...]:
    """Read changes of targets; what a change does not name stays as it was."""
    result: list[TargetChange] = []
    target = Target()
    for at in changes:
        with at.complete():
            target = _target(at, before=target)
            result.append(TargetChange(at_s=_number(at, 'at_s', default=0.0), target=target))
    return tuple(result)


def _target(at: Section, *, before: Target) -> Target:
    priority = at.bare_integer('priority') if at.has('priority') else before.priority
    deadline_s = _number(at, 'deadline_s', default=before.deadline_s)
    min_accuracy = _number(at, 'min_accuracy', default=before.min_accuracy)
    try:
        return Target(deadline_s, min_accuracy, priority)
    except ValueError as error:
        raise at.error('', str(error), 'targets within their ranges') from error


def _co_runner(at: Section) -> CoRunner:
    with at.complete():
        return CoRunner(
            processor=at.text('processor'),
            at_s=at.bare_number('at_s'),
            utilisation=at.bare_number('utilisation'),
        )


def _outage(at: Section) -> Outage:
    with at.complete():
        return Outage(
            topic=at.text('topic'), at_s=at.bare_number('at_s'), until_s=at.bare_number('until_s')
        )


def _burst(at: Section) -> Burst:
    with at.complete():
        return Burst(
            at_s=at.bare_number('at_s'),
            until_s=at.bare_number('until_s'),
            period_s=at.bare_number('period_s'),
        )


def _entries(at: Section, key: str) -> list[Section]:
    return at.entries(key) if at.has(key) else []


def _number(at: Section, key: str, *, default: float) -> float:
    return at.bare_number(key) if at.has(key) else default
