# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Plot of a run over time: latency and deadline, sub-network, frequency, power, battery."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynofa_ros.report.plotting import (
    BAND,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SERIES_COLOURS,
    save,
    style,
)
from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase


def draw(recording: Recording, phases: Sequence[RunPhase], file: Path, *, title: str) -> None:
    """Plot a run as PNG; raises ValueError as `save` does."""
    figure = Figure(figsize=(11, 9.5), dpi=110, layout='constrained')
    axes = figure.subplots(5, 1, sharex=True, height_ratios=(3, 2.2, 2, 2, 1.5))
    _latency(axes[0], recording)
    _subnets(axes[1], recording)
    _frequencies(axes[2], recording)
    _power(axes[3], recording)
    _battery(axes[4], recording)
    for axis in axes:
        style(axis)
        for index, phase in enumerate(phases):
            if index % 2:
                axis.axvspan(phase.start_s, phase.end_s, color=BAND, zorder=0)
    for phase in phases:
        middle = (phase.start_s + phase.end_s) / 2
        axes[0].annotate(
            phase.name,
            (middle, 1.02),
            xycoords=('data', 'axes fraction'),
            ha='center',
            fontsize=9,
            color=GREY,
        )
    axes[-1].set_xlabel('time [s]')
    if phases:
        axes[-1].set_xlim(phases[0].start_s, phases[-1].end_s)
    figure.suptitle(title, fontsize=12)
    save(figure, file)


def _latency(axis: Axes, recording: Recording) -> None:
    for met, colour, label in ((True, BLUE, 'deadline met'), (False, RED, 'deadline missed')):
        frames = [frame for frame in recording.frames if frame.deadline_met is met]
        axis.plot(
            [frame.time_s for frame in frames],
            [frame.latency_s * 1e3 for frame in frames],
            '.',
            markersize=3.5,
            color=colour,
            label=f'{label} ({len(frames)})',
        )
    axis.step(
        [frame.time_s for frame in recording.frames],
        [frame.deadline_s * 1e3 for frame in recording.frames],
        where='post',
        color='black',
        linewidth=1.2,
        label='deadline',
    )
    sources = ', '.join(sorted({frame.latency_source for frame in recording.frames}))
    axis.set_ylabel(f'latency [ms]\n{sources}')
    highest_ms = max((frame.latency_s * 1e3 for frame in recording.frames), default=1.0)
    axis.set_ylim(0, 1.3 * highest_ms)  # room for the legend
    axis.legend(loc='upper right', fontsize=8, ncols=3)


def _subnets(axis: Axes, recording: Recording) -> None:
    known: defaultdict[str, list[float]] = defaultdict(list)
    for frame in recording.frames:
        # Of a cascade it depends on the stages that ran.
        known[frame.subnet_id] += [] if math.isnan(frame.accuracy) else [frame.accuracy]
    accuracy = {name: fmean(values or [math.nan]) for name, values in known.items()}
    order = sorted(accuracy, key=lambda name: accuracy[name])
    axis.step(
        [frame.time_s for frame in recording.frames],
        [order.index(frame.subnet_id) for frame in recording.frames],
        where='post',
        color=BLUE,
        linewidth=1.4,
    )
    axis.set_yticks(range(len(order)))
    axis.set_yticklabels([f'{name}  {accuracy[name]:.1%}' for name in order], fontsize=8)
    axis.set_ylabel('sub-network')


def _frequencies(axis: Axes, recording: Recording) -> None:
    samples = recording.platform
    domains = sorted({domain for sample in samples for domain in sample.frequencies_hz})
    for domain, colour in zip(domains, SERIES_COLOURS, strict=False):
        axis.step(
            [sample.time_s for sample in samples],
            [sample.frequencies_hz.get(domain, float('nan')) / 1e6 for sample in samples],
            where='post',
            color=colour,
            linewidth=1.4,
            label=domain,
        )
    axis.set_ylabel('frequency [MHz]')
    axis.set_ylim(bottom=0)
    if domains:
        axis.legend(loc='upper right', fontsize=8, ncols=len(domains))


def _power(axis: Axes, recording: Recording) -> None:
    axis.plot(
        [sample.time_s for sample in recording.platform],
        [sample.power_w for sample in recording.platform],
        color=GREEN,
        linewidth=1.2,
    )
    sources = ', '.join(sorted({sample.power_source for sample in recording.platform}))
    axis.set_ylabel(f'power [W]\n{sources}')
    axis.set_ylim(bottom=0)


def _battery(axis: Axes, recording: Recording) -> None:
    axis.plot(
        [sample.time_s for sample in recording.battery],
        [sample.percentage * 100 for sample in recording.battery],
        color=ORANGE,
        linewidth=1.4,
    )
    for objective in recording.objectives:
        axis.axvline(objective.time_s, color=GREY, linewidth=1, linestyle='--')
        axis.annotate(
            objective.objective.replace('_', ' '),
            (objective.time_s, 0.05),
            xycoords=('data', 'axes fraction'),
            xytext=(3, 0),
            textcoords='offset points',
            fontsize=8,
            color=GREY,
        )
    axis.set_ylabel('battery [%]')
    axis.set_ylim(0, 105)
