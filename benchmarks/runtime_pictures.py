# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Pictures of runtime.py: energy saved, figures of all policies, and latency over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from runtime_energy_goals import ENERGIES, Runs
from runtime_figures import Comparison, Interval, summary
from runtime_goals import STEPPING
from runtime_runs import Run, scenario_of

from dynofa_ros.simulation.policies.registry import ORACLE, OURS

BLUE, RED, GREY, GREEN, ORANGE = '#2563eb', '#dc2626', '#64748b', '#16a34a', '#d97706'
BARS = (
    ('energy of the board [J/frame]', 'energy_per_frame_j', 1.0),
    ('mean accuracy [%]', 'accuracy', 100.0),
    ('images late or dropped [%]', 'missed', 100.0),
)
TRACED = (OURS, STEPPING, ORACLE)
HEADROOM = 1.3  # above the longest latency, for the legend
CROSS_MS = 3.0  # height of a dropped image, which has no latency


def draw_all(
    groups: Mapping[tuple[str, str], Runs], comparisons: Sequence[Comparison], folder: Path
) -> list[Path]:
    """Write a picture of the energy saved and two for each platform and scenario; return the files.

    Raises ValueError if a file cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written.append(folder / 'runtime_energy_saved.png')
        draw_energy_saved(comparisons).savefig(written[0])
        for (platform, scenario), runs in groups.items():
            where = f'{Path(scenario).stem}_{Path(platform).stem}'
            title = f'{scenario} on {platform}, simulated'
            for kind, draw in (('policies', draw_policies), ('latency', draw_latency)):
                file = folder / f'runtime_{kind}_{where}.png'
                draw(runs, title).savefig(file)
                written.append(file)
    except OSError as error:
        raise ValueError(f'{folder} cannot be written: {error.strerror}') from error
    return written


def draw_energy_saved(comparisons: Sequence[Comparison]) -> Figure:
    """Draw the energy that ours and the oracle save against static networks at `performance`."""
    platforms = list(dict.fromkeys(each.platform for each in comparisons))
    kept = [
        each
        for each in comparisons
        if each.measure.endswith('less than performance') and 'p95 too' not in each.measure
    ]
    scenarios = list(dict.fromkeys(each.scenario for each in kept))[::-1]
    figure = Figure(figsize=(11, 2.0 + 0.8 * len(scenarios)), dpi=100, layout='constrained')
    axes = figure.subplots(len(ENERGIES), len(platforms), sharex=True, sharey=True, squeeze=False)
    for line, energy in zip(axes, ENERGIES, strict=True):
        for axis, platform in zip(line, platforms, strict=True):
            found = {
                each.scenario: each
                for each in kept
                if each.platform == platform and f'of the {energy},' in each.measure
            }
            _energy_bars(axis, [found[each] for each in scenarios if each in found])
            axis.set_title(f'energy of the {energy}, {platform}', fontsize=9)
            axis.set_yticks(range(len(scenarios)), scenarios)
            axis.axvline(0.0, color='black', linewidth=0.8)
    for axis in axes[-1]:
        axis.set_xlabel('energy saved per frame [%]', fontsize=9)
    axes[0][0].legend(fontsize=8)
    figure.suptitle(
        'simulated: energy saved against the most accurate static network that meets the deadline, '
        'at the highest frequency\nred: the goal; *: misses, accuracy or p95 miss their goals',
        fontsize=11,
    )
    return figure


def _energy_bars(axis: Axes, goals: Sequence[Comparison]) -> None:
    """Draw a pair of bars for each scenario, with a star if another condition is not met."""
    for shift, colour, name in ((0.2, BLUE, OURS), (-0.2, ORANGE, ORACLE)):
        values = [
            each.checks[0].interval.mean if name == OURS or each.limit is None else each.limit.mean
            for each in goals
        ]
        axis.barh(
            [row + shift for row in range(len(goals))],
            values,
            height=0.38,
            color=colour,
            label=name,
        )
    for row, each in enumerate(goals):
        least = each.checks[0].goal.goal
        axis.plot([least, least], [row - 0.45, row + 0.45], color=RED, linewidth=1.2)
        if any(not check.met for check in each.checks[1:]):
            axis.annotate('*', (0.4, row + 0.02), fontsize=10, color='white')
    _style_bars(axis)


def _style_bars(axis: Axes) -> None:
    axis.grid(True, axis='x', color='#e2e8f0', linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[['top', 'right']].set_visible(False)
    axis.tick_params(labelsize=8)


def draw_policies(runs: Runs, title: str) -> Figure:
    """Draw energy, accuracy and misses of every policy, with the 95 % interval of the mean."""
    labels = list(runs)[::-1]
    figure = Figure(figsize=(16, 1.8 + 0.27 * len(labels)), dpi=100, layout='constrained')
    axes = figure.subplots(1, len(BARS), sharey=True)
    figures = {label: summary(made) for label, made in runs.items()}
    for axis, (name, key, scale) in zip(axes, BARS, strict=True):
        _bars(axis, labels, [figures[label][key] for label in labels], scale=scale)
        axis.set_xlabel(name)
        axis.set_xlim(left=0.0)
    accuracies = [each['accuracy'].mean * 100 for each in figures.values()]
    axes[1].set_xlim(min(accuracies) - 1.0, max(accuracies) + 1.0)
    axes[1].annotate(
        'does not start at 0', (0.0, 1.0), xycoords='axes fraction', fontsize=8, color=GREY
    )
    seeds = len(next(iter(runs.values())))
    figure.suptitle(f'{title}; mean of {seeds} seeds, 95 % interval', fontsize=12)
    return figure


def _bars(
    axis: Axes, labels: Sequence[str], intervals: Sequence[Interval], *, scale: float
) -> None:
    colours = [BLUE if label.startswith(OURS) else GREY for label in labels]
    colours = [
        ORANGE if label.startswith(ORACLE) else colour
        for label, colour in zip(labels, colours, strict=True)
    ]
    axis.barh(labels, [each.mean * scale for each in intervals], color=colours, height=0.7)
    for row, each in enumerate(intervals):
        if not math.isnan(each.half):  # more than one seed
            ends = [(each.mean - each.half) * scale, (each.mean + each.half) * scale]
            axis.plot(ends, [row, row], color='black', lw=1.5)
    _style_bars(axis)


def draw_latency(runs: Runs, title: str) -> Figure:
    """Draw the latency and the deadline of every image of the first seed."""
    traced = [label for label in TRACED if label in runs]
    figure = Figure(figsize=(11, 1.0 + 2.5 * len(traced)), dpi=100, layout='constrained')
    axes = figure.subplots(len(traced), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    longest_s = max(
        each.latency_s for label in traced for each in runs[label][0].images if not each.dropped
    )
    for axis, label in zip(axes, traced, strict=True):
        _trace(axis, runs[label][0])
        axis.set_ylabel(f'{label}\nlatency [ms]', fontsize=9)
        axis.set_ylim(0.0, HEADROOM * longest_s * 1e3)
        axis.grid(True, axis='y', color='#e2e8f0', linewidth=0.8)
        axis.spines[['top', 'right']].set_visible(False)
    axes[-1].set_xlabel('time [s]')
    figure.suptitle(f'{title}; seed {runs[traced[0]][0].case.seed}', fontsize=12)
    return figure


def _trace(axis: Axes, run: Run) -> None:
    """Draw each image as a dot, red if late, and a dropped one as a cross at the bottom."""
    scenario = scenario_of(run.case.scenario)
    kinds = (
        (True, '.', GREEN, 'in time'),
        (False, '.', RED, 'late'),
    )
    dropped = [each for each in run.images if each.dropped]
    for met, mark, colour, name in kinds:
        of_kind = [e for e in run.images if not e.dropped and e.met is met]
        axis.plot(
            [each.arrived_s for each in of_kind],
            [each.latency_s * 1e3 for each in of_kind],
            mark,
            color=colour,
            markersize=4,
            label=f'{name} ({len(of_kind)})',
        )
    axis.plot(
        [each.arrived_s for each in dropped],
        [CROSS_MS] * len(dropped),
        'x',
        color=RED,
        markersize=5,
        label=f'dropped ({len(dropped)})',
    )
    for plan in scenario.applications:
        end_s = min(plan.leave_s, scenario.duration_s)
        times_s = [plan.join_s, *(e.at_s for e in plan.targets if plan.join_s < e.at_s < end_s)]
        deadlines_s = [plan.target_at(each).deadline_s for each in times_s]
        axis.step(
            [*times_s, end_s],
            [each * 1e3 for each in [*deadlines_s, deadlines_s[-1]]],
            where='post',
            color='black',
            linewidth=1.0,
        )
    for each in scenario.co_runners:
        if each.at_s < scenario.duration_s:
            axis.axvline(each.at_s, color=GREY, linewidth=0.8, linestyle='--')
    axis.legend(loc='upper right', fontsize=8, ncols=3)
