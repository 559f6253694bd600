# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The goals of runtime.py, each judged on every platform and scenario it applies to.

Requirements for a policy (accuracy floor, p95) are those of the reference with the first seed, kept
for all seeds, as a user would write them into a configuration.
"""

from __future__ import annotations

from runtime_energy_goals import REFERENCES, SAVING, Runs, energy_goals
from runtime_figures import (
    BOARD,
    Check,
    Comparison,
    Interval,
    percent_missed,
    percent_saved,
    points_lost,
)
from runtime_runs import SETTLING_FRAMES, Run, changes_of, fraction, platform_of, scenario_of

from dynofa_ros.runtime import ManagerSettings
from dynofa_ros.simulation.policies.registry import ORACLE, ORACLE_WITHOUT_JITTER, OURS

STEPPING = 'stepping:performance'
NO_BOUND = {
    'heat': 'the oracle does not foresee thermal throttling',
    'draining_battery': "the objective of the manager changes during the run, the oracle's not",
    'mission': 'the oracle ignores power caps',
}
"""Scenarios in which the oracle is no bound, and why."""
MAX_STEADY_MISSED = 1.0
MAX_IMAGES = 3.0
MAX_MORE_ENERGY, MAX_LOST = 2.0, 1.0
PROMISED = round(100 * (1 - ManagerSettings.deadline_probability), 9)
"""Misses that the resource manager allows itself, in percent."""


def judge_all(platform: str, scenario: str, runs: Runs) -> list[Comparison]:
    """Return all goals that apply to these runs."""
    found = list(energy_goals(platform, scenario, runs))
    if scenario not in NO_BOUND:
        compared = (OURS, ORACLE, ORACLE_WITHOUT_JITTER)
        found += [
            _oracle(platform, scenario, runs, *labels) for labels in (compared, SAVING.values())
        ]
    if scenario == 'changing_contention':
        found.append(_contention(platform, scenario, runs))
    if scenario == 'paper_trace':
        found.append(_compliance(platform, scenario, runs))
    return found


def _oracle(
    platform: str, scenario: str, runs: Runs, ours: str, oracle: str, without_jitter: str
) -> Comparison:
    best, limited = runs[oracle], runs[without_jitter]
    more = [-each for each in percent_saved(runs[ours], best, BOARD)]
    missed = percent_missed(runs[ours])
    lost = points_lost(runs[ours], best)
    return Comparison(
        'against the oracle',
        platform,
        scenario,
        oracle,
        (
            Check.at_most('more energy', more, unit='%', most=MAX_MORE_ENERGY),
            Check.at_most('accuracy lost', lost, unit='points', most=MAX_LOST),
            # Without this condition energy could be traded for deadlines that the oracle meets.
            Check.at_most('missed', missed, unit='%', most=PROMISED),
        ),
        {
            'oracle missed, %': Interval.of(percent_missed(best)),
            'without jitter: lost, points': Interval.of(points_lost(limited, best)),
            'without jitter: missed, %': Interval.of(percent_missed(limited)),
        },
        limit=Interval.of([-each for each in percent_saved(limited, best, BOARD)]),
    )


def _contention(platform: str, scenario: str, runs: Runs) -> Comparison:
    steady = {label: [100 * each.steady_missed for each in made] for label, made in runs.items()}
    both = [
        100 * len(a.late & b.late) / len(a.late) if a.late else 0.0
        for a, b in zip(runs[OURS], runs[ORACLE], strict=True)
    ]
    notes = {
        f'{label}, %': Interval.of(steady[label]) for label in (STEPPING, *REFERENCES.values())
    }
    notes['of ours late, the oracle too, %'] = Interval.of(both)
    notes['ours, all images, %'] = Interval.of(percent_missed(runs[OURS]))
    delay_s = max(each.change_delay_s for each in platform_of(platform).domains.values())
    settled = [settled_missed(each, after_s=delay_s) for each in runs[OURS]]
    notes[f'ours, steady, {delay_s:g} s later on, %'] = Interval.of(settled)
    return Comparison(
        'misses, contention comes and goes',
        platform,
        scenario,
        'stepping, static',
        (Check.at_most('missed, steady', steady[OURS], unit='%', most=MAX_STEADY_MISSED),),
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
        (Check.at_most('images until in time again', images, unit='', most=MAX_IMAGES),),
        {
            'longest of a seed, images': Interval.of([max(images)]),
            'ours, s': Interval.of([each.compliance_s for each in runs[OURS]]),
            'stepping, images': Interval.of([e.compliance_images for e in runs[STEPPING]]),
            'stepping, s': Interval.of([each.compliance_s for each in runs[STEPPING]]),
        },
        limit=Interval.of([each.compliance_images for each in runs[ORACLE]]),
    )


def settled_missed(run: Run, *, after_s: float) -> float:
    """Return the misses in percent from `after_s` after the start of each steady state.

    Before, a frequency requested by the last image that was not steady cannot be in force yet.
    """
    scenario = scenario_of(run.case.scenario)
    changes_s = changes_of(scenario)
    longest_s = max(each.period_s for each in scenario.applications) * SETTLING_FRAMES + after_s
    kept = [
        not each.met
        for each in run.images
        if not any(0.0 <= each.arrived_s - change_s < longest_s for change_s in changes_s)
    ]
    return 100 * fraction(kept)
