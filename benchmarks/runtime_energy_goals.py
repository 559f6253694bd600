# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Energy goals of runtime.py, against the most accurate static network that meets the deadline.

Energy per frame is compared twice. That of the *board*, with idle power, drains the battery; no
policy changes its idle part. That of the *frame*, its own work above idle, is what `frame_report`
contains and what a policy can change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runtime_figures import (
    ACCURACY_POINTS,
    BOARD,
    FRAME,
    Check,
    Comparison,
    Interval,
    more_missed,
    p95_ratio,
    percent_missed,
    percent_saved,
    points_lost,
)
from runtime_runs import Case, Requirement, Run, make_run, platform_of, scenario_of

from dynofa_ros.runtime import ManagerSettings
from dynofa_ros.simulation.policies.registry import (
    ORACLE,
    ORACLE_WITHOUT_JITTER,
    OURS,
    STATIC,
)
from dynofa_ros.simulation.simulator import profiles

Runs = Mapping[str, Sequence[Run]]
"""The runs of one platform and scenario: by label, one per seed."""

SAVING = {each: f'{each}, saving' for each in (OURS, ORACLE, ORACLE_WITHOUT_JITTER)}
"""Labels of the runs with the objective `min_energy`, by policy."""
GOVERNORS = ('performance', 'schedutil')
REFERENCES = {each: f'most accurate static that meets it:{each}' for each in GOVERNORS}
"""Labels of the static networks that goals compare with, by governor."""
ENERGIES = {'board': BOARD, 'frame': FRAME}
MAX_PROBABILITY = 0.999
"""Highest deadline probability that is requested."""
SAME_P95 = 1.1
MIN_SAVED, MIN_SAVED_BY_SEVERAL = 20.0, 25.0
MAX_MISSED = round(1.0 - ManagerSettings.deadline_probability, 9)
"""Misses up to which a static network meets the deadline: the resource manager's own promise."""


def reference_policy(platform: str, scenario: str, governor: str, *, seed: int) -> str:
    """Return the policy of the most accurate static network that meets the deadline at a governor.

    Every sub-network is simulated with one seed. If none meets the deadline, the one with the
    fewest misses is returned. With several applications, `static-best` selects one for each.
    """
    found = profiles(scenario_of(scenario), platform_of(platform))
    if len(found) > 1:
        return f'static-best:{governor}'
    (profile,) = found.values()
    names = dict.fromkeys(each.subnet_id for each in profile.points)
    runs = [
        make_run(Case(platform, scenario, '', f'{STATIC}{name}:{governor}', seed)) for name in names
    ]
    return most_accurate(runs).case.policy


def most_accurate(runs: Sequence[Run]) -> Run:
    """Return the most accurate run that meets the deadline; ties go to the one of less energy."""
    good = [each for each in runs if meets_deadline(each)]
    if not good:
        return min(runs, key=lambda each: each.missed)
    return max(good, key=lambda each: (sum(each.accuracy.values()), -each.energy_per_frame_j))


def meets_deadline(run: Run) -> bool:
    """Whether a run has few enough misses to serve as a reference."""
    return run.missed <= MAX_MISSED


def saving_label(policy: str, governor: str, *, as_fast: bool) -> str:
    """Return the label of a run that saves energy against the reference of a governor."""
    return f'{policy}, {"as fast and " if as_fast else ""}as accurate as static:{governor}'


def reliability(reference: Run) -> float:
    """Return the deadline probability to request: that of the reference, within limits."""
    return min(MAX_PROBABILITY, max(ManagerSettings.deadline_probability, 1.0 - reference.missed))


def probability(reference: Run, caps_s: Mapping[str, float]) -> float:
    """Return the deadline probability to request if p95 latency is capped too.

    A p95 needs a probability of 0.95. That is enough if every deadline is so far above the cap that
    an image that misses the cap still meets it; otherwise it is that of the reference.
    """
    plans = scenario_of(reference.case.scenario).applications
    deadlines_s = {
        plan.name: min(each.target.deadline_s for each in plan.targets) for plan in plans
    }
    if caps_s and all(SAME_P95 * caps_s[app] <= deadlines_s[app] for app in caps_s):
        return ManagerSettings.deadline_probability
    return reliability(reference)


def requirements(first: Mapping[str, Run], *, several: bool) -> dict[str, tuple[str, Requirement]]:
    """Return policy and requirement of the additional runs that the goals need, by label.

    `first` are the runs of the first seed by label. With `several` applications no p95 may rise.
    """
    needed = {}
    for governor, label in REFERENCES.items():
        reference = first[label]
        floors = {
            app: accuracy - ACCURACY_POINTS / 100 for app, accuracy in reference.accuracy.items()
        }
        factor = 1.0 if several else SAME_P95
        p95_s = {app: each * factor for app, each in reference.latency_p95_s.items()}
        for policy in (OURS, ORACLE):
            for as_fast in (False, True):
                caps_s = p95_s if as_fast else {}
                needed[saving_label(policy, governor, as_fast=as_fast)] = (
                    policy,
                    Requirement(
                        'min_energy',
                        floors,
                        caps_s,
                        deadline_probability=probability(reference, caps_s),
                    ),
                )
        if governor == GOVERNORS[0]:
            saving = Requirement('min_energy', floors)
            needed |= {label: (policy, saving) for policy, label in SAVING.items()}
    return needed


def energy_goals(platform: str, scenario: str, runs: Runs) -> Iterator[Comparison]:
    """Yield the goals of one platform and scenario, for each governor, speed and energy."""
    several = len(runs[OURS][0].accuracy) > 1
    for governor in REFERENCES:
        for as_fast in (True,) if several else (False, True):
            for energy in ENERGIES:
                yield _compare(
                    platform,
                    scenario,
                    runs,
                    governor,
                    energy=energy,
                    as_fast=as_fast,
                    several=several,
                )


def _compare(
    platform: str,
    scenario: str,
    runs: Runs,
    governor: str,
    *,
    energy: str,
    as_fast: bool,
    several: bool,
) -> Comparison:
    ours, oracle = (runs[saving_label(who, governor, as_fast=as_fast)] for who in (OURS, ORACLE))
    theirs, key = runs[REFERENCES[governor]], ENERGIES[energy]
    least = MIN_SAVED_BY_SEVERAL if several else MIN_SAVED
    lost = points_lost(ours, theirs)
    checks = [
        Check.at_least('saved', percent_saved(ours, theirs, key), unit='%', least=least),
        Check.at_most('more missed', more_missed(ours, theirs), unit='%', most=0.0),
        Check.at_most('accuracy lost', lost, unit='points', most=ACCURACY_POINTS),
    ]
    condition = 'same deadline'
    if as_fast:
        most = 1.0 if several else SAME_P95
        checks.append(Check.at_most('p95 ratio', p95_ratio(ours, theirs), unit='', most=most))
        condition = 'several, p95 no higher' if several else 'p95 too'
    return Comparison(
        f'energy of the {energy}, {condition}, less than {governor}',
        platform,
        scenario,
        theirs[0].case.policy,
        tuple(checks),
        {
            'ours missed, %': Interval.of(percent_missed(ours)),
            'reference missed, %': Interval.of(percent_missed(theirs)),
            'oracle missed, %': Interval.of(percent_missed(oracle)),
        },
        limit=Interval.of(percent_saved(oracle, theirs, key)),
        comparable=meets_deadline(theirs[0]),
    )
