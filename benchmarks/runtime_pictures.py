# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Pictures of runtime.py: energy saved and misses of all scenarios, and latency over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from runtime_measures import PERFORMANCE, PROMISE, STEPPING, Interval, Runs
from runtime_runs import Run, scenario_of

from dynofa_ros.simulation.policies.registry import ORACLE, OURS

BLUE, RED, GREY, GREEN, ORANGE = '#2563eb', '#dc2626', '#64748b', '#16a34a', '#d97706'
TRACED = (OURS, STEPPING, ORACLE)
TRACED_SCENARIOS = ('paper_trace', 'two_applications')
HEADROOM = 1.3  # above the longest latency, for the legend
CROSS_MS = 3.0  # height of a dropped image, which has no latency


def draw_all(
    document: Mapping[str, Any], groups: Mapping[tuple[str, str], Runs], folder: Path
) -> list[Path]:
    """Write the pictures of all scenarios, and those of single runs; return the files.

    Raises ValueError if a file cannot be written.
    """
    drawn = {
        'runtime_energy_saved.png': draw_energy_saved(document),
        'runtime_missed.png': draw_missed(document),
    }
    for (platform, scenario), runs in groups.items():
        if Path(scenario).stem in TRACED_SCENARIOS or len(groups) == 1:
            name = f'runtime_latency_{Path(scenario).stem}_{Path(platform).stem}.png'
            drawn[name] = draw_latency(runs, f'{scenario} on {platform}, simulated')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in drawn.items():
            figure.savefig(folder / name)
    except OSError as error:
        raise ValueError(f'{folder} cannot be written: {error.strerror}') from error
    return [folder / name for name in drawn]


def draw_energy_saved(document: Mapping[str, Any]) -> Figure:
    """Draw the energy that ours and the oracle save against static networks at `performance`."""
    name = f'energy saved, {PERFORMANCE}'
    return _bars(
        document,
        {
            f'{kind} energy saved [%]': {
                OURS: (f'{kind} {name}', BLUE),
                ORACLE: (f'{kind} {name}, oracle', ORANGE),
            }
            for kind in ('frame', 'board')
        },
        'simulated: energy saved against the best static network in hindsight, at the highest '
        'frequencies',
    )


def draw_missed(document: Mapping[str, Any]) -> Figure:
    """Draw the images that ours and the published baselines miss, and the promise."""
    return _bars(
        document,
        {
            'images late or dropped [%]': {
                'ours, max_accuracy': ('missed, max_accuracy', BLUE),
                'ours, saving': (f'missed, saving, {PERFORMANCE}', GREEN),
                'ALERT style': ('missed, alert', ORANGE),
                'stepping (demo)': ('missed, stepping', GREY),
            }
        },
        'simulated: images late or dropped; red: the promise',
        limit=100 * PROMISE,
    )


def _bars(
    document: Mapping[str, Any],
    panels: Mapping[str, Mapping[str, tuple[str, str]]],
    title: str,
    *,
    limit: float = math.nan,
) -> Figure:
    """Draw groups of bars: scenarios down, platforms across, one line of axes for each panel."""
    rows = document['rows']
    platforms = list(dict.fromkeys(each['platform'] for each in rows))
    scenarios = list(dict.fromkeys(each['scenario'] for each in rows))[::-1]
    height = 1.6 + len(panels) * (0.6 + 0.5 * len(scenarios))
    figure = Figure(figsize=(11, height), dpi=100, layout='constrained')
    axes = figure.subplots(len(panels), len(platforms), sharex='row', sharey=True, squeeze=False)
    for line, (label, series) in zip(axes, panels.items(), strict=True):
        for axis, platform in zip(line, platforms, strict=True):
            found = {e['scenario']: e['measures'] for e in rows if e['platform'] == platform}
            wide = 0.8 / len(series)
            for index, (name, (measure, colour)) in enumerate(series.items()):
                known = [each for each in scenarios if measure in found.get(each, {})]
                at = [scenarios.index(each) + 0.4 - wide * (index + 0.5) for each in known]
                figures = [Interval.from_json(found[each][measure]) for each in known]
                axis.barh(at, [e.mean for e in figures], height=wide, color=colour, label=name)
                for place, each in zip(at, figures, strict=True):
                    if not math.isnan(each.half):  # more than one seed
                        ends = [each.mean - each.half, each.mean + each.half]
                        axis.plot(ends, [place, place], color='black', linewidth=1.0)
            axis.set_title(platform, fontsize=9)
            axis.set_yticks(range(len(scenarios)), scenarios)
            axis.set_xlabel(label, fontsize=9)
            axis.axvline(0.0, color='black', linewidth=0.8)
            if not math.isnan(limit):
                axis.axvline(limit, color=RED, linewidth=1.0)
            axis.grid(True, axis='x', color='#e2e8f0', linewidth=0.8)
            axis.set_axisbelow(True)
            axis.spines[['top', 'right']].set_visible(False)
            axis.tick_params(labelsize=8)
    axes[0][-1].legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure


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
