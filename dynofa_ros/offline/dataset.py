"""Labelled images, decoded once and held in memory."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class Dataset:
    """Images, (N, 3, H, W) uint8 RGB, with class indices, (N,) int64, and class names."""

    images: Tensor
    classes: Tensor
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, index: Tensor) -> Dataset:
        """Return the images at these indices."""
        return Dataset(self.images[index], self.classes[index], self.labels)

    def first(self, count: int) -> Dataset:
        """Return the first ``count`` images, or all if there are fewer."""
        return self.subset(torch.arange(min(count, len(self))))

    def split(self, held_out: int, *, seed: int) -> tuple[Dataset, Dataset]:
        """Return the rest and ``held_out`` images drawn without replacement.

        Raises:
            ValueError: if that leaves either of them empty.
        """
        if not 0 < held_out < len(self):
            raise ValueError(f'held out are {held_out} images; allowed: 1 to {len(self) - 1}')
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return self.subset(order[held_out:]), self.subset(order[:held_out])


def load_dataset(path: Path) -> Dataset:
    """Read a folder, or a tar file, that holds one folder of images per class.

    Class indices follow the sorted folder names. All images must have one size.

    Raises:
        ValueError: naming the file that is missing, damaged, or of another size.
    """
    if not path.exists():
        raise ValueError(f'data set {path} does not exist')
    images: list[npt.NDArray[Any]] = []
    names: list[str] = []
    for name, data in _files(path):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if pixels is None:
            raise ValueError(f'{path}: {name} is not an image that OpenCV can read')
        if images and pixels.shape != images[0].shape:
            raise ValueError(f'{path}: {name} is {pixels.shape}; the first is {images[0].shape}')
        images.append(pixels)
        names.append(Path(name).parent.name)
    if not images:
        raise ValueError(f'{path} holds no images in folders named by class')
    labels = tuple(sorted(set(names)))
    index = {label: i for i, label in enumerate(labels)}
    stacked = np.stack(images)[..., ::-1].transpose(0, 3, 1, 2)
    return Dataset(
        torch.from_numpy(np.ascontiguousarray(stacked)),
        torch.tensor([index[name] for name in names]),
        labels,
    )


def _files(path: Path) -> Iterable[tuple[str, bytes]]:
    suffixes = ('.jpg', '.jpeg', '.png')
    if path.is_dir():
        for file in sorted(path.glob('*/*')):
            if file.suffix.lower() in suffixes:
                yield str(file.relative_to(path)), file.read_bytes()
        return
    try:
        with tarfile.open(path) as tar:
            members = [m for m in tar if m.isfile() and m.name.lower().endswith(suffixes)]
            for member in sorted(members, key=lambda m: m.name):
                stream = tar.extractfile(member)
                assert stream is not None
                if Path(member.name).parent.name:
                    yield member.name, stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f'data set {path} is no folder and no whole tar file: {error}') from error
