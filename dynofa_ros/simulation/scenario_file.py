"""Read a scenario from a YAML file; ``docs/simulation.md`` describes the format."""

from __future__ import annotations

import math

from dynofa_ros.platform.section import Section
from dynofa_ros.platform.shipped_file import read_file
from dynofa_ros.runtime import Target
from dynofa_ros.simulation.networks_file import load_networks
from dynofa_ros.simulation.scenario import (
    ApplicationPlan,
    Burst,
    CoRunner,
    Outage,
    Scenario,
    TargetChange,
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
