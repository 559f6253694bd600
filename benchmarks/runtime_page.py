# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write the figures of runtime.py as a short page: docs/results.md.

Reads the JSON file of runtime.py, and that of manager_cost.py where it lies beside it; the page
shows the pictures in the same folder.

    python benchmarks/runtime_page.py docs/results/runtime.json docs/results.md
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import json_file
from performance_sections import table
from runtime_measures import (
    ACCURACY_POINTS,
    BOARD_GOVERNORS,
    MORE_MISSED,
    NO_BOUND,
    PERFORMANCE,
    PROMISE,
    SAME_P95,
    Interval,
)
from runtime_runs import AFTER_STEP_S

from dynofa_ros.atomic_file import write_text

Figures = Mapping[str, Any]
SIMULATED = (
    'ALL FIGURES ARE SIMULATED (docs/simulation.md); mean over seeds ± half of the 95 % interval.'
)
MANAGER_COST = 'manager_cost.json'
COMMANDS = """\
```bash
python benchmarks/runtime.py --processes 2 --json docs/results/runtime.json \\
  --pictures docs/results --page docs/results.md
python benchmarks/runtime_page.py docs/results/runtime.json docs/results.md  # only the page
```"""


@dataclass(frozen=True)
class MeanGoal:
    """A limit for the mean of a measure over all scenarios, and one for the worst of them."""

    measure: str
    mean: float
    worst: float


CEILINGS = (
    MeanGoal('missed, max_accuracy', 0.7, 2.0),
    MeanGoal(f'missed, saving, {PERFORMANCE}', 1.2, 4.0),
    MeanGoal('effective accuracy below the oracle, saving', 0.5, 1.5),
)
SAVED = {'jetson_xavier_nx': 26.0, 'jetson_agx_xavier': 37.0}
"""Goals of the frame energy saved at `performance`, in percent, by platform."""
SHARE = 0.97
"""Goal of the share of the oracle's saving."""


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
    cost_file = figures.parent / MANAGER_COST
    cost = json.loads(cost_file.read_text(encoding='utf-8')) if cost_file.exists() else None
    found = [_link(file, each) for each in sorted(pictures.glob('runtime_*.png'))]
    write_text(file, page(document, figures=_link(file, figures), pictures=found, cost=cost))


def _link(page_file: Path, target: Path) -> str:
    """Return the path of a file as a page links it."""
    return Path(os.path.relpath(target, page_file.parent)).as_posix()


def page(
    document: Figures, *, figures: str, pictures: Sequence[str] = (), cost: Figures | None = None
) -> str:
    """Return the page in Markdown; `figures` and `pictures` are paths from the page."""
    machine, settings, overall = document['machine'], document['settings'], document['overall']
    platforms = list(overall)
    scenarios = list(dict.fromkeys(each['scenario'] for each in document['rows']))
    parts = [
        '# Results of the runtime manager, simulated',
        f'**{SIMULATED}** Nothing here was measured on a Jetson. [platforms.md](platforms.md) '
        'describes the models and their errors, [simulation.md](simulation.md) the simulation, the '
        'policies, the scenarios and the oracle.',
        '## The paper says, we get',
        paper_table(document),
        '## Six measures',
        f'{len(scenarios)} scenarios, {settings["seeds"]} seeds; with the same seed every policy '
        'gets the same images, the same latency jitter, and a profile that is wrong by the same '
        f'factor for each sub-network (log-normal, {settings["profile_error"]:.0%}). The oracle '
        'knows the truth. Mean over the scenarios, and the worst one.',
        measure_table(overall),
        '## Goals',
        table(['measure', *platforms], goal_rows(document)),
        DEFINITIONS,
        BOUNDS,
        *(section(document, each) for each in platforms),
        'The oracle is no bound, and not compared, in: '
        + '; '.join(f'`{name}` ({reason})' for name, reason in NO_BOUND.items())
        + '.',
        '## The share of a core that managing takes',
        cost_text(cost),
        '## Pictures',
        *(f'![{Path(each).stem.replace("_", " ")}]({each})' for each in pictures),
        '## Run it again',
        f'[{Path(figures).name}]({figures}) holds all figures: rows with every measure of each '
        'platform and scenario, and energy, accuracy, misses, p95 and changes of every policy. '
        f'Written by `benchmarks/runtime.py` on {document["date"]}, in '
        f'{document["took_s"] / 60:.0f} min on {machine["cpu"]}, {machine["cores"]} cores, Python '
        f'{machine["python"]}.',
        COMMANDS,
    ]
    return '\n\n'.join(parts) + '\n'


