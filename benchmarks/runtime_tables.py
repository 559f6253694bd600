# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Terminal output of runtime.py: a table of all policies, and the goals with every condition."""

from __future__ import annotations

from collections.abc import Sequence

from runtime_energy_goals import Runs
from runtime_figures import Check, Comparison, summary

SIMULATED = (
    'ALL FIGURES ARE SIMULATED (docs/simulation.md); mean over seeds ± half of the 95 % interval.'
)
COLUMNS = (
    ('J/frame', 'energy_per_frame_j', 1.0, 3),
    ('above idle', 'work_energy_per_frame_j', 1.0, 3),
    ('accuracy %', 'accuracy', 100.0, 2),
    ('p95 ms', 'latency_p95_s', 1e3, 1),
    ('missed %', 'missed', 100.0, 2),
    ('steady %', 'steady_missed', 100.0, 2),
    ('switches', 'switches', 1.0, 0),
    ('clocks', 'clock_changes', 1.0, 0),
)
"""Heading, figure, scale and digits of each column."""


def policy_lines(platform: str, scenario: str, runs: Runs) -> list[str]:
    """Return the table of all policies in one scenario."""
    width = max(map(len, runs)) + 1
    heading = ' ' * width + ''.join(f'{each[0]:>15}' for each in COLUMNS)
    lines = ['', f'{scenario} on {platform}, simulated', heading]
    for label, made in runs.items():
        figures = summary(made)
        cells = [figures[key].text(scale=scale, digits=digits) for _, key, scale, digits in COLUMNS]
        lines.append(f'{label:{width}}' + ''.join(f'{cell:>15}' for cell in cells))
    return lines


def comparison_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """Return all goals, with one line for each condition."""
    lines = [f'goals; {SIMULATED}']
    for each in comparisons:
        where = f'{each.scenario}, {each.platform}'
        lines.append(f'{each.verdict.upper():13}{each.measure}; {each.reference}: {where}')
        lines += [f'             {check_text(check)}' for check in each.checks]
        notes = ({} if each.limit is None else {'limit': each.limit}) | dict(each.notes)
        texts = [f'{name}: {interval.text(digits=2)}' for name, interval in notes.items()]
        lines.append(f'             also: {", ".join(texts)}')
    return lines


def check_text(check: Check) -> str:
    """Return a condition: the figure, the goal, and whether it is met."""
    sense = 'at most' if check.is_ceiling else 'at least'
    digits = 2 if check.unit != '%' else 1
    unit = f' {check.unit}' if check.unit else ''
    verdict = 'met' if check.met else 'missed'
    return (
        f'{check.goal.name} {check.interval.text(digits=digits)}{unit} '
        f'({sense} {check.goal.goal:.3g}{unit}: {verdict})'
    )
