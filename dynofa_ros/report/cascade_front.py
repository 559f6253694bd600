# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Plots of `dynofa cascade`: the front with and without cascades, and reliability diagrams."""

from __future__ import annotations

import math
from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from dynofa_ros.report.plotting import BLUE, GREY, RED, Figures, save, style, table_text

COLUMNS = 4
FRONT_PICTURE, RELIABILITY_PICTURE = 'cascades.png', 'reliability.png'
"""Names in the model folder, to which its card refers."""


def draw_pictures(figures: Figures, folder: Path) -> None:
    """Write both plots into a model folder; raises ValueError as `save` does."""
    draw_cascades(figures, folder / FRONT_PICTURE)
    draw_reliability(figures, folder / RELIABILITY_PICTURE)


def cascade_table(figures: Figures) -> str:
    """Return the cascades as text, cheapest first."""
    table = Table(title=f'{figures["model"]}, {figures["measuring"]} images that chose nothing')
    table.add_column('cascade', overflow='fold')
    for heading in ('top-1', '95 %', 'minus last stage', '95 %', figures['mean']):
        table.add_column(heading, justify='right')
    for each in figures['cascades']:
        low, high = each['difference_interval']
        table.add_row(
            each['name'],
            f'{each["accuracy"]:.2%}',
            f'{100 * each["low"]:.1f}-{100 * each["high"]:.1f}',
            f'{100 * each["difference"]:+.2f}',
            f'{100 * low:+.2f} to {100 * high:+.2f}',
            f'{each["mean"]:.2f}',
        )
    return table_text(table)


def draw_cascades(figures: Figures, file: Path) -> None:
    """Plot top-1 against mean cost of sub-networks and cascades as PNG; raises as `save` does."""
    figure = Figure(figsize=(8, 5), dpi=110, layout='constrained')
    axis = figure.subplots()
    for key, colour, marker, label in (
        ('subnets', GREY, 'o-', 'sub-networks'),
        ('cascades', BLUE, 'D', 'cascades'),
    ):
        points = sorted(
            (each['mean'], 100 * each['accuracy'], 50 * (each['high'] - each['low']))
            for each in figures[key]
        )
        if not points:
            continue
        costs, top1, half = zip(*points, strict=True)
        axis.plot(costs, top1, marker, color=colour, label=label, markersize=5)
        axis.errorbar(costs, top1, yerr=half, fmt='none', ecolor=colour, alpha=0.35, capsize=2)
    axis.set_xlabel(f'{figures["mean"]} of an image')
    axis.set_ylabel('top-1 [%], bars: 95 % interval')
    axis.set_title(
        f'{figures["model"]}: {figures["measuring"]} images that chose nothing', fontsize=10
    )
    axis.legend(loc='lower right')
    style(axis, grid='both')
    save(figure, file)


def draw_reliability(figures: Figures, file: Path) -> None:
    """Plot the share of right answers against the score, one panel for each sub-network."""
    calibrations = figures['calibrations']
    rows = math.ceil(len(calibrations) / COLUMNS)
    figure = Figure(figsize=(11, 2.7 * rows + 0.5), dpi=110, layout='constrained')
    axes = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, each in zip(axes, calibrations, strict=False):
        axis.plot((0, 1), (0, 1), color=GREY, linewidth=1)
        for key, colour, label in (('bins_before', RED, 'before'), ('bins', BLUE, 'after')):
            score, share, count = zip(*each[key], strict=True)
            axis.plot(score, share, '-', color=colour, linewidth=1, label=label)
            largest = max(count)
            sizes = [6 + 40 * number / largest for number in count]
            axis.scatter(score, share, s=sizes, color=colour, alpha=0.7)
        axis.set_title(
            f'{each["subnet_id"]}\nerror {each["before"]:.1%}, then {each["after"]:.1%} '
            f'(perfect: {each["floor"]:.1%})',
            fontsize=8,
        )
        style(axis, grid='both')
    for axis in axes[len(calibrations) :]:
        axis.set_visible(False)
    axes[0].legend(fontsize=8, loc='upper left')
    figure.supxlabel('score of the best class (area of a point: number of images)', fontsize=9)
    figure.supylabel('share of right answers', fontsize=9)
    save(figure, file)
