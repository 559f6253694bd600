# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read labelled images: folders, archives, tables and CIFAR-10, with all images checked first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dynofa_ros.offline.console import reporting
from dynofa_ros.offline.data.check import Checked, check_pictures, fault_list
from dynofa_ros.offline.data.cifar10 import CIFAR10_PREFIX, load_cifar10
from dynofa_ros.offline.data.dataset import Dataset, DecodedImages, EncodedImages, decode
from dynofa_ros.offline.data.listing import Picture
from dynofa_ros.offline.data.parts import TEST, TRAIN, VAL, WHOLE, Part, check_labels, find_parts
from dynofa_ros.offline.data.wordnet import readable_labels
from dynofa_ros.platform.linux.confinement import usable_cpus

THUMBNAIL_SIDE = 96
"""Square images of one size up to this side [pixel] are decoded once and held in memory."""
MEMORY_BYTES = 4 * 2**30
"""Largest data set that is held in memory, decoded."""


def _print(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class GivenImages:
    """The images of a data set as the user divided them."""

    train: Dataset
    """All images, if they are not divided."""
    val: Dataset | None = None
    test: Dataset | None = None
    divided: bool = True
    """Whether there is a part for training, or the test images were named."""


@dataclass(frozen=True)
class Reader:
    """Reads data sets, and says what it leaves out."""

    skip_bad: bool = False
    """Whether images that cannot be used are left out, rather than refused."""
    threads: int = 0
    """That decode; 0: one per CPU."""
    log: Callable[[str], None] = _print
    progress: bool = True
    """Whether progress is shown."""

    def images(self, data: str) -> Dataset:
        """Read all images of a data set, or its test images if it has several parts.

        Class indices follow the sorted class names. ``cifar10:FOLDER`` is the CIFAR-10 test set.

        Raises:
            ValueError: naming each file that is missing or damaged.
        """
        if data.startswith(CIFAR10_PREFIX):
            return load_cifar10(data, train=False)
        parts = self._find(data)
        name = next(each for each in (WHOLE, TEST, VAL, TRAIN) if each in parts)
        if len(parts) > 1:
            self.log(f'{data}: the part {name} of {", ".join(sorted(parts))}')
        part = parts[name]
        return self._open(part, part.labels)

    def given(
        self, data: str, test: str | None, check: Callable[[Part], None] = lambda part: None
    ) -> GivenImages:
        """Read the images of a training, as the folders divide them.

        ``test`` names the test images; those in ``data`` are then ignored. ``check`` receives the
        training images before any image is opened. Class indices are those of the training images.

        Raises:
            ValueError: naming each file that is missing or damaged, classes that the training
                images lack, or what ``check`` raises.
        """
        if data.startswith(CIFAR10_PREFIX):
            tested: Dataset = load_cifar10(data, train=False) if test is None else self.images(test)
            return GivenImages(load_cifar10(data, train=True), test=tested)
        parts = self._find(data)
        if WHOLE not in parts and TRAIN not in parts:
            raise ValueError(f'{data} has {", ".join(parts)}; expected {TRAIN} too')
        divided = WHOLE not in parts or test is not None
        if test is not None:
            parts |= {TEST: _test_part(self._find(test))}
        if TEST not in parts and VAL in parts:
            parts[TEST] = parts.pop(VAL)
        train_part = parts[TRAIN if TRAIN in parts else WHOLE]
        check(train_part)
        labels = train_part.labels
        others = {name: parts[name] for name in (VAL, TEST) if name in parts}
        for part in others.values():
            check_labels(part, labels, train_part.where)
        sets = {name: self._open(part, labels) for name, part in others.items()}
        train = self._open(train_part, labels)
        return GivenImages(train, sets.get(VAL), sets.get(TEST), divided)

    def _find(self, data: str) -> dict[str, Part]:
        parts = find_parts(Path(data))
        if parts.left_out.names:
            self.log(f'{data}: left out {parts.left_out}')
        return parts.by_name

    def _open(self, part: Part, labels: Sequence[str]) -> Dataset:
        """Check all images and return those that can be used."""
        threads = self.threads or usable_cpus()
        total = len(part.pictures)
        with reporting('images checked', total) if self.progress else nullcontext() as report:
            checked = check_pictures(
                part.pictures, threads=threads, report=report or (lambda done: None)
            )
        if faults := [each.fault for each in checked if each.fault]:
            if not self.skip_bad or len(faults) == total:
                raise ValueError(f'{part.where}: {fault_list(faults, skipped=False)}')
            self.log(f'{part.where}: {fault_list(faults, skipped=True)}')
        usable = [
            (picture, found)
            for picture, found in zip(part.pictures, checked, strict=True)
            if not found.fault
        ]
        return _dataset(usable, labels, threads)


def load_dataset(path: Path | str, reader: Reader | None = None) -> Dataset:
    """Read the images of a folder, archive or table; see :meth:`Reader.images`."""
    return (reader or Reader()).images(str(path))


def _test_part(parts: dict[str, Part]) -> Part:
    return parts[next(each for each in (WHOLE, TEST, VAL, TRAIN) if each in parts)]


def _dataset(
    images: Sequence[tuple[Picture, Checked]], labels: Sequence[str], threads: int
) -> Dataset:
    """Decode thumbnails of one size into memory; keep anything else encoded."""
    index = {label: number for number, label in enumerate(labels)}
    classes = torch.tensor(
        [p.label if isinstance(p.label, int) else index[p.label] for p, _ in images],
        dtype=torch.int64,
    )
    digests = torch.tensor([found.digest for _, found in images], dtype=torch.int64)
    names = tuple(picture.name for picture, _ in images)
    sources = tuple(picture.source for picture, _ in images)
    readable = readable_labels(labels)
    sizes = {(found.height, found.width) for _, found in images}
    height, width = next(iter(sizes))
    small = len(sizes) == 1 and height == width <= THUMBNAIL_SIDE
    if not small or 3 * height * width * len(images) > MEMORY_BYTES:
        return EncodedImages(names, sources, classes, readable, digests)
    with ThreadPoolExecutor(threads) as workers:
        pixels = np.stack(list(workers.map(decode, names, sources, chunksize=256)))
    rgb = np.ascontiguousarray(pixels[..., ::-1].transpose(0, 3, 1, 2))
    return DecodedImages(torch.from_numpy(rgb), classes, readable, digests, names)
