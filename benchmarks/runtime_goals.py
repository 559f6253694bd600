"""The goals of runtime.py: which runs they need, and how they are judged.

A goal is judged on every platform and scenario it applies to, whatever comes out. Requirements that
a policy is given (accuracy floor, p95) are those of the reference in a run of the first seed, kept
for all seeds, as somebody would who writes them into a configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime_figures import (
    ACCURACY_POINTS,
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
from runtime_runs import Requirement, Run

from dynofa_ros.runtime import Settings

Runs = Mapping[str, Sequence[Run]]
"""Of one platform and scenario: runs by label, one per seed."""

OURS, ORACLE, LUCKLESS = 'ours', 'oracle', 'oracle-without-luck'
STEPPING = 'stepping:performance'
SAVING, ORACLE_SAVING = 'ours, saving', 'oracle, saving'
LUCKLESS_SAVING = 'oracle-without-luck, saving'
STATIC = 'static-best'
GOVERNORS = ('performance', 'schedutil')
REFERENCES = {each: f'most accurate static that meets it:{each}' for each in GOVERNORS}
"""Labels of the static networks that goals are judged against, by governor."""
NO_BOUND = {
    'heat': 'the oracle does not foresee that the board throttles',
    'draining_battery': "the objective changes on the way, and not the oracle's",
}
"""Scenarios in which the oracle bounds nothing, and why."""
SUREST = 0.999
"""Highest deadline probability that is asked for."""
SAME_P95 = 1.1
LEAST_SAVED, LEAST_SAVED_BY_TWO = 20.0, 25.0
MOST_MISSED = 1.0
MOST_IMAGES = 3.0
MOST_ENERGY, MOST_LOST = 2.0, 1.0
PROMISED = round(100 * (1 - Settings.deadline_probability), 9)
"""Percent of the images that the resource manager may miss by its own promise."""


def saving(who: str, governor: str, *, as_fast: bool) -> str:
    """Return the label of a run that saves against the reference of a governor."""
    return f'{who}, {"as fast and " if as_fast else ""}as accurate as static:{governor}'


def reliability(reference: Run) -> float:
    """Return the deadline probability to ask for: that of the reference, within limits."""
    return min(SUREST, max(Settings.deadline_probability, 1.0 - reference.missed))


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
        caps_s = {
            app: p95_s * (1.0 if two else SAME_P95)
            for app, p95_s in reference.latency_p95_s.items()
        }
        for who in (OURS, ORACLE):
            for as_fast in (False, True):
                needed[saving(who, governor, as_fast=as_fast)] = (
                    who,
                    Requirement(
                        'min_energy',
                        floors,
                        caps_s if as_fast else {},
                        deadline_probability=reliability(reference),
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


def judge(platform: str, scenario: str, runs: Runs) -> list[Comparison]:
    """Return every goal that applies to these runs."""
    two = len(runs[OURS][0].accuracy) > 1
    found = [
        _energy(platform, scenario, runs, governor, as_fast=as_fast, two=two)
        for governor in REFERENCES
        for as_fast in ((True,) if two else (False, True))
    ]
    if scenario not in NO_BOUND:
        found += [
            _oracle(platform, scenario, runs, *labels)
            for labels in ((OURS, ORACLE, LUCKLESS), (SAVING, ORACLE_SAVING, LUCKLESS_SAVING))
        ]
    if scenario == 'changing_contention':
        found.append(_contention(platform, scenario, runs))
    if scenario == 'paper_trace':
        found.append(_compliance(platform, scenario, runs))
    return found


def _energy(
    platform: str, scenario: str, runs: Runs, governor: str, *, as_fast: bool, two: bool
) -> Comparison:
    ours, oracle = (runs[saving(who, governor, as_fast=as_fast)] for who in (OURS, ORACLE))
    theirs = runs[REFERENCES[governor]]
    least = LEAST_SAVED_BY_TWO if two else LEAST_SAVED
    checks = [
        Check.of('energy saved', percent_less(ours, theirs), unit='%', least=least),
        Check.at_most('more missed', more_missed(ours, theirs), unit='%', most=0.0),
        Check.at_most(
            'accuracy lost', points_lost(ours, theirs), unit='points', most=ACCURACY_POINTS
        ),
    ]
    measure = 'energy, same deadline'
    if as_fast:
        most = 1.0 if two else SAME_P95
        checks.append(Check.at_most('p95 ratio', p95_ratio(ours, theirs), unit='', most=most))
        measure = 'energy, p95 no higher' if two else 'energy, p95 within 10 %'
    notes = {
        'missed by ours, %': Interval.of(percent_missed(ours)),
        'missed by the reference, %': Interval.of(percent_missed(theirs)),
        'missed by the oracle, %': Interval.of(percent_missed(oracle)),
        'saved by the oracle, %': Interval.of(percent_less(oracle, theirs)),
    }
    reference = theirs[0].case.policy
    if not meets(theirs[0]):
        reference += ' (none meets it; this one misses least)'
    return Comparison(measure, platform, scenario, reference, tuple(checks), notes)


def _oracle(
    platform: str, scenario: str, runs: Runs, ours: str, oracle: str, luckless: str
) -> Comparison:
    more = [-each for each in percent_less(runs[ours], runs[oracle])]
    lost = points_lost(runs[ours], runs[oracle])
    more_luckless = [-each for each in percent_less(runs[luckless], runs[oracle])]
    return Comparison(
        'against the oracle',
        platform,
        scenario,
        oracle,
        (
            Check.at_most('more energy', more, unit='%', most=MOST_ENERGY),
            Check.at_most('accuracy lost', lost, unit='points', most=MOST_LOST),
            # Otherwise energy could be had for deadlines that the oracle meets.
            Check.at_most('missed', percent_missed(runs[ours]), unit='%', most=PROMISED),
        ),
        {
            'missed by the oracle, %': Interval.of(percent_missed(runs[oracle])),
            'more energy without luck, %': Interval.of(more_luckless),
            'lost without luck, points': Interval.of(points_lost(runs[luckless], runs[oracle])),
            'missed without luck, %': Interval.of(percent_missed(runs[luckless])),
        },
    )


def _contention(platform: str, scenario: str, runs: Runs) -> Comparison:
    steady = {
        label: [100 * each.steady_missed for each in made] for label, made in runs.items()
    }
    both = [
        100 * len(a.late & b.late) / len(a.late) if a.late else 0.0
        for a, b in zip(runs[OURS], runs[ORACLE], strict=True)
    ]
    others = (STEPPING, *REFERENCES.values(), ORACLE)
    notes = {f'{label}, %': Interval.of(steady[label]) for label in others}
    notes['of ours late, the oracle too, %'] = Interval.of(both)
    notes['all images, ours, %'] = Interval.of(percent_missed(runs[OURS]))
    return Comparison(
        'misses, contention comes and goes',
        platform,
        scenario,
        'stepping, static',
        (Check.at_most('missed, steady', steady[OURS], unit='%', most=MOST_MISSED),),
        notes,
    )


def _compliance(platform: str, scenario: str, runs: Runs) -> Comparison:
    images = [each.compliance_images for each in runs[OURS]]
    return Comparison(
        'time to compliance',
        platform,
        scenario,
        'stepping',
        (Check.at_most('images until in time again', images, unit='', most=MOST_IMAGES),),
        {
            'longest of a seed, images': Interval.of([max(images)]),
            'ours, s': Interval.of([each.compliance_s for each in runs[OURS]]),
            'stepping, images': Interval.of([e.compliance_images for e in runs[STEPPING]]),
            'stepping, s': Interval.of([each.compliance_s for each in runs[STEPPING]]),
            'oracle, images': Interval.of([each.compliance_images for each in runs[ORACLE]]),
        },
    )
