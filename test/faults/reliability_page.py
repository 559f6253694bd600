# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write docs/reliability.md from what the fault matrix and the soak observed."""

from __future__ import annotations

import argparse
import datetime
import math
from collections.abc import Sequence
from typing import Any

from machine import facts

from dynofa_ros.atomic_file import write_json, write_text

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
a shutdown. *Lost by DDS*: replaced before perception received them, counted in its diagnostics;
none may be, unless the fault's messages take a frame period to be deserialised. *Lost unseen*: the
rest; "may be" marks faults during which perception does not run.
*Observed* is the time until what the goal names was seen; *recovered* the time from the end of the
fault, or from a restart, until frames were served, the manager decided and frequencies were set.
"""
SOAK = """## Soak

Random faults, one after another. For the first tenth of the time nodes are killed, too. Until two
tenths of it have passed, kinds of faults that every node lives through happen in random order;
these are drawn again and again until the end. In the first half of the time, the warm-up, each node
allocates what they make it allocate. In the second half, after each fault, once all nodes work
again and the camera rests, resident memory (all of it: heap, program, shared segments), threads,
file descriptors and DDS entities of each node are read. The table shows the median of each quarter
of these samples; the growth is that from the first quarter to the last. A leak grows in every
quarter, a late allocation in one.

Goals: every frame is accounted for; resident memory grows by less than 1 %; threads, descriptors
and DDS entities do not grow.
"""
HEADS = {'faults': '## Fault matrix', 'soak': '## Soak'}


def save(options: argparse.Namespace, part: str, figures: dict[str, Any]) -> None:
    """Write the figures of one part to `options.json`, and its section of the page."""
    figures = origin() | plain(figures)
    if options.json:
        write_json(options.json, figures)
    if options.page:
        old = options.page.read_text() if options.page.exists() else ''
        write_text(options.page, page(old, part, figures))


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


def page(old: str, part: str, figures: dict[str, Any]) -> str:
    """Return the page with a new section of this part, and the other one as it was."""
    sections = {}
    for name, head in HEADS.items():
        _, found, rest = old.partition(head)
        if found:
            sections[name] = head + rest.partition('\n## ')[0].rstrip() + '\n'
    sections[part] = '\n'.join(
        (MATRIX, matrix(figures)) if part == 'faults' else (SOAK, soak(figures))
    )
    return '\n'.join([INTRODUCTION, *(sections[name] for name in HEADS if name in sections)])


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
    most = f' (at most {row["lost_by_dds_goal"]})' if row['lost_by_dds_goal'] else ''
    lost = [f'{row["lost_by_dds"]}{most}', f'{row["lost"]}{" (may be)" if row["loses"] else ""}']
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
    frames, warm_up_s = figures['account'], figures['warm_up_s']
    total_s = warm_up_s + figures['measured_s']
    heads = ('node', 'figure', '1st quarter', '2nd', '3rd', 'last', 'growth', 'verdict')
    cells = [
        [
            each['node'],
            each['figure'],
            *(amount(value, each['figure']) for value in each['medians']),
            f'{each["growth"]:+.2%}',
            'met' if each['met'] else '**missed**',
        ]
        for each in figures['growth']
    ]
    problems = ''.join(f'- {each}\n' for each in figures['problems'])
    return (
        f'{run_on(figures)} {figures["faults"]} faults in {total_s / 60:.1f} min: a warm-up of '
        f'{warm_up_s / 60:.1f} min, then {len(figures["samples"])} faults of {figures["kinds"]} '
        f'kinds. Frames: {frames["sent"]} sent, {frames["served"]} served, {frames["dropped"]} '
        f'dropped, {frames["refused"]} refused, {frames["lost_by_dds"]} lost by DDS and counted in '
        f'diagnostics, {frames["lost"]} lost unseen, {frames["excused"]} of them while perception '
        f'was suspended, killed or starting.\n\n'
        + table(heads, cells)
        + (f'\nWhat went wrong:\n\n{problems}' if problems else '')
    )


def amount(value: float, figure: str) -> str:
    """Return a figure as text; memory in MiB."""
    return f'{value / 2**20:.1f} MiB' if 'bytes' in figure else f'{value:g}'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ['| ' + ' | '.join(heads) + ' |', '| ' + ' | '.join('---' for _ in heads) + ' |']
    lines += ['| ' + ' | '.join(cell.replace('|', '/') for cell in row) + ' |' for row in rows]
    return '\n'.join(lines) + '\n'
