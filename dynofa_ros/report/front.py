"""The front that a search found: as a picture and as a table.

Both take the figures of ``search.json``: what the search ranked by, and what was measured.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from dynofa_ros.report.picture import BLUE, GREY, RED

Figures = Mapping[str, Any]


def draw_front(figures: Figures, file: Path) -> None:
    """Write the picture of a front as PNG: latency in ms, top-1 in percent."""
    figure = Figure(figsize=(8, 5), dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    ranked = [(each['latency_s'] * 1e3, each['top1'] * 100) for each in figures['front']]
    axis.plot(*zip(*ranked, strict=True), '.-', color=GREY, label='as the search ranked it')
    for each in figures['measured']:
        start = each['ranked_latency_s'] * 1e3, each['predicted_top1'] * 100
        end = each['latency_s'] * 1e3, each['held_out_top1'] * 100
        axis.annotate('', end, start, arrowprops={'arrowstyle': '-', 'color': '#cbd5e1'})
    source = 'predicted' if figures['accuracy_source'] == 'predicted' else 'held-out images'
    for kept, colour, label in ((False, RED, 'dropped'), (True, BLUE, 'kept')):
        points = [
            (each['latency_s'] * 1e3, each['held_out_top1'] * 100)
            for each in figures['measured']
            if (each['subnet_id'] is not None) is kept
        ]
        if points:
            text = f'latency measured, top-1 {source}: {label}'
            axis.plot(*zip(*points, strict=True), 'o', color=colour, label=text)
    axis.set_xlabel(f'latency [ms] on {figures["machine"]}')
    axis.set_ylabel('top-1 [%]')
    axis.grid(True, color='#e2e8f0', linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside lower center', fontsize=8, ncols=2)
    axis.set_title(f'{figures["model"]}: {_ratio(figures)}', fontsize=10)
    figure.savefig(file)


def front_table(figures: Figures) -> str:
    """Return the measured front as text, fastest first."""
    table = Table(title=f'{figures["model"]} on {figures["machine"]}')
    table.add_column('sub-network', no_wrap=True)
    for heading in ('MFLOP', 'M param.', 'ranked ms', 'ms', 'predicted', 'held out', 'top-1'):
        table.add_column(heading, justify='right')
    measured = figures['accuracy_source'] == 'measured'
    for each in sorted(figures['measured'], key=lambda row: row['latency_s']):
        table.add_row(
            each['subnet_id'] or 'dropped',
            f'{each["flops"] / 1e6:.1f}',
            f'{each["parameters"] / 1e6:.2f}',
            f'{each["ranked_latency_s"] * 1e3:.2f}',
            f'{each["latency_s"] * 1e3:.2f}',
            f'{each["predicted_top1"]:.2%}',
            f'{each["held_out_top1"]:.2%}' if measured else '-',
            f'{each["top1"]:.2%}' if measured and each['top1'] is not None else '-',
        )
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    return f'{text.getvalue()}{_ratio(figures)}; energy: unavailable'


def _ratio(figures: Figures) -> str:
    ratio = figures['measured_over_ranked_latency']
    return (
        f'measured / ranked latency {ratio["median"]:.2f} '
        f'({ratio["least"]:.2f} to {ratio["most"]:.2f})'
    )
