# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A folder that shows where a sub-network is right and wrong, as tables and pictures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from dynofa_ros.atomic_file import atomic_write, write_text
from dynofa_ros.engine.preprocess import Image
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.evaluation.predictions import ClassFigures, Predictions

CONFUSION, WRONG, PREDICTIONS, CLASSES = (
    'confusion.png',
    'wrong.png',
    'predictions.csv',
    'classes.csv',
)
MOST_CLASSES = 40
"""Classes of the confusion matrix: those that are confused most."""
MOST_NUMBERS = 20
"""Classes up to which the cells of the matrix have numbers."""
MOST_WRONG, COLUMNS = 40, 8
SHEET_SIDE = 160
"""Side of an image of the contact sheet [pixel]."""
MOST_LETTERS = 22


def write_report(
    folder: Path, title: str, found: Predictions, data: Dataset, labels: tuple[str, ...]
) -> None:
    """Write the tables and pictures of one sub-network into a folder.

    Raises:
        ValueError: if they cannot be written, or an image cannot be decoded.
    """
    figures = found.per_class(labels)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'report {folder} cannot be written: {error.strerror}') from error
    write_text(folder / PREDICTIONS, _csv(_prediction_rows(found, data, labels)))
    write_text(folder / CLASSES, _csv(_class_rows(figures)))
    draw_confusion(folder / CONFUSION, title, found, labels)
    if worst := found.worst():
        draw_wrong(folder / WRONG, title, worst, found, data, labels)
    else:
        (folder / WRONG).unlink(missing_ok=True)


def write_summary(folder: Path, title: str, figures: Sequence[dict[str, Any]]) -> None:
    """Write ``README.md`` of all sub-networks, whose folders lie beside it."""
    lines = [f'# {title}', '', 'Intervals are 95 % Wilson score intervals.', '']
    for each in figures:
        name = each['subnet_id']
        lines += [
            f'## {name}',
            '',
            f'Top-1 {each["top1"]:.2%} ({each["top1_low"]:.1%} to {each["top1_high"]:.1%}), top-5 '
            f'{each["top5"]:.2%} on {each["images"]} images. [{PREDICTIONS}]({name}/{PREDICTIONS})',
            '',
            '| class | images | top-1 | 95 % | precision |',
            '|---|---|---|---|---|',
        ]
        for row in each['classes']:
            low, high = row['top1_low'], row['top1_high']
            lines.append(
                f'| {row["label"]} | {row["images"]} | {_percent(row["top1"])} | '
                f'{low:.0%} to {high:.0%} | {_percent(row["precision"])} |'
            )
        lines += ['', f'![Confusion matrix]({name}/{CONFUSION})', '']
        if each['top1'] < 1:
            lines += [f'![Images that went wrong]({name}/{WRONG})', '']
    write_text(folder / 'README.md', '\n'.join(lines))


