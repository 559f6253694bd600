"""One run in one picture: latency and deadline, sub-network, clocks, power, battery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase

BLUE, RED, GREY, GREEN, ORANGE = '#2563eb', '#dc2626', '#64748b', '#16a34a', '#d97706'
CLOCK_COLOURS = (BLUE, ORANGE, GREEN, RED, GREY)


def draw(recording: Recording, phases: Sequence[RunPhase], file: Path, *, title: str) -> None:
    """Write the picture of a run as PNG."""
    figure = Figure(figsize=(11, 9.5), dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(5, 1, sharex=True, height_ratios=(3, 2.2, 2, 2, 1.5))
    _latency(axes[0], recording)
    _subnets(axes[1], recording)
    _clocks(axes[2], recording)
    _power(axes[3], recording)
    _battery(axes[4], recording)
    for axis in axes:
        axis.grid(True, axis='y', color='#e2e8f0', linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
        for index, phase in enumerate(phases):
            if index % 2:
                axis.axvspan(phase.start_s, phase.end_s, color='#f1f5f9', zorder=0)
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
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


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
    accuracy = {frame.subnet_id: frame.accuracy for frame in recording.frames}
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


def _clocks(axis: Axes, recording: Recording) -> None:
    samples = recording.platform
    domains = sorted({domain for sample in samples for domain in sample.frequencies_hz})
    for domain, colour in zip(domains, CLOCK_COLOURS, strict=False):
        axis.step(
            [sample.time_s for sample in samples],
            [sample.frequencies_hz.get(domain, float('nan')) / 1e6 for sample in samples],
            where='post',
            color=colour,
            linewidth=1.4,
            label=domain,
        )
    axis.set_ylabel('clock [MHz]')
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
