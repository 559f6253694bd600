"""The policies by name, as `dynofa simulate --policy` takes them.

`NAME` or `NAME:GOVERNOR`, where Linux turns the clocks. A governor is one name for every frequency
domain, or two, `CPU+GPU`: `schedutil+simple_ondemand` is what a board runs out of the box.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.simulation.governors.linux import GOVERNORS, Governor, make_governor
from dynofa_ros.simulation.oracle.policy import oracle
from dynofa_ros.simulation.policies import static
from dynofa_ros.simulation.policies.alert import AlertPolicy
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.policy import Policy, Setup
from dynofa_ros.simulation.policies.static import Choose, StaticPolicy
from dynofa_ros.simulation.policies.stepping import SteppingPolicy

MakePolicy = Callable[[Setup], Policy]
OURS = 'ours'
SWITCH_ONLY = 'switch-only'
DVFS_ONLY = 'dvfs-only'
STEPPING = 'stepping'
ORACLE = 'oracle'
LUCKLESS = 'oracle-without-luck'
ALERT = 'alert'
STATIC = 'static='
CHOICES: dict[str, Choose] = {
    'static-largest': static.largest,
    'static-smallest': static.smallest,
    'static-alone': static.alone,
    'static-best': static.best,
}
DEFAULT_GOVERNOR = 'performance'


def dvfs_only(setup: Setup) -> Policy:
    """Return the resource manager with one sub-network for each application."""
    only = {plan.name: static.best(setup, plan) for plan in setup.scenario.applications}
    return ManagedPolicy(setup, only=only)


TURN_CLOCKS: dict[str, MakePolicy] = {
    OURS: ManagedPolicy,
    DVFS_ONLY: dvfs_only,
    ALERT: AlertPolicy,
    ORACLE: oracle,
    LUCKLESS: partial(oracle, luck=False),
}
NAMES = (*TURN_CLOCKS, SWITCH_ONLY, STEPPING, *CHOICES, f'{STATIC}SUBNET')


def make_policy(text: str, setup: Setup) -> Policy:
    """Return the policy of a name. Raises PlatformError, which lists names and governors."""
    name, colon, governor = text.partition(':')
    if name in TURN_CLOCKS:
        if colon:
            raise PlatformError(
                field='policy', value=text, expected=f'{name}, which turns the clocks itself'
            )
        return TURN_CLOCKS[name](setup)
    choose = CHOICES.get(name)
    if name.startswith(STATIC):
        choose = static.named(name.removeprefix(STATIC))
    if choose is None and name not in (SWITCH_ONLY, STEPPING):
        raise PlatformError(
            field='policy',
            value=text,
            expected=f'one of {", ".join(NAMES)}; the last ones, from {SWITCH_ONLY} on, also '
            ':GOVERNOR',
        )
    governors = make_governors(governor if colon else DEFAULT_GOVERNOR, setup.platform)
    if choose is not None:
        return StaticPolicy(setup, choose, governors=governors)
    if name == STEPPING:
        return SteppingPolicy(setup, governors=governors)
    return ManagedPolicy(setup, dvfs=False, governors=governors)


def make_governors(text: str, platform: Platform) -> dict[str, Governor]:
    """Return a governor for every domain: one name for all, or ``CPU+GPU``."""
    names = text.split('+')
    if len(names) > 2:
        raise PlatformError(
            field='governor',
            value=text,
            expected=f'one, or two as CPU+GPU, of {", ".join(sorted(GOVERNORS))}',
        )
    of_gpu = {unit.domain for unit in platform.processors.values() if unit.kind == 'gpu'}
    return {
        name: make_governor(names[-1] if name in of_gpu else names[0], domain)
        for name, domain in platform.domains.items()
    }
