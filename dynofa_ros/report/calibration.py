"""A calibrated machine: latency and power against the clock, as a picture and as a table."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from rich.console import Console
from rich.table import Table

from dynofa_ros.report.picture import BLUE, CLOCK_COLOURS, GREEN, GREY

Figures = Mapping[str, Any]
CURVE_POINTS = 200


def draw_calibration(figures: Figures, file: Path) -> None:
    """Write the picture of a calibration as PNG: a row for each processor.

    Raises:
        ValueError: if the file cannot be written.
    """
    processors = figures['processors']
    figure = Figure(figsize=(10.5, 1 + 3.6 * len(processors)), dpi=90, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(processors), 2, squeeze=False)
    for row, processor in zip(axes, processors, strict=True):
        _latency(row[0], processor)
        _power(row[1], processor, figures)
        for axis in row:
            axis.grid(True, axis='y', color='#e2e8f0', linewidth=0.8)
            axis.set_axisbelow(True)
            axis.spines[['top', 'right']].set_visible(False)
            axis.set_xlabel(f'clock of {processor["domain"]} [MHz]')
            axis.set_xlim(left=0)
    figure.suptitle(f'{figures["machine"]}: {figures["ran"]}', fontsize=11)
    try:
        figure.savefig(file, format='png')
    except OSError as error:
        raise ValueError(f'picture {file} cannot be written: {error.strerror}') from error


def _latency(axis: Axes, processor: Mapping[str, Any]) -> None:
    series = _series(processor)
    colours = dict(zip(dict.fromkeys(name for name, _ in series), CLOCK_COLOURS, strict=False))
    most = max(threads for _, threads in series)
    for (name, threads), rows in series.items():
        many = f', threads: {threads}' if processor['kind'] == 'cpu' else ''
        axis.errorbar(
            [each['frequency_hz'] / 1e6 for each in rows],
            [each['latency_s'] * 1e3 for each in rows],
            yerr=[each['spread_s'] * 1e3 for each in rows],
            fmt='o',
            color=colours[name],
            markerfacecolor='white' if threads < most else colours[name],
            markersize=4,
            capsize=2,
            linewidth=1,
            label=f'{name}{many}',
        )
        curve_hz = _curve_hz(rows)
        axis.plot(
            [each / 1e6 for each in curve_hz],
            [(rows[0]['constant_s'] + rows[0]['cycles'] / each) * 1e3 for each in curve_hz],
            color=colours[name],
            linestyle='--' if threads < most else '-',
            linewidth=1,
            # A fit of one clock is a point.
            marker='_' if len(rows) == 1 else '',
            markersize=14,
        )
    axis.set_yscale('log')
    for ticks in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        ticks(FuncFormatter(lambda latency_ms, _: f'{latency_ms:g}'))
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.set_ylabel('latency of a frame [ms]')
    axis.set_title(
        f'{processor["name"]}: points measured with their spread, lines fitted\n'
        f'{_errors(processor)}',
        fontsize=9,
    )
    axis.legend(fontsize=7, ncols=2)


def _curve_hz(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    first_hz, last_hz = rows[0]['frequency_hz'], rows[-1]['frequency_hz']
    step_hz = (last_hz - first_hz) / CURVE_POINTS
    return [first_hz + step_hz * step for step in range(CURVE_POINTS + 1)]


def _power(axis: Axes, processor: Mapping[str, Any], figures: Figures) -> None:
    clocks = processor['clocks']
    for key, colour, style, label in (
        ('power_w', BLUE, 'o-', 'busy on all threads'),
        ('idle_power_w', GREEN, 's--', 'at rest'),
    ):
        axis.plot(
            [each['frequency_hz'] / 1e6 for each in clocks],
            [each[key] for each in clocks],
            style,
            color=colour,
            markersize=4,
            label=label,
        )
    axis.set_ylim(bottom=0)
    axis.set_ylabel('power [W]')
    axis.set_title(f'{processor["name"]}: {figures["power"]}', fontsize=9)
    if figures['power_is_measured']:
        axis.legend(fontsize=7, loc='lower right')
    else:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.text(0.5, 0.5, 'not measured', transform=axis.transAxes, ha='center', color=GREY)


def _series(processor: Mapping[str, Any]) -> dict[tuple[str, int], list[Mapping[str, Any]]]:
    """Return the timings of each sub-network on each number of threads, by ascending clock."""
    series: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for clock in processor['clocks']:
        for each in clock['timings']:
            series.setdefault((each['subnet_id'], each['threads']), []).append(each)
    return series


def _errors(processor: Mapping[str, Any]) -> str:
    return str(processor['errors']).replace('; each', '\neach')


def calibration_table(figures: Figures) -> str:
    """Return what was measured and fitted as text."""
    text = io.StringIO()
    console = Console(file=text, width=110)
    for processor in figures['processors']:
        table = Table(title=f'{processor["name"]} of {figures["machine"]}: {figures["ran"]}')
        for heading in (
            'MHz',
            'sub-network',
            'threads',
            'ms',
            'spread',
            'fitted',
            'W',
            'at rest W',
        ):
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
        console.print(table)
        latency = processor['latency']
        console.print(
            f'{processor["name"]}: {latency["overhead_s_per_layer"] * 1e6:.4g} us and '
            f'{latency["overhead_cycles_per_layer"]:.4g} cycles a layer, '
            f'{latency["flop_per_cycle"]:.4g} FLOP per cycle, '
            f'{latency["serial_fraction"]:.1%} of the arithmetic serial',
            soft_wrap=True,
        )
        console.print(processor['errors'], soft_wrap=True)
    console.print(f'power: {figures["power"]}', soft_wrap=True)
    return text.getvalue()


def _watts(power_w: float) -> str:
    return '-' if math.isnan(power_w) else f'{power_w:.2f}'
