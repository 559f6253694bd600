# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Labelled images: thumbnails decoded in memory, larger images decoded batch by batch."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from dynofa_ros.engine.picture_size import picture_size
from dynofa_ros.engine.preprocess import Image
from dynofa_ros.offline.data.augmentation import random_resized_crop, shift_and_flip
from dynofa_ros.offline.data.wordnet import readable_labels

FILE_BYTES = 64 * 2**20
"""Largest image file that is read."""
PIXELS = 100_000_000
"""Largest image that is decoded, 300 MB; the largest of ImageNet has 61 million."""


class Dataset(Protocol):
    """Images and their classes."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty if the data set has indices only."""

    @property
    def classes(self) -> Tensor:
        """Class index of every image, (N,) int64."""

    @property
    def names(self) -> tuple[str, ...]:
        """File name of every image; empty if they are from no files."""

    @property
    def digests(self) -> Tensor:
        """64 bits of a hash of every image, (N,) int64: of its file, or of its pixels."""

    @property
    def decodes(self) -> bool:
        """Whether batches are decoded on demand, which is worth a prefetch thread."""

    def __len__(self) -> int:
        """Return the number of images."""

    def image(self, index: int) -> Image:
        """Return one image, (H, W, 3) uint8 BGR.

        Raises:
            ValueError: if the image cannot be decoded.
        """

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return augmented images, (N, 3, S, S) RGB in 0..255; ``draws`` is (N, 5) in 0..1.

        S is ``side`` for images of mixed sizes, otherwise the images' own side.

        Raises:
            ValueError: if an image cannot be decoded.
        """

    def subset(self, index: Tensor) -> Dataset:
        """Return the images at these indices."""

    def fingerprint(self) -> str:
        """Return 16 hex digits that identify the images, their order and their classes."""


@dataclass(frozen=True)
class DecodedImages:
    """Images of one size, held in memory as (N, 3, H, W) uint8 RGB."""

    images: Tensor
    classes: Tensor
    labels: tuple[str, ...]
    file_digests: Tensor | None = None
    """Of the files that they were decoded from; None if there were none."""
    names: tuple[str, ...] = ()
    decodes = False

    @functools.cached_property
    def digests(self) -> Tensor:
        """64 bits of a hash of every file or, without files, of the pixels, (N,) int64."""
        if self.file_digests is not None:
            return self.file_digests
        pixels = self.images.contiguous().numpy()
        return torch.tensor([digest_of(each.tobytes()) for each in pixels], dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Image:
        """Return one image, (H, W, 3) uint8 BGR."""
        bgr: Image = np.ascontiguousarray(self.images[index].flip(0).permute(1, 2, 0).numpy())
        return bgr

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return shifted and flipped images at their own size."""
        return shift_and_flip(self.images[index].to(device), draws.to(device))

    def subset(self, index: Tensor) -> DecodedImages:
        """Return the images at these indices."""
        names = tuple(self.names[i] for i in index.tolist()) if self.names else ()
        return DecodedImages(
            self.images[index], self.classes[index], self.labels, self.digests[index], names
        )

    def fingerprint(self) -> str:
        """Return a hash of digests, classes and labels."""
        return _fingerprint(self)


@dataclass(frozen=True)
class EncodedImages:
    """Images of any size, held as file paths or as encoded bytes."""

    names: tuple[str, ...]
    sources: tuple[Path | bytes, ...]
    classes: Tensor
    labels: tuple[str, ...]
    digests: Tensor
    decodes = True

    def __len__(self) -> int:
        return len(self.sources)

    def image(self, index: int) -> Image:
        """Decode one image."""
        return decode(self.names[index], self.sources[index])

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return random crops resized to ``side``, half of them flipped."""
        crops = [
            random_resized_crop(self.image(int(i)), each.tolist(), side)
            for i, each in zip(index, draws, strict=True)
        ]
        rgb = torch.from_numpy(np.stack(crops)).flip(3).permute(0, 3, 1, 2)
        return rgb.to(device)

    def subset(self, index: Tensor) -> EncodedImages:
        """Return the images at these indices."""
        chosen = index.tolist()
        return replace(
            self,
            names=tuple(self.names[i] for i in chosen),
            sources=tuple(self.sources[i] for i in chosen),
            classes=self.classes[index],
            digests=self.digests[index],
        )

    def fingerprint(self) -> str:
        """Return a hash of digests, classes and labels."""
        return _fingerprint(self)


def _fingerprint(data: Dataset) -> str:
    digest = hashlib.sha256(repr(data.labels).encode())
    for values in (data.classes, data.digests):
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()[:16]


def digest_of(content: bytes) -> int:
    """Return 64 bits of a hash, as a signed integer."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), 'little', signed=True)


def decode(name: str, source: Path | bytes) -> Image:
    """Decode an image file, or its bytes, to (H, W, 3) uint8 BGR.

    Raises:
        ValueError: if the file is missing, not an image, or larger than FILE_BYTES or PIXELS.
    """
    data = source if isinstance(source, bytes) else read_file(name, source)
    try:
        size = picture_size(data)
        if size is None:
            raise ValueError('no known format')
        if size.pixels > PIXELS:
            raise ValueError(f'it has {size.width} x {size.height} pixels, above {PIXELS}')
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (ValueError, cv2.error) as error:
        reason = error.err if isinstance(error, cv2.error) else error
        raise ValueError(f'{name} is not an image that OpenCV can read: {reason}') from error
    if pixels is None:
        raise ValueError(f'{name} is not an image that OpenCV can read')
    bgr: Image = np.asarray(pixels, np.uint8)
    return bgr


def read_file(name: str, file: Path) -> bytes:
    """Return the content of an image file.

    Raises:
        ValueError: if it is missing, not a regular file, or larger than FILE_BYTES.
    """
    try:
        if not S_ISREG(file.stat().st_mode):
            raise ValueError(f'{name} cannot be read: it is not a regular file')
        with file.open('rb') as stream:
            data = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f'{name} cannot be read: {error.strerror}') from error
    if len(data) > FILE_BYTES:
        raise ValueError(f'{name} cannot be read: it has over {FILE_BYTES} bytes')
    return data


def random_subset(data: Dataset, count: int, *, seed: int = 0) -> Dataset:
    """Return ``count`` images drawn without replacement, or all images if there are fewer."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    return data.subset(order[:count])


def class_indices(data: Dataset, labels: Sequence[str], *, what: str) -> Tensor:
    """Return each image's class as an index into a model's ``labels``, (N,) int64.

    Classes are matched by name; a data set without names must already use the model's indices. It
    may lack some classes. ``what`` names the data set in errors.

    Raises:
        ValueError: naming the classes that are not among the labels.
    """
    if not data.labels:
        if (largest := int(data.classes.max())) >= len(labels):
            raise ValueError(f'{what} has class {largest}; expected 0 to {len(labels) - 1}')
        return data.classes
    index = {label: number for number, label in enumerate(readable_labels(labels))}
    if unknown := [label for label in data.labels if label not in index]:
        raise ValueError(f'{what} has classes {listed(unknown)}; expected {listed(labels)}')
    return torch.tensor([index[label] for label in data.labels])[data.classes]


def listed(labels: Sequence[str], most: int = 12) -> str:
    """Return labels separated by commas, shortened to the first ``most``."""
    rest = f' and {len(labels) - most} more' if len(labels) > most else ''
    return ', '.join(labels[:most]) + rest