DEFINITIONS = f"""\
- **Missed**: late or dropped; promised are at most {PROMISE:.0%} of the images.
- **Reference**: the most accurate static network, chosen in hindsight, that keeps the promise; with
  several applications `static-best` chooses one for each. At `{PERFORMANCE}` (highest frequencies)
  and at `{BOARD_GOVERNORS}`, the governors of a board with mainline Linux.
- **Saved**: ours with the objective `min_energy` and a floor of the reference's accuracy less
  {ACCURACY_POINTS:g} points; `*` marks a saving that did not keep it, or missed more than the
  higher of the reference's misses and the promise plus {100 * MORE_MISSED:g} point; `†` marks
  that no static network keeps the promise there, so that the one with the fewest misses is the
  reference. **Board** energy includes idle power, which no policy changes; **frame** energy is
  the work above it. The share of the oracle's saving is over the scenarios without `*` in which
  the oracle is a bound.
- **Effective accuracy**: a late or a dropped image counts 0, as in ALERT; against the oracle that
  does not know the jitter of single frames.
- **Late after a step**: images late or dropped in the {AFTER_STEP_S:g} s after a co-runner or
  another application came."""


BOUNDS = """\
What bounds the misses: a frequency takes 0.56 s (AGX) or 0.8 s (NX) to rise. After a step of
contention at a low frequency no sub-network is fast enough for the next 5 to 8 images; the oracle
asks for the frequency before the step (`changing_contention`, `paper_trace`). `paper_trace` has 112
images, so one late image is 0.9 %, and the first ones run before anything is known of the profile's
error."""


def paper_table(document: Figures) -> str:
    """Return the published claims beside ours, each with the condition that makes it comparable."""
    overall = document['overall']

    def ours(measure: str, digits: int = 1) -> str:
        return ', '.join(
            Interval.from_json(each['measures'][measure]['mean']).text(digits=digits)
            for each in overall.values()
        )

    names = ', '.join(overall)
    governor = BOARD_GOVERNORS
    rows = [
        [
            '16.5 % less energy than Linux governors at similar latency (arXiv 2206.02525), '
            'measured on boards',
            f'{ours(f"board energy saved, as fast, {governor}")} % of the board ({names})',
            f'p95 at most {SAME_P95:g} times that of the best static network at `{governor}`, '
            f'ours {ours(f"p95 ratio, as fast, {governor}", 2)} times; simulated',
        ],
        [
            'up to 19 % less energy and 9 % less latency for one model (thesis, arXiv 2401.08965)',
            f'{ours(f"board energy saved, {governor}")} % of the board, '
            f'{ours(f"frame energy saved, {governor}")} % of the frame',
            'theirs is the best case of single models, ours the mean over all scenarios',
        ],
        [
            'about 6 s to compliance in two steps after a second program starts (demo)',
            f'{ours("late after a step")} images late; stepping as in the demo: '
            f'{ours("late after a step, stepping")}',
            'images late in the 5 s after a step of contention; simulated',
        ],
    ]
    return table(['published', 'here', 'condition'], rows)


_EFFECTIVE = 'effective accuracy below the oracle, '
SAVINGS = [
    (
        f'1. {kind} energy saved, `{governor}`, %',
        f'{kind} energy saved, {governor}',
        f'{kind} energy saved, {governor}, oracle',
    )
    for governor in (PERFORMANCE, BOARD_GOVERNORS)
    for kind in ('frame', 'board')
]
"""Label, measure and that of the oracle."""
QUALITIES = [
    ('3. effective accuracy lost, `max_accuracy`, points', f'{_EFFECTIVE}max_accuracy', None),
    ('3. effective accuracy lost, saving, points', f'{_EFFECTIVE}saving', None),
    ('4. missed, `max_accuracy`, %', 'missed, max_accuracy', 'missed, max_accuracy, oracle'),
    ('4. missed, saving, %', f'missed, saving, {PERFORMANCE}', 'missed, saving, oracle'),
    ('5. images late after a step', 'late after a step', 'late after a step, oracle'),
]
"""Likewise; the oracle's accuracy is part of the measure."""


def measure_table(overall: Figures) -> str:
    """Return the six measures: one row each, mean and worst scenario of every platform."""

    def row(label: str, measure: str, oracle: str | None) -> list[str]:
        cells = [label]
        for each in overall.values():
            found = each['measures']
            cells += [_mean(found, measure), _mean(found, oracle), _worst(found, measure)]
        return cells

    def shares(kind: str) -> list[str]:
        cells = [f"2. share of the oracle's saving, {kind}, `{PERFORMANCE}`"]
        for each in overall.values():
            share = each['share of the oracle'][kind]
            cells += ['-' if share is None else f'{share:.2f}', '1', '-']
        return cells

    heading = ['measure']
    for name in overall:
        heading += [f'{name}: mean', 'oracle', 'worst']
    rows = [row(*each) for each in SAVINGS]
    rows += [shares(kind) for kind in ('frame', 'board')]
    rows += [row(*each) for each in QUALITIES]
    return table(heading, rows)


