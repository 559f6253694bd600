"""The log of a training run, one JSON object a line, and the learning curves drawn from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynofa_ros.offline.training.trainer import Progress

WINDOW = 20
"""Steps whose averages make one row."""
BLUE, ORANGE, GREY = '#2563eb', '#d97706', '#64748b'


class TrainingLog:
    """Rows of averages over :data:`WINDOW` steps, and of held-out top-1 after each epoch.

    What an earlier process logged after its last checkpoint is dropped: those steps come again.
    """

    def __init__(self, path: Path, *, first_step: int) -> None:
        self._path = path
        self._window: list[Progress] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_log(path) if row['step'] <= first_step] if first_step else []
        partial = path.with_suffix('.partial')
        partial.write_text(''.join(json.dumps(row) + '\n' for row in kept))
        partial.replace(path)

    def step(self, progress: Progress) -> None:
        """Take note of one step."""
        self._window.append(progress)
        full = progress.step % WINDOW == 0
        if full or progress.ends_epoch or progress.step == progress.steps:
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
        """Take note of what sub-networks reach on images that are not trained on."""
        epoch = progress.step / progress.steps_per_epoch
        self._append({'step': progress.step, 'epoch': epoch, 'held_out': dict(top1)})

    def _append(self, row: Mapping[str, Any]) -> None:
        with self._path.open('a') as file:
            file.write(json.dumps(row) + '\n')


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log, or none if there is no file; a last line cut off is dropped.

    Raises:
        ValueError: naming the line that is no row.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            float(row['step'])
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise ValueError(f'{path}, line {number} is no row of a training log') from error
        rows.append(row)
    return rows


def draw_curves(log: Path, picture: Path, *, title: str) -> None:
    """Draw loss, top-1, learning rate and resolution over the epochs as PNG.

    Logs without epochs (of older versions) are drawn over steps.

    Raises:
        ValueError: if the log has no rows.
    """
    rows = read_log(log)
    steps = [row for row in rows if 'loss' in row]
    if not steps:
        raise ValueError(f'{log} holds no steps of a training run')
    axis_of = 'epoch' if all('epoch' in row for row in rows) else 'step'
    figure = Figure(figsize=(9, 8), dpi=90, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 1, 1))
    for axis, key, label in (
        (axes[0], 'loss', 'loss on batches'),
        (axes[2], 'learning_rate', 'rate'),
        (axes[3], 'resolution', 'input [pixel]'),
    ):
        _plot(axis, steps, axis_of, key)
        axis.set_ylabel(label)
    _top1(axes[1], steps, [row for row in rows if 'held_out' in row], axis_of)
    for axis in axes:
        axis.grid(True, color='#e2e8f0', linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    axes[-1].set_xlabel(axis_of)
    figure.suptitle(title, fontsize=12)
    picture.parent.mkdir(parents=True, exist_ok=True)
    partial = picture.with_suffix('.partial')
    figure.savefig(partial, format='png')
    partial.replace(picture)


def _plot(axis: Axes, rows: Sequence[Mapping[str, Any]], axis_of: str, key: str) -> None:
    known = [row for row in rows if key in row]
    axis.plot([row[axis_of] for row in known], [row[key] for row in known], color=BLUE)


def _top1(
    axis: Axes,
    steps: Sequence[Mapping[str, Any]],
    epochs: Sequence[Mapping[str, Any]],
    axis_of: str,
) -> None:
    axis.plot(
        [row[axis_of] for row in steps],
        [100 * row['accuracy'] for row in steps],
        color=GREY,
        alpha=0.6,
        label='batches, augmented',
    )
    names = list(dict.fromkeys(name for row in epochs for name in row['held_out']))
    for name, colour in zip(names, (ORANGE, BLUE), strict=False):
        known = [row for row in epochs if name in row['held_out']]
        axis.plot(
            [row[axis_of] for row in known],
            [100 * row['held_out'][name] for row in known],
            'o-',
            color=colour,
            markersize=4,
            label=f'held out, {name}',
        )
    axis.set_ylabel('top-1 [%]')
    axis.legend(loc='lower right', frameon=False)
