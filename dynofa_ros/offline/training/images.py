# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The images of a run, checked before it starts, and the sizes that follow from their number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from dynofa_ros.offline.data.dataset import Dataset, listed, random_split
from dynofa_ros.offline.data.readers import (
    CIFAR10_PREFIX,
    TAR_SUFFIXES,
    load_dataset,
    load_training_sets,
)

MOST_HELD_OUT = 2500
HELD_OUT_FRACTION = TEST_FRACTION = 0.1
LEAST_STEPS = 8
"""Steps of an epoch at the default batch size."""


@dataclass(frozen=True)
class TrainingImages:
    """Images to train on, to select sub-networks on, and to test the selected ones on."""

    training: Dataset
    held_out: Dataset
    test: Dataset

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty if the images have indices only."""
        return self.training.labels


def load_images(data: str, test: str | None, *, held_out: int | None, seed: int) -> TrainingImages:
    """Read the images and split them.

    A folder of classes without test images gives a tenth of every class, at least one image, as
    test images. ``held_out`` defaults to a tenth of the rest, at most 2500.

    Raises:
        ValueError: naming the file that is missing or damaged, a single class, or the classes with
            fewer than two images.
    """
    if test is None and _is_one_set(data):
        every = load_dataset(data)
        check_classes(every, data)
        images, tested = split_by_class(every, TEST_FRACTION, seed=seed)
    else:
        images, tested = load_training_sets(data, test)
        check_classes(images, data)
    if held_out is None:
        held_out = max(1, min(MOST_HELD_OUT, int(HELD_OUT_FRACTION * len(images))))
    training, selecting = random_split(images, held_out, seed=seed)
    return TrainingImages(training, selecting, tested)


def check_classes(data: Dataset, source: str) -> None:
    """Check that there are two classes or more, of two images or more.

    Raises:
        ValueError: naming the classes.
    """
    if not data.labels:
        return
    if len(data.labels) < 2:
        raise ValueError(f'{source} has one class, {data.labels[0]}; expected 2 or more')
    counts = torch.bincount(data.classes, minlength=len(data.labels))
    few = [label for label, count in zip(data.labels, counts, strict=True) if count < 2]
    if few:
        raise ValueError(
            f'{source} has fewer than 2 images of {listed(few)}; expected 2 or more of every class'
        )


def check_indices(data: Dataset, source: str, classes: int) -> None:
    """Check the class indices of images without class names.

    Raises:
        ValueError: for an index that the network does not have.
    """
    if (largest := int(data.classes.max())) >= classes:
        raise ValueError(f'{source} has class {largest}; expected 0 to {classes - 1}')


def split_by_class(data: Dataset, fraction: float, *, seed: int) -> tuple[Dataset, Dataset]:
    """Split off a fraction of every class, at least one image; return the rest and those."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    rest, split = [], []
    for index in range(len(data.labels)):
        of_class = order[data.classes[order] == index]
        count = max(1, int(fraction * len(of_class)))
        split.append(of_class[:count])
        rest.append(of_class[count:])
    return data.subset(torch.cat(rest).sort().values), data.subset(torch.cat(split).sort().values)


def fitting_batch_size(most: int, images: int, processes: int) -> int:
    """Return the default batch size: ``most``, or less where an epoch would have too few steps."""
    fitting = max(2, images // LEAST_STEPS)
    return max(processes, min(most, fitting) // processes * processes)


def _is_one_set(data: str) -> bool:
    """Return whether these are classes without a division into training and test images."""
    folder = Path(data)
    if data.startswith(CIFAR10_PREFIX) or not folder.is_dir():
        return False
    return (
        not any((folder / f'train{suffix}').exists() for suffix in TAR_SUFFIXES)
        and not (folder / 'labels.csv').is_file()
    )
