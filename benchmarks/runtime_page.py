"""What runtime.py prints and writes: tables of policies, and goals with every condition."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from runtime_figures import Check, Comparison, Interval, summary
from runtime_goals import NO_BOUND, Runs

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
"""Heading, figure, scale and digits of a policy's row."""


def policy_lines(platform: str, scenario: str, runs: Runs) -> list[str]:
    """Return the table of all policies in one scenario, for the terminal."""
    width = max(map(len, runs)) + 1
    heading = ' ' * width + ''.join(f'{each[0]:>15}' for each in COLUMNS)
    lines = ['', f'{scenario} on {platform}, simulated', heading]
    return lines + [
        f'{label:{width}}' + ''.join(f'{cell:>15}' for cell in cells(summary(made)))
        for label, made in runs.items()
    ]


def cells(figures: Mapping[str, Interval]) -> list[str]:
    """Return the figures of a policy as text."""
    return [figures[key].text(scale=scale, digits=digits) for _, key, scale, digits in COLUMNS]


def comparison_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the goals, each condition on a line of its own."""
    lines = [f'goals; {SIMULATED}']
    for each in comparisons:
        verdict = 'met' if each.met else 'MISSED'
        where = f'{each.scenario}, {each.platform}'
        lines.append(f'{verdict:7}{each.measure}, against {each.reference}: {where}')
        lines += [f'       {check_text(check)}' for check in each.checks]
        lines.append(f'       beside: {notes_text(each)}')
    return lines


def check_text(check: Check) -> str:
    """Return a condition: what came out, what was asked, whether that is met."""
    sense = 'at most' if check.is_ceiling else 'at least'
    digits = 2 if check.unit != '%' else 1
    unit = f' {check.unit}' if check.unit else ''
    verdict = 'met' if check.met else 'missed'
    return (
        f'{check.goal.name} {check.interval.text(digits=digits)}{unit} '
        f'({sense} {check.goal.goal:.3g}{unit}: {verdict})'
    )


def notes_text(comparison: Comparison) -> str:
    """Return the figures beside."""
    return ', '.join(
        f'{name}: {interval.text(digits=2)}' for name, interval in comparison.notes.items()
    )


def page(
    document: Mapping[str, Any],
    groups: Mapping[tuple[str, str], Runs],
    comparisons: Sequence[Comparison],
) -> str:
    """Return tables and goals as Markdown."""
    machine, settings = document['machine'], document['settings']
    met = sum(each.met for each in comparisons)
    parts = [
        '# Results of the runtime manager, simulated',
        f'**{SIMULATED}** Nothing here was measured on a Jetson. The models and their errors: '
        '[platforms.md](platforms.md); what is simulated, the policies and the oracle: '
        '[simulation.md](simulation.md).',
        f'Written by `benchmarks/runtime.py`, {document["date"]}, {settings["seeds"]} seeds, on '
        f'{machine["cpu"]}, {machine["cores"]} cores, Python {machine["python"]}. An image that '
        'was dropped counts as missed. Steady: from the fourth image after any change on. J/frame '
        'is of the whole board, idle power included.',
        f'## Goals: {met} met, {len(comparisons) - met} missed',
        'Each row is one goal on one platform and scenario; it is met if all its conditions are. '
        'The static network is the most accurate one that misses at most 5 % at its governor in '
        'the first seed. `as accurate as`: least energy, with its accuracy less 0.5 points as '
        'floor of every frame and its share of images in time as deadline probability (0.95 to '
        '0.999); `as fast and`: its p95 as a deadline, too. '
        '`saving`: the same floor, with the default probability.',
        *goal_tables(comparisons),
        'Not compared with the oracle: '
        + '; '.join(f'`{name}`, as {reason}' for name, reason in NO_BOUND.items())
        + '.',
    ]
    for (platform, scenario), runs in groups.items():
        rows = [[f'`{label}`', *cells(summary(made))] for label, made in runs.items()]
        parts += [
            f'## {scenario}, {platform}',
            table(['policy', *(each[0] for each in COLUMNS)], rows),
        ]
    return '\n\n'.join(parts) + '\n'


def goal_tables(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a table for each measure."""
    parts = []
    ordered = sorted(comparisons, key=lambda each: each.measure)
    for measure, group in itertools.groupby(ordered, key=lambda each: each.measure):
        rows = [
            [
                each.platform,
                each.scenario,
                each.reference,
                'met' if each.met else '**missed**',
                '; '.join(check_text(check) for check in each.checks),
                notes_text(each),
            ]
            for each in group
        ]
        heading = ['platform', 'scenario', 'reference', '', 'conditions', 'beside']
        parts += [f'### {measure}', table(heading, rows)]
    return parts


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ['---'] * len(heading), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)
