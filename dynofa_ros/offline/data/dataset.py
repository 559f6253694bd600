"""Labelled images: in memory where they are thumbnails, else decoded batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from dynofa_ros.engine.preprocess import Image
from dynofa_ros.offline.data.augmentation import random_resized_crop, shift_and_mirror


class Dataset(Protocol):
    """Images with their classes."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty where classes are known by their index alone."""

    @property
    def classes(self) -> Tensor:
        """Class index of each image, (N,) int64."""

    @property
    def decodes(self) -> bool:
        """Whether a batch takes work that is worth doing ahead, in another thread."""

    def __len__(self) -> int:
        """Return the number of images."""

    def image(self, index: int) -> Image:
        """Return one image, (H, W, 3) uint8 BGR.

        Raises:
            ValueError: naming an image that cannot be decoded.
        """

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return augmented images, (N, 3, S, S) RGB in 0..255; ``draws`` is (N, 5) in 0..1.

        S is ``side`` where images come in any size, else that of the images.

        Raises:
            ValueError: naming an image that cannot be decoded.
        """

    def subset(self, index: Tensor) -> Dataset:
        """Return the images at these indices."""

    def fingerprint(self) -> str:
        """Return 16 hex digits that differ between different images or classes."""


@dataclass(frozen=True)
class DecodedImages:
    """Images of one size in memory, (N, 3, H, W) uint8 RGB."""

    images: Tensor
    classes: Tensor
    labels: tuple[str, ...]
    decodes = False

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Image:
        """Return one image, (H, W, 3) uint8 BGR."""
        bgr: Image = np.ascontiguousarray(self.images[index].flip(0).permute(1, 2, 0).numpy())
        return bgr

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return shifted and mirrored images in 0..255 of their own size."""
        return shift_and_mirror(self.images[index].to(device), draws.to(device))

    def subset(self, index: Tensor) -> DecodedImages:
        """Return the images at these indices."""
        return DecodedImages(self.images[index], self.classes[index], self.labels)

    def fingerprint(self) -> str:
        """Return 16 hex digits of every pixel and every class."""
        digest = hashlib.sha256(repr((self.images.shape, self.labels)).encode())
        digest.update(self.classes.numpy().tobytes())
        digest.update(self.images.contiguous().numpy().data)
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class EncodedImages:
    """Images of any size as files, or as the bytes of files."""

    names: tuple[str, ...]
    sources: tuple[Path | bytes, ...]
    classes: Tensor
    labels: tuple[str, ...]
    decodes = True

    def __len__(self) -> int:
        return len(self.sources)

    def image(self, index: int) -> Image:
        """Decode one image."""
        return decode(self.names[index], self.sources[index])

    def training_batch(
        self, index: Tensor, draws: Tensor, side: int, device: torch.device
    ) -> Tensor:
        """Return random parts of the images, resized to ``side`` and half of them mirrored."""
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
        )

    def fingerprint(self) -> str:
        """Return 16 hex digits of names, sizes in bytes and classes, not of the pixels."""
        sizes = [len(s) if isinstance(s, bytes) else s.stat().st_size for s in self.sources]
        text = repr((self.names, sizes, self.classes.tolist(), self.labels))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def decode(name: str, source: Path | bytes) -> Image:
    """Decode a file, or the bytes of one, to (H, W, 3) uint8 BGR.

    Raises:
        ValueError: naming the file, if it is missing or no image.
    """
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise ValueError(f'{name} cannot be read: {error.strerror}') from error
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        raise ValueError(f'{name} is not an image that OpenCV can read')
    bgr: Image = np.asarray(pixels, np.uint8)
    return bgr


def random_split(data: Dataset, held_out: int, *, seed: int) -> tuple[Dataset, Dataset]:
    """Return the rest and ``held_out`` images drawn without replacement.

    Raises:
        ValueError: if that leaves either of them empty.
    """
    if not 0 < held_out < len(data):
        raise ValueError(f'held out are {held_out} images; expected 1 to {len(data) - 1}')
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    return data.subset(order[held_out:]), data.subset(order[:held_out])


def random_subset(data: Dataset, count: int, *, seed: int = 0) -> Dataset:
    """Return ``count`` images drawn without replacement, or all if there are fewer."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    return data.subset(order[:count])


def class_indices(data: Dataset, labels: Sequence[str], *, what: str) -> Tensor:
    """Return each image's class as an index of other labels, (N,) int64; ``what`` names the data.

    The data may lack classes; classes without names must be indices of the labels.

    Raises:
        ValueError: naming the classes that are not among the labels.
    """
    if not data.labels:
        if (largest := int(data.classes.max())) >= len(labels):
            raise ValueError(f'{what} has class {largest}; known are 0 to {len(labels) - 1}')
        return data.classes
    unknown = [label for label in data.labels if label not in labels]
    if unknown:
        raise ValueError(f'{what} has classes {_listed(unknown)}; known are {_listed(labels)}')
    return torch.tensor([list(labels).index(label) for label in data.labels])[data.classes]


def _listed(labels: Sequence[str], most: int = 12) -> str:
    rest = f' and {len(labels) - most} more' if len(labels) > most else ''
    return ', '.join(labels[:most]) + rest
