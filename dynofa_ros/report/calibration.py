# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A calibrated machine: plot and table of latency and power over frequency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from rich.table import Table

from dynofa_ros.report.plotting import (
    BLUE,
    GREEN,
    GREY,
    SERIES_COLOURS,
    Figures,
    latency_curve,
    megahertz,
    save,
    style,
    table_text,
)


def draw_calibration(figures: Figures, file: Path) -> None:
    """Plot a calibration as PNG, with one row per processor; raises ValueError as `save` does."""
    processors = figures['processors']
    figure = Figure(figsize=(10.5, 1 + 3.6 * len(processors)), dpi=90, layout='constrained')
    axes = figure.subplots(len(processors), 2, squeeze=False)
    for row, processor in zip(axes, processors, strict=True):
        _draw_latency(row[0], processor)
        _draw_power(row[1], processor, figures)
        for axis in row:
            style(axis)
            axis.set_xlabel(f'frequency of {processor["domain"]} [MHz]')
            axis.set_xlim(left=0)
    figure.suptitle(f'{figures["machine"]}: {figures["ran"]}', fontsize=11)
    save(figure, file)


def _draw_latency(axis: Axes, processor: Mapping[str, Any]) -> None:
    series = _series(processor)
    colours = dict(zip(dict.fromkeys(name for name, _ in series), SERIES_COLOURS, strict=False))
    most = max(threads for _, threads in series)
    for (name, threads), rows in series.items():
        suffix = f', threads: {threads}' if processor['kind'] == 'cpu' else ''
        axis.errorbar(
            megahertz(rows),
            [each['latency_s'] * 1e3 for each in rows],
            yerr=[each['spread_s'] * 1e3 for each in rows],
            fmt='o',
            color=colours[name],
            markerfacecolor='white' if threads < most else colours[name],
            markersize=4,
            capsize=2,
            linewidth=1,
            label=f'{name}{suffix}',
        )
        axis.plot(
            *latency_curve(
                rows[0]['frequency_hz'],
                rows[-1]['frequency_hz'],
                constant_s=rows[0]['constant_s'],
                cycles=rows[0]['cycles'],
            ),
            color=colours[name],
            linestyle='--' if threads < most else '-',
            linewidth=1,
            marker='_' if len(rows) == 1 else '',  # with one frequency the curve is a point
            markersize=14,
        )
    axis.set_yscale('log')
    for set_formatter in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        set_formatter(FuncFormatter(lambda latency_ms, _: f'{latency_ms:g}'))
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.set_ylabel('latency of a frame [ms]')
    errors = processor['errors'].replace('; each', '\neach')
    axis.set_title(
        f'{processor["name"]}: points measured with their spread, lines fitted\n{errors}',
        fontsize=9,
    )
    axis.legend(fontsize=7, ncols=2)


def _series(processor: Mapping[str, Any]) -> dict[tuple[str, int], list[Mapping[str, Any]]]:
    """Return the timings by sub-network and number of threads, in ascending frequency."""
    series: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for clock in processor['clocks']:
        for each in clock['timings']:
            series.setdefault((each['subnet_id'], each['threads']), []).append(each)
    return series


def _draw_power(axis: Axes, processor: Mapping[str, Any], figures: Figures) -> None:
    clocks = processor['clocks']
    for key, colour, marker, label in (
        ('power_w', BLUE, 'o-', 'busy on all threads'),
        ('idle_power_w', GREEN, 's--', 'idle'),
    ):
        powers_w = [each[key] for each in clocks]
        axis.plot(megahertz(clocks), powers_w, marker, color=colour, markersize=4, label=label)
    axis.set_ylim(bottom=0)
    axis.set_ylabel('power [W]')
    axis.set_title(f'{processor["name"]}: {figures["power"]}', fontsize=9)
    if figures['power_is_measured']:
        axis.legend(fontsize=7, loc='lower right')
    else:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.text(0.5, 0.5, 'not measured', transform=axis.transAxes, ha='center', color=GREY)


def calibration_table(figures: Figures) -> str:
    """Return measurements and fit as text."""
    parts = []
    for processor in figures['processors']:
        latency = processor['latency']
        parts.append(
            f'{table_text(_table(processor, figures))}'
            f'{processor["name"]}: {latency["overhead_s_per_layer"] * 1e6:.4g} us and '
            f'{latency["overhead_cycles_per_layer"]:.4g} cycles per layer, '
            f'{latency["flop_per_cycle"]:.4g} FLOP per cycle, '
            f'{latency["serial_fraction"]:.1%} of the arithmetic serial\n'
            f'{processor["errors"]}\n'
        )
    return f'{"".join(parts)}power: {figures["power"]}\n'


def _table(processor: Mapping[str, Any], figures: Figures) -> Table:
    table = Table(title=f'{processor["name"]} of {figures["machine"]}: {figures["ran"]}')
    for heading in ('MHz', 'sub-network', 'threads', 'ms', 'spread', 'fitted', 'W', 'idle W'):
        table.add_column(heading, justify='left' if heading == 'sub-network' else 'right')
    for clock in processor['clocks']:
        for index, each in enumerate(clock['timings']):
            table.add_row(
                '' if index else f'{each["frequency_hz"] / 1e6:g}',
                each['subnet_id'],
                str(each['threads']),
                *(f'{each[key] * 1e3:.2f}' for key in ('latency_s', 'spread_s', 'fitted_s')),
                *('' if index else _watts(clock[key]) for key in ('power_w', 'idle_power_w')),
            )
        table.add_section()
    return table


def _watts(power_w: float) -> str:
    return '-' if math.isnan(power_w) else f'{power_w:.2f}'
