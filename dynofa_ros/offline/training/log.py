# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The log of a training run, one JSON object per line, and the learning curves plotted from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynofa_ros.atomic_file import atomic_write, write_text
from dynofa_ros.offline.training.trainer import Progress

WINDOW = 20
"""Steps that are averaged in one row."""
BLUE, ORANGE, GREY = '#2563eb', '#d97706', '#64748b'


class TrainingLog:
    """Averages over :data:`WINDOW` steps, and held-out top-1 after each epoch.

    Rows after ``first_step``, from a process that died after its last checkpoint, are dropped: the
    resumed run repeats those steps.
    """

    def __init__(self, path: Path, *, first_step: int) -> None:
        self._path = path
        self._window: list[Progress] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_log(path) if row['step'] <= first_step] if first_step else []
        write_text(path, ''.join(json.dumps(row) + '\n' for row in kept), what='training log')

    def step(self, progress: Progress) -> None:
        """Record one step."""
        self._window.append(progress)
        window_ends = progress.step % WINDOW == 0
        if window_ends or progress.ends_epoch or progress.step == progress.steps:
            count = len(self._window)
            self._append(
                {
                    'step': progress.step,
                    'epoch': progress.step / progress.steps_per_epoch,
                    'phase': progress.phase,
                    'loss': sum(each.loss for each in self._window) / count,
                    'accuracy': sum(each.accuracy for each in self._window) / count,
                    'learning_rate': progress.learning_rate,
                    'resolution': progress.resolution,
                    'seconds_per_step': progress.seconds_per_step,
                }
            )
            self._window.clear()

    def held_out(self, progress: Progress, top1: Mapping[str, float]) -> None:
        """Record the top-1 of sub-networks on held-out images."""
        epoch = progress.step / progress.steps_per_epoch
        self._append({'step': progress.step, 'epoch': epoch, 'held_out': dict(top1)})

    def _append(self, row: Mapping[str, Any]) -> None:
        with self._path.open('a') as file:
            file.write(json.dumps(row) + '\n')


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log; none if there is no file. A truncated last line is dropped.

    Raises:
        ValueError: naming the line that is not a row.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            float(row['step'])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            if number == len(lines):
                break
            raise ValueError(f'{path}, line {number} is not a row of a training log') from error
        rows.append(row)
    return rows


def draw_curves(log: Path, picture: Path, *, title: str) -> None:
    """Plot loss, top-1, learning rate and resolution over the epochs as PNG.

    Logs of older versions, without epochs, are plotted over steps.

    Raises:
        ValueError: if the log has no rows.
    """
    rows = read_log(log)
    steps = [row for row in rows if 'loss' in row]
    if not steps:
        raise ValueError(f'{log} holds no steps of a training run; expected at least one')
    x_key = 'epoch' if all('epoch' in row for row in rows) else 'step'
    figure = Figure(figsize=(9, 8), dpi=90, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 1, 1))
    for axis, key, label in (
        (axes[0], 'loss', 'loss on batches'),
        (axes[2], 'learning_rate', 'rate'),
        (axes[3], 'resolution', 'input [pixel]'),
    ):
        _plot(axis, steps, x_key, key, color=BLUE)
        axis.set_ylabel(label)
    _plot_top1(axes[1], steps, [row for row in rows if 'held_out' in row], x_key)
    for axis in axes:
        axis.grid(True, color='#e2e8f0', linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    axes[-1].set_xlabel(x_key)
    figure.suptitle(title, fontsize=12)
    picture.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(picture, what='learning curves') as partial:
        figure.savefig(partial, format='png')


def _plot(
    axis: Axes,
    rows: Sequence[Mapping[str, Any]],
    x_key: str,
    key: str,
    *,
    scale: float = 1.0,
    **style: Any,
) -> None:
    known = [row for row in rows if key in row]
    axis.plot([row[x_key] for row in known], [scale * row[key] for row in known], **style)


def _plot_top1(
    axis: Axes,
    steps: Sequence[Mapping[str, Any]],
    epochs: Sequence[Mapping[str, Any]],
    x_key: str,
) -> None:
    label = 'batches, augmented'
    _plot(axis, steps, x_key, 'accuracy', scale=100, color=GREY, alpha=0.6, label=label)
    names = list(dict.fromkeys(name for row in epochs for name in row['held_out']))
    rows = [row['held_out'] | {x_key: row[x_key]} for row in epochs]
    for name, colour in zip(names, (ORANGE, BLUE), strict=False):
        style = {'marker': 'o', 'markersize': 4, 'label': f'held out, {name}'}
        _plot(axis, rows, x_key, name, scale=100, color=colour, **style)
    axis.set_ylabel('top-1 [%]')
    axis.legend(loc='lower right', frameon=False)
