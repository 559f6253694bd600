"""Energy goals of runtime.py: against the most accurate static network at a governor.

The energy of a frame is taken twice. That of the *board*, idle power included, over all frames, is
what empties the battery; no policy changes its idle part. That of the *frame*, its own work above
idle, is what `frame_report` carries, and what a policy can change.
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
    percent_less,
    percent_missed,
    points_lost,
)
from runtime_reference import meets
from runtime_runs import Requirement, Run, scenario_of

from dynofa_ros.runtime import ManagerSettings

Runs = Mapping[str, Sequence[Run]]
"""Of one platform and scenario: runs by label, one per seed."""

OURS, ORACLE, LUCKLESS = 'ours', 'oracle', 'oracle-without-luck'
SAVING, ORACLE_SAVING = 'ours, saving', 'oracle, saving'
LUCKLESS_SAVING = 'oracle-without-luck, saving'
GOVERNORS = ('performance', 'schedutil')
REFERENCES = {each: f'most accurate static that meets it:{each}' for each in GOVERNORS}
"""Labels of the static networks that goals are judged against, by governor."""
ENERGIES = {'board': BOARD, 'frame': FRAME}
SUREST = 0.999
"""Highest deadline probability that is asked for."""
SAME_P95 = 1.1
LEAST_SAVED, LEAST_SAVED_BY_TWO = 20.0, 25.0


def saving(who: str, governor: str, *, as_fast: bool) -> str:
    """Return the label of a run that saves against the reference of a governor."""
    return f'{who}, {"as fast and " if as_fast else ""}as accurate as static:{governor}'


def reliability(reference: Run) -> float:
    """Return the deadline probability to ask for: that of the reference, within limits."""
    return min(SUREST, max(ManagerSettings.deadline_probability, 1.0 - reference.missed))


def probability(reference: Run, caps_s: Mapping[str, float]) -> float:
    """Return the deadline probability to ask for where latency is capped, too.

    A p95 is kept with a probability of 0.95. That is enough where every deadline is so far above
    the cap that what misses the cap still meets it; else that of the reference is asked for.
    """
    plans = scenario_of(reference.case.scenario).applications
    deadlines_s = {
        plan.name: min(each.target.deadline_s for each in plan.targets) for plan in plans
    }
    if caps_s and all(SAME_P95 * caps_s[app] <= deadlines_s[app] for app in caps_s):
        return ManagerSettings.deadline_probability
    return reliability(reference)


def requirements(first: Mapping[str, Run], *, two: bool) -> dict[str, tuple[str, Requirement]]:
    """Return policy and requirement of the runs that goals need beside, by label.

    `first`: runs of the first seed by label. `two`: p95 may then be no higher at all.
    """
    needed = {}
    for governor, label in REFERENCES.items():
        reference = first[label]
        floors = {
            app: accuracy - ACCURACY_POINTS / 100 for app, accuracy in reference.accuracy.items()
        }
        p95_s = {
            app: each * (1.0 if two else SAME_P95) for app, each in reference.latency_p95_s.items()
        }
        for who in (OURS, ORACLE):
            for as_fast in (False, True):
                caps_s = p95_s if as_fast else {}
                needed[saving(who, governor, as_fast=as_fast)] = (
                    who,
                    Requirement(
                        'min_energy',
                        floors,
                        caps_s,
                        deadline_probability=probability(reference, caps_s),
                    ),
                )
        if governor == GOVERNORS[0]:
            asked = Requirement('min_energy', floors)
            needed |= {
                SAVING: (OURS, asked),
                ORACLE_SAVING: (ORACLE, asked),
                LUCKLESS_SAVING: (LUCKLESS, asked),
            }
    return needed


def energy_goals(platform: str, scenario: str, runs: Runs) -> Iterator[Comparison]:
    """Yield the goals of one platform and scenario: per governor, speed asked for, and energy."""
    two = len(runs[OURS][0].accuracy) > 1
    for governor in REFERENCES:
        for as_fast in (True,) if two else (False, True):
            for energy in ENERGIES:
                yield _compare(
                    platform, scenario, runs, governor, energy=energy, as_fast=as_fast, two=two
                )


def _compare(
    platform: str,
    scenario: str,
    runs: Runs,
    governor: str,
    *,
    energy: str,
    as_fast: bool,
    two: bool,
) -> Comparison:
    ours, oracle = (runs[saving(who, governor, as_fast=as_fast)] for who in (OURS, ORACLE))
    theirs, key = runs[REFERENCES[governor]], ENERGIES[energy]
    least = LEAST_SAVED_BY_TWO if two else LEAST_SAVED
    checks = [
        Check.of('saved', percent_less(ours, theirs, key), unit='%', least=least),
        Check.at_most('more missed', more_missed(ours, theirs), unit='%', most=0.0),
        Check.at_most(
            'accuracy lost', points_lost(ours, theirs), unit='points', most=ACCURACY_POINTS
        ),
    ]
    measure = f'energy of the {energy}, same deadline'
    if as_fast:
        most = 1.0 if two else SAME_P95
        checks.append(Check.at_most('p95 ratio', p95_ratio(ours, theirs), unit='', most=most))
        measure = f'energy of the {energy}, {"several, p95 no higher" if two else "p95 too"}'
    return Comparison(
        f'{measure}, less than {governor}',
        platform,
        scenario,
        theirs[0].case.policy,
        tuple(checks),
        {
            'ours missed, %': Interval.of(percent_missed(ours)),
            'reference missed, %': Interval.of(percent_missed(theirs)),
            'oracle missed, %': Interval.of(percent_missed(oracle)),
        },
        limit=Interval.of(percent_less(oracle, theirs, key)),
        comparable=meets(theirs[0]),
    )
