# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Style and output shared by the plots and text tables of all reports."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from dynofa_ros.atomic_file import atomic_write

Figures = Mapping[str, Any]
"""Figures of a command, as written to its JSON file."""

BLUE, RED, GREY, GREEN, ORANGE = '#2563eb', '#dc2626', '#64748b', '#16a34a', '#d97706'
SERIES_COLOURS = (BLUE, ORANGE, GREEN, RED, GREY)
GRID, BAND = '#e2e8f0', '#f1f5f9'
CURVE_POINTS = 200


def style(axis: Axes, *, grid: Literal['both', 'x', 'y'] = 'y') -> None:
    """Apply the common style: a light grid behind the data, no top and right border."""
    axis.grid(True, axis=grid, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[['top', 'right']].set_visible(False)


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG, and its folder.

    Raises:
        ValueError: if it cannot be written.
    """
    with atomic_write(file, what='picture') as partial:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(partial, format='png')


def megahertz(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the frequencies of rows [MHz]."""
    return [each['frequency_hz'] / 1e6 for each in rows]


def latency_curve(
    first_hz: float, last_hz: float, *, constant_s: float, cycles: float
) -> tuple[list[float], list[float]]:
    """Return frequencies [MHz] and latencies a + b/f [ms] of a smooth curve."""
    step_hz = (last_hz - first_hz) / CURVE_POINTS
    curve_hz = [first_hz + step_hz * step for step in range(CURVE_POINTS + 1)]
    return (
        [each / 1e6 for each in curve_hz],
        [(constant_s + cycles / each) * 1e3 for each in curve_hz],
    )


def table_text(table: Table) -> str:
    """Return a table as text."""
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    return text.getvalue()
