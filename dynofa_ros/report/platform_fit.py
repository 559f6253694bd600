"""The fit of a platform against what was measured on the board: as a picture and as a table."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from dynofa_ros.report.picture import BLUE, GREY, ORANGE, RED

Figures = Mapping[str, Any]
CURVE_POINTS = 200


def draw_fit(figures: Figures, file: Path) -> None:
    """Write the picture of a fit as PNG: latency and power above, their errors below."""
    figure = Figure(figsize=(10, 5.6), dpi=90, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(2.4, 1))
    _latency(axes[0, 0], figures)
    _power(axes[0, 1], figures)
    _errors(axes[1, 0], figures['clocks'], 'latency_s')
    _errors(axes[1, 1], figures['clocks'], 'power_w')
    for axis in axes.flat:
        axis.grid(True, axis='y', color='#e2e8f0', linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    for axis in axes[1]:
        axis.set_xlabel('clock [MHz]')
        axis.set_xlim(left=0)
    figure.suptitle(f'{figures["name"]}: fit against measurement, concurrency 1', fontsize=12)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, format='png')
    except OSError as error:
        raise ValueError(f'picture {file} cannot be written: {error.strerror}') from error


def _latency(axis: Axes, figures: Figures) -> None:
    clocks = figures['clocks']
    first_hz, last_hz = clocks[0]['frequency_hz'], clocks[-1]['frequency_hz']
    curve_hz = [
        first_hz + (last_hz - first_hz) * step / CURVE_POINTS for step in range(CURVE_POINTS + 1)
    ]
    constant_s, cycles = figures['constant_s'], figures['cycles']
    axis.plot(
        [each / 1e6 for each in curve_hz],
        [(constant_s + cycles / each) * 1e3 for each in curve_hz],
        color=BLUE,
        label=f'a + b/f: a = {constant_s * 1e3:.2f} ms, b = {cycles * 1e-6:.2f} s MHz',
    )
    axis.plot(
        _megahertz(clocks),
        [each['measured_latency_s'] * 1e3 for each in clocks],
        'o',
        color='black',
        markersize=4,
        label='measured',
    )
    axis.set_ylabel('latency [ms]')
    axis.set_ylim(bottom=0)
    axis.set_title(_title('latency', figures), fontsize=9)
    axis.legend(fontsize=8)


def _power(axis: Axes, figures: Figures) -> None:
    clocks, modes = figures['clocks'], figures['modes']
    axis.plot(
        _megahertz(clocks),
        [each['power_w'] for each in clocks],
        color=BLUE,
        label='table: its own points, linear between',
    )
    for outlier, colour, label in ((False, 'black', 'measured'), (True, RED, 'outlier')):
        rows = [each for each in clocks if each['power_is_outlier'] is outlier]
        if rows:
            powers_w = [each['measured_power_w'] for each in rows]
            axis.plot(_megahertz(rows), powers_w, 'o', color=colour, markersize=4, label=label)
    for outlier, colour, label in (
        (False, ORANGE, 'power mode, at the clock of its latency'),
        (True, RED, 'outlier, power mode'),
    ):
        rows = [each for each in modes if each['power_is_outlier'] is outlier]
        if rows:
            powers_w = [each['measured_power_w'] for each in rows]
            axis.plot(_megahertz(rows), powers_w, 'x', color=colour, markersize=5, label=label)
    axis.set_ylabel('power of the board [W]')
    axis.set_ylim(bottom=0)
    axis.set_title(_title('power', figures), fontsize=9)
    axis.legend(fontsize=8, loc='lower right')


def _errors(axis: Axes, clocks: Sequence[Mapping[str, Any]], quantity: str) -> None:
    for field, colour, style, label in (
        (f'left_out_{quantity}', GREY, 'o', 'fitted to all other clocks'),
        (quantity, BLUE, '.', 'fitted to all'),
    ):
        percent = [(each[field] / each[f'measured_{quantity}'] - 1) * 100 for each in clocks]
        hollow = 'none' if style == 'o' else colour
        axis.plot(
            _megahertz(clocks), percent, style, color=colour, markerfacecolor=hollow, label=label
        )
    # One outlier would flatten all others.
    axis.set_yscale('symlog', linthresh=5, linscale=1.5)
    axis.set_ylim(-100, 100)
    axis.set_yticks([-50, -5, 0, 5, 50], labels=['-50', '-5', '0', '5', '50'])
    axis.minorticks_off()
    axis.axhspan(-5, 5, color='#f1f5f9', zorder=0)
    axis.set_ylabel('error [%]')
    axis.legend(fontsize=7, loc='upper right', ncols=2)


def _megahertz(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    return [each['frequency_hz'] / 1e6 for each in rows]


def _title(quantity: str, figures: Figures) -> str:
    own, left_out = figures['errors'][quantity], figures['errors'][f'{quantity}, clock left out']
    return (
        f'{quantity}: error median {own["median"]:.1%}, largest {own["largest"]:.1%}\n'
        f'each clock left out: median {left_out["median"]:.1%}, largest {left_out["largest"]:.1%}'
    )


def fit_table(figures: Figures) -> str:
    """Return clocks, power modes and errors as text."""
    table = Table(title=f'{figures["name"]}, concurrency 1')
    headings = ('MHz', 'ms', 'fitted', 'left out', 'W', 'table', 'left out')
    for heading in headings:
        table.add_column(heading, justify='right')
    table.add_column('', no_wrap=True)
    for each in figures['clocks']:
        table.add_row(
            f'{each["frequency_hz"] / 1e6:.2f}',
            *(f'{each[key] * 1e3:.1f}' for key in _columns('latency_s')),
            *(f'{each[key]:.2f}' for key in _columns('power_w')),
            'outlier: power of concurrency 2 to 4' if each['power_is_outlier'] else '',
        )
    for each in figures['modes']:
        table.add_row(
            f'{each["frequency_hz"] / 1e6:.2f}',
            *('', '', ''),
            *(f'{each[key]:.2f}' for key in ('measured_power_w', 'power_w')),
            '',
            f'{each["name"]}{": outlier, not counted" if each["power_is_outlier"] else ""}',
        )
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    return text.getvalue() + _summary(figures)


def _columns(quantity: str) -> tuple[str, str, str]:
    return f'measured_{quantity}', quantity, f'left_out_{quantity}'


def _summary(figures: Figures) -> str:
    remarks = {
        'power': '; 0 by construction, a table through its own points, except where an outlier is '
        'replaced',
        'power, modes': '; not fitted to, their clocks are those of their latencies',
        'latency, description': '; of this network by the description, whose overheads may be '
        'those of other software',
    }
    lines = [
        f'latency = {figures["constant_s"] * 1e3:.2f} ms '
        f'+ {figures["cycles"] * 1e-6:.2f} s MHz / clock'
    ]
    for name, error in figures['errors'].items():
        lines.append(
            f'error of {name}: median {error["median"]:.1%}, largest {error["largest"]:.1%}'
            f'{remarks.get(name, "")}'
        )
    return '\n'.join(lines)
