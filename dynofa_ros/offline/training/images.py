# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The images of a run, checked before it starts, and the sizes that follow from their number."""

from __future__ import annotations

from collections import Counter

import torch

from dynofa_ros.offline.data.dataset import Dataset, listed
from dynofa_ros.offline.data.image_sets import ImageSets, divide
from dynofa_ros.offline.data.known_images import KnownImages
from dynofa_ros.offline.data.parts import Part
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.data.split import Amount
from dynofa_ros.offline.data.wordnet import readable_labels

LEAST_STEPS = 8
"""Steps of an epoch at the default batch size."""


def load_images(
    data: str,
    test: str | None,
    *,
    held_out: Amount | None,
    seed: int,
    earlier: KnownImages | None = None,
    reader: Reader | None = None,
) -> ImageSets:
    """Read the images of a training and divide them; see :func:`divide`.

    Raises:
        ValueError: naming each file that is missing or damaged, a single class, the classes with
            fewer than two images, or an option that contradicts the folders.
    """
    reader = reader or Reader()
    given = reader.given(data, test, check_classes)
    if given.val is not None and held_out is not None:
        raise ValueError(
            f'held-out is {held_out}; expected none, because {data} has validation images'
        )
    _check_counts(given.train, data)  # images that cannot be used are not counted
    return divide(given, held_out=held_out, seed=seed, earlier=earlier, log=reader.log)


def check_classes(part: Part) -> None:
    """Check that there are two classes or more, of two images or more, before any is opened.

    Raises:
        ValueError: naming the classes.
    """
    counts = Counter(str(each.label) for each in part.pictures)
    labels = part.labels
    if not labels:
        return
    if len(labels) < 2:
        raise ValueError(f'{part.where} has one class, {labels[0]}; expected 2 or more')
    _check_few([label for label in labels if counts[label] < 2], part.where)


def check_indices(data: Dataset, source: str, classes: int) -> None:
    """Check the class indices of images without class names.

    Raises:
        ValueError: for an index that the network does not have.
    """
    if (largest := int(data.classes.max())) >= classes:
        raise ValueError(f'{source} has class {largest}; expected 0 to {classes - 1}')


def fitting_batch_size(most: int, images: int, processes: int) -> int:
    """Return the default batch size: ``most``, or less where an epoch would have too few steps."""
    fitting = max(2, images // LEAST_STEPS)
    return max(processes, min(most, fitting) // processes * processes)


def _check_counts(data: Dataset, source: str) -> None:
    counts = torch.bincount(data.classes, minlength=len(data.labels))
    few = [label for label, count in zip(data.labels, counts, strict=False) if count < 2]
    _check_few(few, source)


def _check_few(labels: list[str], source: str) -> None:
    if labels:
        raise ValueError(
            f'{source} has fewer than 2 images of {listed(readable_labels(labels))}; expected 2 or '
            'more of every class'
        )
