# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The fit of a platform to measurements of a board: plot and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from dynofa_ros.report.plotting import (
    BAND,
    BLUE,
    GREY,
    ORANGE,
    RED,
    Figures,
    latency_curve,
    megahertz,
    save,
    style,
    table_text,
)


def draw_fit(figures: Figures, file: Path) -> None:
    """Plot a fit and its errors as PNG; raises ValueError as `save` does."""
    figure = Figure(figsize=(10, 5.6), dpi=90, layout='constrained')
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(2.4, 1))
    _latency(axes[0, 0], figures)
    _power(axes[0, 1], figures)
    _errors(axes[1, 0], figures['clocks'], 'latency_s')
    _errors(axes[1, 1], figures['clocks'], 'power_w')
    for axis in axes.flat:
        style(axis)
    for axis in axes[1]:
        axis.set_xlabel('frequency [MHz]')
        axis.set_xlim(left=0)
    figure.suptitle(f'{figures["name"]}: fit against measurement, concurrency 1', fontsize=12)
    save(figure, file)


def _latency(axis: Axes, figures: Figures) -> None:
    clocks = figures['clocks']
    constant_s, cycles = figures['constant_s'], figures['cycles']
    axis.plot(
        *latency_curve(
            clocks[0]['frequency_hz'],
            clocks[-1]['frequency_hz'],
            constant_s=constant_s,
            cycles=cycles,
        ),
        color=BLUE,
        label=f'a + b/f: a = {constant_s * 1e3:.2f} ms, b = {cycles * 1e-6:.2f} s MHz',
    )
    axis.plot(
        megahertz(clocks),
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
        megahertz(clocks),
        [each['power_w'] for each in clocks],
        color=BLUE,
        label='table, linear between its points',
    )
    for samples, outlier, marker, size, colour, label in (
        (clocks, False, 'o', 4, 'black', 'measured'),
        (clocks, True, 'o', 4, RED, 'outlier'),
        (modes, False, 'x', 5, ORANGE, 'power mode, frequency from its latency'),
        (modes, True, 'x', 5, RED, 'outlier, power mode'),
    ):
        rows = [each for each in samples if each['power_is_outlier'] is outlier]
        if rows:
            powers_w = [each['measured_power_w'] for each in rows]
            axis.plot(megahertz(rows), powers_w, marker, color=colour, markersize=size, label=label)
    axis.set_ylabel('power of the board [W]')
    axis.set_ylim(bottom=0)
    axis.set_title(_title('power', figures), fontsize=9)
    axis.legend(fontsize=8, loc='lower right')


def _errors(axis: Axes, clocks: Sequence[Mapping[str, Any]], quantity: str) -> None:
    for field, colour, marker, label in (
        (f'left_out_{quantity}', GREY, 'o', 'fitted to all other frequencies'),
        (quantity, BLUE, '.', 'fitted to all'),
    ):
        percent = [(each[field] / each[f'measured_{quantity}'] - 1) * 100 for each in clocks]
        hollow = 'none' if marker == 'o' else colour
        axis.plot(
            megahertz(clocks), percent, marker, color=colour, markerfacecolor=hollow, label=label
        )
    # On a linear axis one outlier would flatten all others.
    axis.set_yscale('symlog', linthresh=5, linscale=1.5)
    axis.set_ylim(-100, 100)
    axis.set_yticks([-50, -5, 0, 5, 50], labels=['-50', '-5', '0', '5', '50'])
    axis.minorticks_off()
    axis.axhspan(-5, 5, color=BAND, zorder=0)
    axis.set_ylabel('error [%]')
    axis.legend(fontsize=7, loc='upper right', ncols=2)


def _title(quantity: str, figures: Figures) -> str:
    own, left_out = figures['errors'][quantity], figures['errors'][f'{quantity}, clock left out']
    return (
        f'{quantity}: error median {own["median"]:.1%}, largest {own["largest"]:.1%}\n'
        f'each frequency left out: median {left_out["median"]:.1%}, '
        f'largest {left_out["largest"]:.1%}'
    )


def fit_table(figures: Figures) -> str:
    """Return frequencies, power modes and errors as text."""
    table = Table(title=f'{figures["name"]}, concurrency 1')
    for heading in ('MHz', 'ms', 'fitted', 'left out', 'W', 'table', 'left out'):
        table.add_column(heading, justify='right')
    table.add_column('', no_wrap=True)
    for each in figures['clocks']:
        table.add_row(
            f'{each["frequency_hz"] / 1e6:.2f}',
            *(f'{each[key] * 1e3:.1f}' for key in _columns('latency_s')),
            *(f'{each[key]:.2f}' for key in _columns('power_w')),
            'outlier: replaced by concurrency 2 to 4' if each['power_is_outlier'] else '',
        )
    for each in figures['modes']:
        table.add_row(
            f'{each["frequency_hz"] / 1e6:.2f}',
            *('', '', ''),
            *(f'{each[key]:.2f}' for key in ('measured_power_w', 'power_w')),
            '',
            f'{each["name"]}{": outlier, not counted" if each["power_is_outlier"] else ""}',
        )
    return table_text(table) + _error_text(figures)


def _columns(quantity: str) -> tuple[str, str, str]:
    return f'measured_{quantity}', quantity, f'left_out_{quantity}'


def _error_text(figures: Figures) -> str:
    remarks = {
        'power': '; 0 by construction, since the table holds the measurements, except for outliers',
        'power, modes': '; not part of the fit; frequencies estimated from their latencies',
        'latency, description': '; of this network by the description, whose overheads may be '
        'those of other software',
    }
    lines = [
        f'latency = {figures["constant_s"] * 1e3:.2f} ms '
        f'+ {figures["cycles"] * 1e-6:.2f} s MHz / frequency'
    ]
    for name, error in figures['errors'].items():
        lines.append(
            f'error of {name}: median {error["median"]:.1%}, largest {error["largest"]:.1%}'
            f'{remarks.get(name, "")}'
        )
    return '\n'.join(lines)
