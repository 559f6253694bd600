# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Show the state of a run on the terminal: a live table, or a line every two seconds."""

from __future__ import annotations

import math
import time

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import count_switches
from dynofa_ros.report.summary_text import plural

LINE_PERIOD_S = 2.0


class LiveTable:
    """Shows the latest values of a recording."""

    def __init__(self, seconds: float, console: Console | None = None) -> None:
        self._console = console or Console()
        self._seconds = seconds
        self._live = Live(console=self._console, auto_refresh=False)
        self._last_line_s = -math.inf

    def __enter__(self) -> LiveTable:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, recording: Recording, *, time_s: float, act: str) -> None:
        """Redraw the table, or print a line if the last one is two seconds old."""
        if self._console.is_terminal:
            self._live.update(self._table(recording, time_s=time_s, act=act), refresh=True)
        elif time.monotonic() - self._last_line_s >= LINE_PERIOD_S:
            self._last_line_s = time.monotonic()
            values = rows(recording)
            shown = ('label', 'sub-network', 'latency', 'clocks', 'power', 'battery')
            text = ' | '.join(values[name] for name in shown)
            print(f'{time_s:5.1f} s  {act:<15} {text}', flush=True)

    def _table(self, recording: Recording, *, time_s: float, act: str) -> Group:
        table = Table(show_header=False, box=None, padding=(0, 2))
        table.add_column(style='bold')
        table.add_column(no_wrap=True)
        missed = bool(recording.frames) and not recording.frames[-1].deadline_met
        for name, value in rows(recording).items():
            style = 'red' if missed and name == 'latency' else ''
            table.add_row(name, Text(value, style=style))
        done = min(int(30 * time_s / self._seconds), 30)
        bar = f'{"━" * done}{"╌" * (30 - done)}'
        head = Text(f'{bar} {time_s:4.0f} / {self._seconds:.0f} s   {act}', style='bold cyan')
        return Group(head, table)


def rows(recording: Recording) -> dict[str, str]:
    """Return the rows of the table by name; '-' is unknown."""
    frames = recording.frames
    names = (
        'label',
        'sub-network',
        'latency',
        'clocks',
        'power',
        'power cap',
        'battery',
        'manager',
    )
    values = {'frame': f'{len(frames)} classified, {sum(f.dropped for f in frames)} dropped'}
    values |= dict.fromkeys(names, '-')
    for frame in frames[-1:]:
        if frame.label:
            values['label'] = f'{frame.label} {frame.score:.0%}'
        values['sub-network'] = (
            f'{frame.subnet_id} on {frame.processor}, expected top-1 {frame.accuracy:.1%}'
        )
        values['latency'] = (
            f'{frame.latency_s * 1e3:.0f} of {frame.deadline_s * 1e3:.0f} ms '
            f'{"met" if frame.deadline_met else "MISSED"} ({frame.latency_source})'
        )
    for sample in recording.platform[-1:]:
        clocks = ', '.join(f'{d} {hz / 1e6:.0f} MHz' for d, hz in sample.frequencies_hz.items())
        values['clocks'] = clocks + (' (simulated)' if sample.simulated else '')
        values['power'] = f'{sample.power_w:.1f} W ({sample.power_source})'
    for cap in recording.power_caps[-1:]:
        if not math.isnan(cap.power_w):
            values['power cap'] = f'{cap.power_w:.1f} W ({cap.reason})'
    for battery in recording.battery[-1:]:
        values['battery'] = f'{battery.percentage:.0%}'
    for each in recording.objectives[-1:]:
        values['manager'] = f'{each.objective} ({each.reason})'
    values['commands'] = (
        f'{len(recording.commands)} sent, {len(recording.unacknowledged)} unacknowledged; '
        f'sub-network switched {plural(count_switches(frames), "time")}'
    )
    return values