def _mean(found: Figures, measure: str | None) -> str:
    if measure is None or measure not in found:
        return '-'
    return Interval.from_json(found[measure]['mean']).text(digits=2)


def _worst(found: Figures, measure: str) -> str:
    if measure not in found or 'saved' in measure:
        return '-'
    return f'{found[measure]["worst"]:.2f} (`{found[measure]["worst_scenario"]}`)'


def goal_rows(document: Figures) -> list[list[str]]:
    """Return each goal, with the figure and the verdict of every platform."""
    overall = document['overall']
    rows = []
    for goal in CEILINGS:
        cells = [f'{goal.measure}: mean ≤ {goal.mean:g}, worst ≤ {goal.worst:g}']
        for each in overall.values():
            found = each['measures'].get(goal.measure)
            if found is None:
                cells.append('-')
                continue
            mean, worst = found['mean'][0], found['worst']
            met = mean <= goal.mean and worst <= goal.worst
            cells.append(f'{mean:.2f}, {worst:.2f}: {_verdict(met)}')
        rows.append(cells)
    cells = [f'frame energy saved, {PERFORMANCE}: ≥ goal']
    for name, each in overall.items():
        saved = each['measures'][f'frame energy saved, {PERFORMANCE}']['mean'][0]
        least = SAVED.get(name)
        goal_text = 'no goal' if least is None else f'≥ {least:g}: {_verdict(saved >= least)}'
        cells.append(f'{saved:.1f} %, {goal_text}')
    rows.append(cells)
    cells = [f"share of the oracle's saving, frame: ≥ {SHARE:g}"]
    for each in overall.values():
        share = each['share of the oracle']['frame']
        cells.append('-' if share is None else f'{share:.2f}: {_verdict(share >= SHARE)}')
    return [*rows, cells]


def goal_lines(document: Figures) -> list[str]:
    """Return the goals as lines of a terminal."""
    names = list(document['overall'])
    return [f'goals ({", ".join(names)}); {SIMULATED}'] + [
        f'  {cells[0]:<68}{"   ".join(cells[1:])}' for cells in goal_rows(document)
    ]


def _verdict(met: bool) -> str:
    return 'met' if met else '**missed**'


def section(document: Figures, platform: str) -> str:
    """Return one platform's scenarios: savings, misses, effective accuracy, late images."""
    rows = []
    for row in document['rows']:
        if row['platform'] != platform:
            continue
        found = {name: Interval.from_json(each) for name, each in row['measures'].items()}

        def cell(measure: str, digits: int = 1, *, of: Mapping[str, Interval] = found) -> str:
            return of[measure].text(digits=digits) if measure in of else '-'

        cells = [f'`{row["scenario"]}`', f'`{row["references"][PERFORMANCE]}`']
        for governor in (PERFORMANCE, BOARD_GOVERNORS):
            star = '' if row['conditions kept'][governor] else ' *'
            if found[f'missed, reference, {governor}'].mean > 100 * PROMISE:
                star += ' †'
            name = f'energy saved, {governor}'
            cells.append(
                f'{cell(f"frame {name}")}, {cell(f"board {name}")}{star} '
                f'({cell(f"frame {name}, oracle")}, {cell(f"board {name}, oracle")})'
            )
        cells += [
            f'{cell("missed, max_accuracy", 2)}; {cell(f"missed, saving, {PERFORMANCE}", 2)}',
            f'{cell(_EFFECTIVE + "max_accuracy", 2)}; {cell(_EFFECTIVE + "saving", 2)}',
            f'{cell("late after a step")} ({cell("late after a step, oracle")})',
        ]
        rows.append(cells)
    heading = ['scenario', 'reference', f'saved, `{PERFORMANCE}`: frame, board (oracle), %']
    heading += [f'saved, `{BOARD_GOVERNORS}`', 'missed: max_accuracy; saving, %']
    heading += ['effective accuracy lost, points', 'late after a step (oracle)']
    return f'### {platform}\n\n{table(heading, rows)}'


def cost_text(cost: Figures | None) -> str:
    """Return the measured CPU use of the manager node, or how to measure it."""
    if cost is None:
        return 'Not measured here: `python benchmarks/manager_cost.py` measures the real node.'
    goals = {each['name']: each for each in cost['goals']}
    rows = []
    for each in cost['rows']:
        goal = goals.get(f'manager, {each["case"]} [part of a core]')
        if goal is not None and each['version'] == 'this version':
            verdict = f'{100 * goal["goal"]:g} %: {_verdict(goal["met"])}'
            rows.append([each['case'], f'{100 * each["share"]:.2f} %', verdict])
    machine = cost['machine']
    return (
        f'6. Measured with the real node on {machine["cpu"]} ({MANAGER_COST}), not simulated.\n\n'
        + table(['case', 'share of a core', 'goal: at most'], rows)
    )


if __name__ == '__main__':
    sys.exit(main())
