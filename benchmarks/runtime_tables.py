"""What runtime.py prints: tables of policies, and goals with every condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime_energy_goals import Runs
from runtime_figures import Check, Comparison, Interval, summary

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
        where = f'{each.scenario}, {each.platform}'
        lines.append(f'{each.verdict.upper():13}{each.measure}; {each.reference}: {where}')
        lines += [f'             {check_text(check)}' for check in each.checks]
        lines.append(f'             beside: {notes_text(each)}')
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
    """Return the figures beside, the limit first."""
    limit = {} if comparison.limit is None else {'limit': comparison.limit}
    return ', '.join(
        f'{name}: {interval.text(digits=2)}'
        for name, interval in {**limit, **comparison.notes}.items()
    )


def verdict(comparisons: Sequence[Comparison]) -> str:
    """Return how many goals are met."""
    counts = dict.fromkeys(('met', 'missed', 'no reference'), 0)
    for each in comparisons:
        counts[each.verdict] += 1
    return ', '.join(f'{count} {word}' for word, count in counts.items())
