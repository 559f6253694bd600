# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write the figures of runtime.py as a short page: docs/results.md.

Reads the JSON file of runtime.py; the page shows the pictures in the folder of that file.

    python benchmarks/runtime_page.py docs/results/runtime.json docs/results.md
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from machine import json_file
from performance_sections import table
from runtime_energy_goals import MIN_SAVED, MIN_SAVED_BY_SEVERAL
from runtime_figures import ACCURACY_POINTS, Interval
from runtime_goals import NO_BOUND
from runtime_tables import SIMULATED

from dynofa_ros.atomic_file import write_text

Figures = Mapping[str, Any]
COMPARED = (
    'ours',
    'oracle',
    'oracle-without-jitter',
    'alert',
    'dvfs-only',
    'switch-only:schedutil',
    'stepping:performance',
    'static-best:performance',
    'static-best:schedutil+simple_ondemand',
    'static-largest:performance',
    'static-smallest:performance',
)
"""Policies in the table of means."""
PICTURES = (
    'runtime_energy_saved',
    'runtime_latency_paper_trace',
    'runtime_policies_paper_trace',
    'runtime_latency_two',
)
"""First words of the pictures on the page, in order."""
COMMANDS = """\
```bash
python benchmarks/runtime.py --processes 2 --json docs/results/runtime.json \\
  --pictures docs/results --page docs/results.md       # everything: 1 h on two cores
python benchmarks/runtime_page.py docs/results/runtime.json docs/results.md  # the page
```"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if the figures cannot be read or the page cannot be written."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('figures', type=Path, help='JSON file of runtime.py')
    parser.add_argument('page', type=json_file, help='Markdown file to write')
    options = parser.parse_args(arguments)
    try:
        document = json.loads(options.figures.read_text(encoding='utf-8'))
        write_page(options.page, document, options.figures, options.figures.parent)
    except (OSError, ValueError) as error:
        print(f'runtime_page: {options.figures}: {error}', file=sys.stderr)
        return 1
    return 0


def write_page(file: Path, document: Figures, figures: Path, pictures: Path) -> None:
    """Write the page with links to the file of the figures and the pictures of a folder."""
    names = (path.name for path in sorted(pictures.glob('runtime_*.png'), reverse=True))
    found = [pictures / name for name in names]
    write_text(
        file,
        page(document, figures=_link(file, figures), pictures=[_link(file, e) for e in found]),
    )


def _link(page_file: Path, target: Path) -> str:
    """Return the path of a file as a page links it."""
    return Path(os.path.relpath(target, page_file.parent)).as_posix()


def page(document: Figures, *, figures: str, pictures: Sequence[str] = ()) -> str:
    """Return the page in Markdown; `figures` and `pictures` are paths from the page."""
    machine, settings = document['machine'], document['settings']
    rows, goals = document['rows'], document['goals']
    platforms = list(dict.fromkeys(each['platform'] for each in rows))
    scenarios = list(dict.fromkeys(each['scenario'] for each in rows))
    policies = {each['policy'] for each in rows}
    parts = [
        '# Results of the runtime manager, simulated',
        f'**{SIMULATED}** Nothing here was measured on a Jetson. [platforms.md](platforms.md) '
        'describes the models and their errors, [simulation.md](simulation.md) the simulation, the '
        'policies, the scenarios and the oracle.',
        '## What was run',
        f'{len(policies)} policies in {len(scenarios)} scenarios on {len(platforms)} platforms, '
        f'{settings["seeds"]} seeds each; with the same seed every policy gets the same images and '
        f'the same latency jitter. Written by `benchmarks/runtime.py` on {document["date"]}, in '
        f'{document["took_s"] / 60:.0f} min on {machine["cpu"]}, {machine["cores"]} cores, Python '
        f'{machine["python"]}.',
        f'[{Path(figures).name}]({figures}) contains all figures: a row for each platform, '
        'scenario and policy, and each goal with its conditions and reference. A figure is '
        "`[mean, half]`: the mean over seeds and half its 95 % interval (Student's t).",
        '## Energy saved at the same deadline and accuracy',
        SAVED,
        *(saved_section(goals, each) for each in platforms),
        '## All policies: energy, accuracy, misses',
        'Mean over the scenarios. Energy of the board per frame in J, with idle power; mean '
        'accuracy in %; images late or dropped in %.',
        policy_table(rows, platforms),
        '## All goals',
        f'{verdict(goals)}. A cell shows in how many scenarios the goal is met, of those with a '
        'reference, then median and range of its first condition over these scenarios; *oracle* is '
        'the median of the oracle (for the oracle itself: of the one that does not know jitter).',
        goal_table(goals, platforms),
        PUBLISHED,
        '## Definitions',
        DEFINITIONS,
        'The oracle is no bound in: '
        + '; '.join(f'`{name}` ({reason})' for name, reason in NO_BOUND.items())
        + '.',
        '## Pictures',
        *(f'![{Path(each).stem.replace("_", " ")}]({each})' for each in _shown(pictures)),
        '## Run it again',
        COMMANDS,
    ]
    return '\n\n'.join(parts) + '\n'


SAVED = f"""\
`ours` with the objective `min_energy` against the most accurate static network that meets the
deadline at the highest frequency (`performance`). Saved energy per frame in %: of the whole board
with idle power, and of the frame's own work above idle. *oracle*: saved by the oracle. The goal
is {MIN_SAVED:g} % with one application and {MIN_SAVED_BY_SEVERAL:g} % with several (whose p95
must not rise), with no more misses than the reference and at most {ACCURACY_POINTS:g} points of
accuracy lost."""
PUBLISHED = """\
Published before: 16.5 % less energy at similar latency, measured on boards, and about 6 s to
compliance in two steps (arXiv 2206.02525); ALERT stays within 3 % of energy and 2 % of accuracy of
its oracle (USENIX ATC 2020)."""
DEFINITIONS = """\
- **Missed**: late or dropped. **Steady**: from the fourth image after a change.
- **Energy of the board** includes idle power, which no policy changes; it drains the battery.
  **Energy of the frame** is that of its own work above idle, as in `frame_report`.
