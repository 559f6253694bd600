"""The goals of runtime.py, and how they are judged.

A goal is judged on every platform and scenario it applies to, whatever comes out. Requirements that
a policy is given (accuracy floor, p95) are those of the reference in a run of the first seed, kept
for all seeds, as somebody would who writes them into a configuration.
"""

from __future__ import annotations

from runtime_energy_goals import (
    LUCKLESS,
    LUCKLESS_SAVING,
    ORACLE,
    ORACLE_SAVING,
    OURS,
    REFERENCES,
    SAVING,
    Runs,
    energy_goals,
)
from runtime_figures import (
    BOARD,
    Check,
    Comparison,
    Interval,
    percent_less,
    percent_missed,
    points_lost,
)
from runtime_runs import SETTLING_FRAMES, Run, changes_of, platform_of, scenario_of, share

from dynofa_ros.runtime import ManagerSettings

STEPPING = 'stepping:performance'
NO_BOUND = {
    'heat': 'the oracle does not foresee that the board throttles',
    'draining_battery': "the objective changes on the way, and not the oracle's",
    'mission': 'the oracle knows no power cap',
}
"""Scenarios in which the oracle bounds nothing, and why."""
MOST_MISSED = 1.0
MOST_IMAGES = 3.0
MOST_ENERGY, MOST_LOST = 2.0, 1.0
PROMISED = round(100 * (1 - ManagerSettings.deadline_probability), 9)
"""Percent of the images that the resource manager may miss by its own promise."""


def judge(platform: str, scenario: str, runs: Runs) -> list[Comparison]:
    """Return every goal that applies to these runs."""
    found = list(energy_goals(platform, scenario, runs))
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


def _oracle(
    platform: str, scenario: str, runs: Runs, ours: str, oracle: str, luckless: str
) -> Comparison:
    more = [-each for each in percent_less(runs[ours], runs[oracle], BOARD)]
    lost = points_lost(runs[ours], runs[oracle])
    more_luckless = [-each for each in percent_less(runs[luckless], runs[oracle], BOARD)]
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
            'oracle missed, %': Interval.of(percent_missed(runs[oracle])),
            'without luck: lost, points': Interval.of(points_lost(runs[luckless], runs[oracle])),
            'without luck: missed, %': Interval.of(percent_missed(runs[luckless])),
        },
        limit=Interval.of(more_luckless),
    )


def _contention(platform: str, scenario: str, runs: Runs) -> Comparison:
    steady = {label: [100 * each.steady_missed for each in made] for label, made in runs.items()}
    both = [
        100 * len(a.late & b.late) / len(a.late) if a.late else 0.0
        for a, b in zip(runs[OURS], runs[ORACLE], strict=True)
    ]
    others = (STEPPING, *REFERENCES.values())
    notes = {f'{label}, %': Interval.of(steady[label]) for label in others}
    notes['of ours late, the oracle too, %'] = Interval.of(both)
    notes['ours, all images, %'] = Interval.of(percent_missed(runs[OURS]))
    delay_s = max(each.change_delay_s for each in platform_of(platform).domains.values())
    turned = [settled_missed(each, after_s=delay_s) for each in runs[OURS]]
    notes[f'ours, steady, {delay_s:g} s later on, %'] = Interval.of(turned)
    return Comparison(
        'misses, contention comes and goes',
        platform,
        scenario,
        'stepping, static',
        (Check.at_most('missed, steady', steady[OURS], unit='%', most=MOST_MISSED),),
        notes,
        limit=Interval.of(steady[ORACLE]),
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
        },
        limit=Interval.of([each.compliance_images for each in runs[ORACLE]]),
    )


def settled_missed(run: Run, *, after_s: float) -> float:
    """Return the percentage missed of images that come `after_s` after the steady state began.

    Before, a clock that was asked for by the last image that was not steady cannot be there yet.
    """
    scenario = scenario_of(run.case.scenario)
    changes_s = changes_of(scenario)
    longest_s = max(each.period_s for each in scenario.applications) * SETTLING_FRAMES + after_s
    kept = [
        not each.met
        for each in run.images
        if not any(0.0 <= each.arrived_s - change_s < longest_s for change_s in changes_s)
    ]
    return 100 * share(kept)