def class_figures(found: Predictions, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the figures of each class as plain values, for a JSON file."""
    return [
        {
            'label': each.label,
            'images': each.images,
            'correct': each.correct,
            'top1': each.recall,
            'top1_low': each.interval[0],
            'top1_high': each.interval[1],
            'precision': each.precision,
        }
        for each in found.per_class(labels)
    ]


def draw_confusion(file: Path, title: str, found: Predictions, labels: tuple[str, ...]) -> None:
    """Draw the fraction of each true class (row) that is predicted as each class (column)."""
    matrix = found.confusion(len(labels))
    wrong = matrix.sum(0) + matrix.sum(1) - 2 * np.diag(matrix)
    present = np.flatnonzero(matrix.sum(0) + matrix.sum(1))
    shown = np.sort(present[np.argsort(-wrong[present], kind='stable')][:MOST_CLASSES])
    if len(shown) < len(present):
        title += f'\nthe {len(shown)} of {len(present)} classes that are confused most'
    cells = matrix[np.ix_(shown, shown)]
    fractions = cells / np.maximum(1, matrix[shown].sum(1, keepdims=True))
    side = max(4.0, 0.42 * len(shown) + 2.2)
    figure = Figure(figsize=(side + 0.8, side), layout='constrained')
    axis = figure.add_subplot()
    image = axis.imshow(fractions, cmap='Blues', vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, label='fraction of the true class', shrink=0.8)
    names = [_short(labels[i]) for i in shown]
    axis.set_xticks(range(len(shown)), names, rotation=90)
    axis.set_yticks(range(len(shown)), names)
    axis.set(xlabel='predicted', ylabel='true')
    axis.set_title(title, fontsize=10)
    if len(shown) <= MOST_NUMBERS:
        for row, column in zip(*np.nonzero(cells), strict=True):
            colour = 'white' if fractions[row, column] > 0.5 else 'black'
            axis.text(
                column, row, str(cells[row, column]), ha='center', va='center', color=colour,
                fontsize=8,
            )  # fmt: skip
    _save(figure, file)


def draw_wrong(
    file: Path,
    title: str,
    worst: Sequence[int],
    found: Predictions,
    data: Dataset,
    labels: tuple[str, ...],
) -> None:
    """Draw a contact sheet of the images that went wrong, the most confident mistake first."""
    shown = worst[:MOST_WRONG]
    columns = min(COLUMNS, max(3, len(shown)))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(1.75 * columns, 2.15 * rows + 0.5), layout='constrained')
    figure.suptitle(
        f'{title}: {len(worst)} of {len(found.classes)} went wrong, {len(shown)} shown', fontsize=10
    )
    for number, index in enumerate(shown, start=1):
        axis = figure.add_subplot(rows, columns, number)
        axis.imshow(_thumbnail(data.image(index)))
        axis.set_axis_off()
        true, predicted = (_short(labels[i]) for i in (found.classes[index], found.best[index, 0]))
        axis.set_title(f'{true}\nas {predicted} {found.scores[index, 0]:.0%}', fontsize=7)
    _save(figure, file)


def _thumbnail(bgr: Image) -> Image:
    """Return an RGB image within a square of SHEET_SIDE."""
    height, width = bgr.shape[:2]
    scale = SHEET_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small: Image = np.asarray(cv2.resize(bgr, size, interpolation=method)[..., ::-1], np.uint8)
    return small


def _prediction_rows(
    found: Predictions, data: Dataset, labels: tuple[str, ...]
) -> list[Sequence[object]]:
    names = data.names or tuple(map(str, range(len(data))))
    count = found.best.shape[1]
    heading = ['image', 'label', 'correct']
    for place in range(1, count + 1):
        heading += [f'predicted_{place}', f'score_{place}']
    rows: list[Sequence[object]] = [heading]
    for name, true, right, best, scores in zip(
        names, found.classes, found.correct, found.best, found.scores, strict=True
    ):
        row: list[object] = [name, labels[true], int(right)]
        for each, score in zip(best, scores, strict=True):
            row += [labels[each], f'{score:.4f}']
        rows.append(row)
    return rows


def _class_rows(figures: Sequence[ClassFigures]) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = [
        ('label', 'images', 'correct', 'top1', 'top1_low', 'top1_high', 'precision')
    ]
    for each in figures:
        values = (each.recall, *each.interval, each.precision)
        cells = ['' if math.isnan(value) else f'{value:.4f}' for value in values]
        rows.append((each.label, each.images, each.correct, *cells))
    return rows


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(rows)
    return text.getvalue()


def _percent(value: float) -> str:
    return '-' if math.isnan(value) else f'{value:.0%}'


def _short(label: str) -> str:
    # A dollar sign would start mathematics.
    label = label.replace('$', r'\$')
    return label if len(label) <= MOST_LETTERS else f'{label[: MOST_LETTERS - 3]}...'


def _save(figure: Figure, file: Path) -> None:
    with atomic_write(file, what='picture') as partial:
        figure.savefig(partial, format='png', dpi=110)
