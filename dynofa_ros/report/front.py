# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The accuracy-latency front of a search: plot and table from the figures in ``search.json``."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from dynofa_ros.report.plotting import BLUE, GREY, RED, Figures, save, style, table_text


def draw_front(figures: Figures, file: Path) -> None:
    """Plot a front as PNG, latency in ms and top-1 in percent; raises ValueError as `save` does."""
    figure = Figure(figsize=(8, 5), dpi=110, layout='constrained')
    axis = figure.subplots()
    ranked = [(each['latency_s'] * 1e3, each['top1'] * 100) for each in figures['front']]
    axis.plot(*zip(*ranked, strict=True), '.-', color=GREY, label='estimates of the search')
    for each in figures['measured']:
        start = each['ranked_latency_s'] * 1e3, each['predicted_top1'] * 100
        end = each['latency_s'] * 1e3, each['held_out_top1'] * 100
        axis.annotate('', end, start, arrowprops={'arrowstyle': '-', 'color': '#cbd5e1'})
    source = 'predicted' if figures['accuracy_source'] == 'predicted' else 'on held-out images'
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
    style(axis, grid='both')
    figure.legend(loc='outside lower center', fontsize=8, ncols=2)
    axis.set_title(f'{figures["model"]}: {_ratio(figures)}', fontsize=10)
    save(figure, file)


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
    return f'{table_text(table)}{_ratio(figures)}; energy: unavailable'


def _ratio(figures: Figures) -> str:
    ratio = figures['measured_over_ranked_latency']
    return (
        f'measured / ranked latency {ratio["median"]:.2f} '
        f'({ratio["least"]:.2f} to {ratio["most"]:.2f})'
    )
