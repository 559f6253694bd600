# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Policies by name, as `dynofa simulate --policy` takes them.

The format is `NAME`, or `NAME:GOVERNOR` where Linux governors set the frequencies. A governor is
one name for all frequency domains, or two as `CPU+OTHERS`: `schedutil+simple_ondemand` is the
default of a board with mainline Linux, whose cpufreq has the first and whose devfreq the second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.simulation.governors.linux import (
    CPUFREQ,
    GOVERNORS,
    Governor,
    make_governor,
    subsystem_of,
)
from dynofa_ros.simulation.oracle.policy import oracle
from dynofa_ros.simulation.policies import static
from dynofa_ros.simulation.policies.alert import AlertPolicy
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.policy import Policy, Setup
from dynofa_ros.simulation.policies.static import SelectOption, StaticPolicy
from dynofa_ros.simulation.policies.stepping import SteppingPolicy

MakePolicy = Callable[[Setup], Policy]
OURS = 'ours'
WITHOUT_CASCADES = 'ours-without-cascades'
SWITCH_ONLY = 'switch-only'
DVFS_ONLY = 'dvfs-only'
STEPPING = 'stepping'
ORACLE = 'oracle'
ORACLE_WITHOUT_JITTER = 'oracle-without-jitter'
ALERT = 'alert'
STATIC = 'static='
STATIC_CHOICES: dict[str, SelectOption] = {
    'static-largest': static.largest,
    'static-smallest': static.smallest,
    'static-alone': static.alone,
    'static-best': static.best,
}
DEFAULT_GOVERNOR = 'performance'


def dvfs_only(setup: Setup) -> Policy:
    """Return the resource manager restricted to one sub-network per application."""
    only = {plan.name: static.best(setup, plan) for plan in setup.scenario.applications}
    return ManagedPolicy(setup, only=only)


WITHOUT_GOVERNOR: dict[str, MakePolicy] = {
    OURS: ManagedPolicy,
    WITHOUT_CASCADES: partial(ManagedPolicy, cascades=False),
    DVFS_ONLY: dvfs_only,
    ALERT: AlertPolicy,
    ORACLE: oracle,
    ORACLE_WITHOUT_JITTER: partial(oracle, knows_jitter=False),
}
NAMES = (*WITHOUT_GOVERNOR, SWITCH_ONLY, STEPPING, *STATIC_CHOICES, f'{STATIC}SUBNET')


def make_policy(text: str, setup: Setup) -> Policy:
    """Return the named policy. Raises PlatformError that lists the known names and governors."""
    name, colon, governor = text.partition(':')
    if name in WITHOUT_GOVERNOR:
        if colon:
            raise PlatformError(
                field='policy',
                value=text,
                expected=f'{name}, without a governor: it sets the frequencies itself',
            )
        return WITHOUT_GOVERNOR[name](setup)
    select = STATIC_CHOICES.get(name)
    if name.startswith(STATIC):
        select = static.by_name(name.removeprefix(STATIC))
    if select is None and name not in (SWITCH_ONLY, STEPPING):
        raise PlatformError(
            field='policy',
            value=text,
            expected=f'one of {", ".join(NAMES)}; from {SWITCH_ONLY} on, optionally with :GOVERNOR',
        )
    governors = make_governors(governor if colon else DEFAULT_GOVERNOR, setup.platform)
    if select is not None:
        return StaticPolicy(setup, select, governors=governors)
    if name == STEPPING:
        return SteppingPolicy(setup, governors=governors)
    return ManagedPolicy(setup, dvfs=False, governors=governors)


def make_governors(text: str, platform: Platform) -> dict[str, Governor]:
    """Return a governor for every domain: one name for all, or ``CPU+OTHERS``."""
    names = text.split('+')
    if len(names) > 2:
        raise PlatformError(
            field='governor',
            value=text,
            expected=f'one, or two as CPU+OTHERS, of {", ".join(sorted(GOVERNORS))}',
        )
    return {
        name: make_governor(names[0 if subsystem_of(name, platform) == CPUFREQ else -1], domain)
        for name, domain in platform.domains.items()
    }
