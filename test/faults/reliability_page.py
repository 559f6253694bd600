# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write docs/reliability.md from what the fault matrix and the soak observed."""

from __future__ import annotations

import argparse
import datetime
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import facts

from dynofa_ros.atomic_file import write_json, write_text

FIGURES = Path(__file__).resolve().parents[2] / 'build/reliability.json'
INTRODUCTION = """# Reliability

Written by `scripts/faults` and `scripts/soak`. A camera of 20 Hz, perception, resource manager and
platform node run as separate processes over DDS, on a machine that is a folder of files with a
fake kernel. Faults are injected; this page shows what was observed, missed goals included.

    scripts/faults                    # the whole matrix, 15 min on two cores
    scripts/faults --only battery     # rows whose name has this text
    scripts/soak --minutes 30         # random faults; growth of each node
"""
MATRIX = """## Fault matrix

For every row: no node ends by itself, all works again within the stated time, every frame is
served, dropped or refused, no node grows by 256 MiB, and all frequency settings are as found after
a shutdown. *Lost by DDS*: replaced before perception received them, counted in its diagnostics.
*Lost unseen*: the rest; "may be" marks faults during which perception does not run.
*Observed* is the time until what the goal names was seen; *recovered* the time from the end of the
fault, or from a restart, until frames were served, the manager decided and frequencies were set.
"""
SOAK = """## Soak

Random faults of the matrix that every node lives through, after a warm-up in which nodes are killed
too. Goals: every frame is accounted for, resident memory of each node grows by less than 1 % after
the warm-up, and threads, descriptors and DDS entities do not grow.
"""


def save(options: argparse.Namespace, part: str, figures: dict[str, Any]) -> None:
    """Write the figures of one part to `options.json`, and update the page with them."""
    figures = origin() | plain(figures)
    if options.json:
        write_json(options.json, figures)
    if options.page:
        FIGURES.parent.mkdir(exist_ok=True)
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        known[part] = figures
        write_json(FIGURES, known)
        write_text(options.page, page(known))


def origin() -> dict[str, Any]:
    """Return date and machine of a run."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return {'date': today, 'machine': facts()}


def plain(value: Any) -> Any:
    """Return figures with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def page(known: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    if 'faults' in known:
        parts += [MATRIX, matrix(known['faults'])]
    if 'soak' in known:
        parts += [SOAK, soak(known['soak'])]
    return '\n'.join(parts)


def run_on(figures: dict[str, Any]) -> str:
    machine = figures['machine']
    return (
        f'{figures["date"]}, {machine["cpu"]}, {machine["cores"]} cores, {machine["system"]}; load '
        f'of the machine at the end: {machine["load_average_1_min"]:.1f}.'
    )


def matrix(figures: dict[str, Any]) -> str:
    """Return the table of the fault matrix."""
    rows = figures['rows']
    run = [each for each in rows if 'skipped' not in each]
    met = sum(not each['broken'] and not each['slow'] for each in run)
    heads = (
        'fault',
        'goal',
        'observed [s]',
        'recovered [s]',
        'sent',
        'served',
        'dropped',
        'refused',
    )
    cells = [cells_of(each) for each in rows]
    return (
        f'{run_on(figures)} {met} of {len(run)} rows met'
        + (f', {len(rows) - len(run)} skipped' if len(rows) > len(run) else '')
        + '.\n\n'
        + table((*heads, 'lost by DDS', 'lost unseen', 'settings as found', 'verdict'), cells)
    )


def cells_of(row: dict[str, Any]) -> list[str]:
    """Return the cells of one fault."""
    if 'skipped' in row:
        return [row['name'], row['goal'], *['-'] * 9, f'skipped: {row["skipped"]}']
    faults = row['broken'] + row['slow']
    verdict = f'**missed**: {"; ".join(faults)}' if faults else 'met'
    if 'sent' not in row:
        return [row['name'], row['goal'], *['-'] * 9, verdict]
    lost = [str(row['lost_by_dds']), str(row['lost']) + (' (may be)' if row['loses'] else '')]
    return [
        row['name'],
        row['goal'],
        time_of(row['seen_s'], row['seen_goal_s']),
        time_of(row['recovered_s'], row['recover_goal_s']),
        *(str(row[key]) for key in ('sent', 'served', 'dropped', 'refused')),
        *lost,
        'yes' if row['as_found'] else '**no**',
        verdict,
    ]


def time_of(value_s: float | None, goal_s: float | None) -> str:
    if goal_s is None:
        return '-'
    return f'{"never" if value_s is None else f"{value_s:.1f}"} (goal {goal_s:g})'


def soak(figures: dict[str, Any]) -> str:
    """Return the account and the growth of a soak."""
    frames = figures['account']
    heads = ('node', 'figure', 'after warm-up', 'at the end', 'growth', 'verdict')
    cells = [
        [
            each['node'],
            each['figure'],
            f'{each["start"]:.0f}',
            f'{each["end"]:.0f}',
            f'{each["growth"]:+.2%}',
            'met' if each['met'] else '**missed**',
        ]
        for each in figures['growth']
    ]
    problems = ''.join(f'- {each}\n' for each in figures['problems'])
    return (
        f'{run_on(figures)} {figures["minutes"]:g} minutes, {figures["faults"]} faults, warm-up '
        f'{figures["warm_up_s"]:.0f} s. Frames: {frames["sent"]} sent, {frames["served"]} served, '
        f'{frames["dropped"]} dropped, {frames["refused"]} refused, {frames["lost_by_dds"]} '
        f'lost by DDS and counted in diagnostics, {frames["lost"]} lost unseen, '
        f'{frames["excused"]} of them while perception was suspended, killed or starting.\n\n'
        + table(heads, cells)
        + (f'\nWhat went wrong:\n\n{problems}' if problems else '')
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ['| ' + ' | '.join(heads) + ' |', '| ' + ' | '.join('---' for _ in heads) + ' |']
    lines += ['| ' + ' | '.join(cell.replace('|', '/') for cell in row) + ' |' for row in rows]
    return '\n'.join(lines) + '\n'