- **Reference**: the most accurate static network that misses at most 5 % of the images at its
  governor with the first seed. If there is none, the goal is not judged (*no reference*).
- The resource manager gets the reference's accuracy less 0.5 points as accuracy floor of every
  frame, and the reference's fraction of images in time as deadline probability (0.95 to 0.999).
  *p95 too*: 1.1 times the reference's p95 is a deadline as well. *several*: several applications.
- **Against the oracle**: in the scenario as it is, and (*saving*) with least energy as objective.
- `schedutil` and `ondemand` on a GPU are experiments: Linux has them for CPUs only."""


def saved_section(goals: Sequence[Figures], platform: str) -> str:
    """Return the energy saved against `performance`: medians, and one row for each scenario."""
    by_scenario: dict[str, dict[str, Figures]] = {}
    for each in goals:
        measure = each['measure']
        kept = measure.endswith('less than performance') and 'p95 too' not in measure
        if kept and each['platform'] == platform:
            energy = 'board' if 'of the board' in measure else 'frame'
            by_scenario.setdefault(each['scenario'], {})[energy] = each
    rows = []
    for scenario, found in by_scenario.items():
        board, frame = found['board'], found['frame']
        checks = {check['name']: text(check['interval'], 2) for check in board['checks']}
        rows.append(
            [
                scenario,
                f'`{board["reference"]}`',
                *(text(e, 1) for e in (board['checks'][0]['interval'], board['limit'])),
                *(text(e, 1) for e in (frame['checks'][0]['interval'], frame['limit'])),
                text(board['notes']['ours missed, %'], 1),
                text(board['notes']['reference missed, %'], 1),
                checks['accuracy lost'],
                *(_bold(each['verdict']) for each in (board, frame)),
            ]
        )
    heading = ['scenario', 'reference', 'board saved, %', 'oracle', 'frame saved, %', 'oracle']
    heading += ['missed, %', 'reference missed, %', 'points lost', 'board goal', 'frame goal']
    medians = {
        energy: _median([found[energy]['checks'][0]['interval'] for found in by_scenario.values()])
        for energy in ('board', 'frame')
    }
    return (
        f'**{platform}**: saves {medians["board"]} % of the energy of the board and '
        f'{medians["frame"]} % of the energy of the frame (median over scenarios).\n\n'
        f'{table(heading, rows)}'
    )


def policy_table(rows: Sequence[Figures], platforms: Sequence[str]) -> str:
    """Return the means over scenarios: one row for each of the compared policies."""
    columns = (
        ('J', 'energy_per_frame_j', 1, 3),
        ('accuracy', 'accuracy', 100, 2),
        ('missed', 'missed', 100, 2),
    )
    cells = []
    for policy in COMPARED:
        line = [f'`{policy}`']
        for platform in platforms:
            own = [e for e in rows if (e['platform'], e['policy']) == (platform, policy)]
            for _, key, scale, digits in columns:
                values = [each[key][0] for each in own if each[key][0] is not None]
                line.append(f'{statistics.fmean(values) * scale:.{digits}f}' if values else '-')
        cells.append(line)
    heading = [f'{platform}: {name}' for platform in platforms for name, *_ in columns]
    return table(['policy', *heading], cells)


def goal_table(goals: Sequence[Figures], platforms: Sequence[str]) -> str:
    """Return one row for each measure, one column for each platform."""
    rows = []
    for measure in dict.fromkeys(each['measure'] for each in goals):
        group = [each for each in goals if each['measure'] == measure]
        conditions = dict.fromkeys(_condition(check) for e in group for check in e['checks'])
        found = [[each for each in group if each['platform'] == name] for name in platforms]
        rows.append([measure, ', '.join(conditions), *(_outcome(each) for each in found)])
    return table(['measure', 'goal', *platforms], rows)


def verdict(goals: Sequence[Figures]) -> str:
    """Return how many goals have each verdict."""
    verdicts = [each['verdict'] for each in goals]
    return ', '.join(f'{verdicts.count(each)} {each}' for each in ('met', 'missed', 'no reference'))


def _condition(check: Figures) -> str:
    sense = '≤' if check['at_most'] else '≥'
    return f'{check["name"]} {sense} {check["goal"]:.3g}{_unit(check)}'


def _unit(check: Figures) -> str:
    return f' {check["unit"]}' if check['unit'] else ''


def _outcome(group: Sequence[Figures]) -> str:
    """Return how often a goal is met on a platform, and the median of its first condition."""
    judged = [each for each in group if each['verdict'] != 'no reference']
    if not judged:
        return 'no reference'
    firsts = [each['checks'][0] for each in judged]
    intervals = [each['interval'] for each in firsts]
    line = f'{_median(intervals)}{_unit(firsts[0])}'
    if len(judged) > 1:
        means = [each[0] for each in intervals]
        line += f' ({min(means):.1f} to {max(means):.1f})'
    limits = [each['limit'] for each in judged if each['limit'] is not None]
    if limits:
        line += f'; oracle {_median(limits)}'
    return f'**{sum(each["met"] for each in judged)} of {len(judged)}**; {line}'


def _median(intervals: Sequence[Sequence[float]]) -> str:
    return f'{statistics.median(each[0] for each in intervals):.1f}'


def text(interval: Sequence[float | None] | None, digits: int) -> str:
    """Return an interval of the JSON as text."""
    return '-' if interval is None else Interval.from_json(interval).text(digits=digits)


def _bold(verdict: str) -> str:
    return '**missed**' if verdict == 'missed' else verdict


def _shown(pictures: Sequence[str]) -> Iterator[str]:
    """Yield the pictures of the page in order."""
    for name in PICTURES:
        yield from (each for each in pictures if Path(each).name.startswith(name))


if __name__ == '__main__':
    sys.exit(main())
