"""The page of results that runtime.py writes: the goals at a glance, each goal, every policy."""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime_energy_goals import Runs
from runtime_figures import Check, Comparison, summary
from runtime_goals import NO_BOUND
from runtime_tables import COLUMNS, SIMULATED, cells, verdict

PAPER = {
    'energy': '16.5 % at similar latency, measured on boards (arXiv 2206.02525)',
    'against the oracle': 'ALERT: within 3 % of energy and 2 % of accuracy',
    'misses': "the paper's stepping demo, static networks: see below",
    'time': "the paper's demo: about 6 s in two steps",
}
"""What was reached before, by the first words of a measure."""
NO_REFERENCE = 'no reference'
SHOWN = ('runtime_latency_paper_trace', 'runtime_policies_paper_trace', 'runtime_latency_two')
"""Pictures that the page shows besides the energy saved, by the beginnings of their names."""


def page(
    document: Mapping[str, Any],
    groups: Mapping[tuple[str, str], Runs],
    comparisons: Sequence[Comparison],
    *,
    pictures: Sequence[str] = (),
) -> str:
    """Return tables and goals as Markdown; `pictures`: paths from the page."""
    machine, settings = document['machine'], document['settings']
    parts = [
        '# Results of the runtime manager, simulated',
        f'**{SIMULATED}** Nothing here was measured on a Jetson. The models and their errors: '
        '[platforms.md](platforms.md); what is simulated, the policies, the scenarios and the '
        'oracle: [simulation.md](simulation.md).',
        f'Written by `benchmarks/runtime.py`, {document["date"]}, {settings["seeds"]} seeds, on '
        f'{machine["cpu"]}, {machine["cores"]} cores, Python {machine["python"]}, in '
        f'{document["took_s"] / 60:.0f} min.',
        *(f'![{Path(each).stem.replace("_", " ")}]({each})' for each in _shown(pictures)),
        '## The goals at a glance',
        f'{verdict(comparisons)}. Each is judged on every scenario it applies to. A cell: in how '
        'many scenarios it is met, of those that have a reference; the median of the first '
        'condition over scenarios, with the range; *limit*: the median of what the oracle '
        'reaches, so what the model leaves to reach.',
        glance(comparisons),
        '## How to read it',
        HOW_TO_READ,
        'Not compared with the oracle: '
        + '; '.join(f'`{name}`, as {reason}' for name, reason in NO_BOUND.items())
        + '.',
        '## Every goal',
        *goal_tables(comparisons),
        '## Every policy',
    ]
    for (platform, scenario), runs in groups.items():
        rows = [[f'`{label}`', *cells(summary(made))] for label, made in runs.items()]
        parts += [
            f'<details><summary>{scenario} on {platform}, simulated</summary>',
            table(['policy', *(each[0] for each in COLUMNS)], rows),
            '</details>',
        ]
    return '\n\n'.join(parts) + '\n'


HOW_TO_READ = """\
- An image that was dropped counts as missed.
- **Energy of the board**: idle power included, over the frames. It is what empties the battery;
  no policy changes the idle part. **Energy of the frame**: its own work above idle, what
  `frame_report` carries.
- **The reference** is the most accurate static network that misses at most 5 % at its governor in
  the first seed. Where no network does, there is *no reference*: the one that misses least is
  shown, and the row judges nothing. `schedutil` and `ondemand` on a GPU are a rule tried out:
  Linux has them for CPUs only.
- Against it, the resource manager saves energy with that network's accuracy less 0.5 points as
  floor of every frame, and with its share of images in time as deadline probability (0.95 to
  0.999). *p95 too*: 1.1 times the reference's p95 is the deadline, kept with 0.95 where the
  scenario's own deadlines are well above it. *several*: several applications, p95 no higher.
- **Against the oracle**: `oracle` in the scenario as it is; `oracle, saving`: least energy, with
  the floor above. *limit* is there what the same oracle loses that does not know each frame's
  luck.
- **Steady**: from the fourth image after any change on."""


def _shown(pictures: Sequence[str]) -> Iterator[str]:
    """Yield the pictures to show: the energy saved, then the scenarios that stand for others."""
    for name in ('runtime_energy_saved', *SHOWN):
        yield from (each for each in pictures if Path(each).name.startswith(name))


def relative_to(page_file: Path, pictures: Sequence[Path]) -> list[str]:
    """Return the pictures' paths as the page links them."""
    folder = page_file.resolve().parent
    return [Path(os.path.relpath(each.resolve(), folder)).as_posix() for each in pictures]


def glance(comparisons: Sequence[Comparison]) -> str:
    """Return a row for each measure, a column for each platform."""
    platforms = list(dict.fromkeys(each.platform for each in comparisons))
    rows = []
    for measure in dict.fromkeys(each.measure for each in comparisons):
        group = [each for each in comparisons if each.measure == measure]
        before = next(text for words, text in PAPER.items() if measure.startswith(words))
        goals = ', '.join(dict.fromkeys(_goal(check) for e in group for check in e.checks))
        found = [[each for each in group if each.platform == name] for name in platforms]
        rows.append([measure, goals, before, *(_median(each) for each in found)])
    return table(['measure', 'goal', 'before', *platforms], rows)


def _goal(check: Check) -> str:
    """Return what a condition asks for."""
    sense = '≤' if check.is_ceiling else '≥'
    return f'{check.goal.name} {sense} {check.goal.goal:.3g}{_unit(check)}'


def _unit(check: Check) -> str:
    return f' {check.unit}' if check.unit else ''


def _median(group: Sequence[Comparison]) -> str:
    """Return how often a goal is met on a platform, and the median of its first condition."""
    judged = [each for each in group if each.comparable]
    if not judged:
        return NO_REFERENCE
    values = [each.checks[0].interval.mean for each in judged]
    limits = [each.limit.mean for each in judged if each.limit is not None]
    text = f'{statistics.median(values):.1f}{_unit(judged[0].checks[0])}'
    if len(values) > 1:
        text += f' ({min(values):.1f} to {max(values):.1f})'
    if limits:
        text += f'; limit {statistics.median(limits):.1f}'
    return f'**{sum(each.met for each in judged)} of {len(judged)}**; {text}'


def goal_tables(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a table for each measure; a condition that is missed is bold."""
    parts = []
    ordered = sorted(comparisons, key=lambda each: each.measure)
    for measure, found in itertools.groupby(ordered, key=lambda each: each.measure):
        group = list(found)
        first = group[0]
        heading = ['platform', 'scenario', 'reference', '', *map(_goal, first.checks)]
        heading += ['limit', *first.notes]
        parts += [f'### {measure}', table(heading, [_goal_row(each) for each in group])]
    return parts


def _goal_row(goal: Comparison) -> list[str]:
    """Return a goal's row: where, the verdict, the conditions, what is beside."""
    conditions = []
    for check in goal.checks:
        text = check.interval.text(digits=1 if check.unit == '%' else 2)
        conditions.append(text if check.met or not goal.comparable else f'**{text}**')
    return [
        goal.platform,
        goal.scenario,
        f'`{goal.reference}`',
        '**missed**' if goal.verdict == 'missed' else goal.verdict,
        *conditions,
        '-' if goal.limit is None else goal.limit.text(digits=1),
        *(each.text(digits=1) for each in goal.notes.values()),
    ]


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ['---'] * len(heading), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)
