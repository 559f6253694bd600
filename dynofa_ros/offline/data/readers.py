# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Readers of labelled images: folders, tar files, tables of class indices and CIFAR-10."""

from __future__ import annotations

import csv
import importlib
import re
import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynofa_ros.engine.preprocess import Image
from dynofa_ros.offline.data.archive import archived_images
from dynofa_ros.offline.data.dataset import (
    FILE_BYTES,
    Dataset,
    DecodedImages,
    EncodedImages,
    decode,
)

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
TAR_SUFFIXES = ('', '.tar', '.tar.gz', '.tgz')
TEST_NAMES = ('test', 'val', 'validation')
THUMBNAIL_SIDE = 96
"""Square images of one size up to this side [pixel] are decoded once and held in memory."""
MEMORY_BYTES = 4 * 2**30
"""Largest data set that is held in memory, decoded."""
CIFAR10_PREFIX = 'cifar10:'
TORCHVISION_HELP = (
    'torchvision must be built for the installed torch; install a matching pair in a separate '
    'environment: pip install torch torchvision; or provide the CIFAR-10 images as one folder per '
    'class'
)

Source = Path | bytes
_SHORT = reprlib.Repr()
_SHORT.maxstring = 60


def load_dataset(path: Path | str) -> Dataset:
    """Read a folder or tar file with one folder of images per class.

    Class indices follow the sorted folder names. A folder with ``labels.csv`` (columns
    ``image_id`` and ``imagenet_index``) and ``images/`` has class indices without names.
    ``cifar10:FOLDER`` is the CIFAR-10 test set.

    Raises:
        ValueError: naming the file that is missing or damaged.
    """
    if str(path).startswith(CIFAR10_PREFIX):
        return load_cifar10(str(path), train=False)
    path = Path(path)
    if not path.exists():
        raise ValueError(f'data set {path} does not exist')
    if (path / 'labels.csv').is_file():
        return _indexed_images(path)
    files = sorted(_image_files(path), key=lambda file: file[0])
    if not files:
        raise ValueError(f'{path} holds no images in folders named by class')
    names = [Path(name).parent.name for name, _ in files]
    labels = tuple(sorted(set(names)))
    index = {label: i for i, label in enumerate(labels)}
    return _dataset(path, files, [index[name] for name in names], labels)


def load_training_sets(data: str, test: str | None) -> tuple[Dataset, Dataset]:
    """Read training and test images.

    Without ``test``, ``data`` holds both: ``cifar10:FOLDER``, or a folder with ``train`` and one
    of ``test``, ``val`` and ``validation``, each a folder or a tar file.

    Raises:
        ValueError: naming the file that is missing or damaged, or classes that differ.
    """
    cifar10 = data.startswith(CIFAR10_PREFIX)
    train_path: Path | str = data
    test_path: Path | str | None = data if cifar10 else None
    if not cifar10 and (part := _part(Path(data), ('train',))):
        train_path, test_path = part, _part(Path(data), TEST_NAMES)
    test_path = test or test_path
    if test_path is None:
        raise ValueError(
            f'{data} holds no train alongside {" or ".join(TEST_NAMES)}; name the test images with '
            '--test'
        )
    train_set = load_cifar10(data, train=True) if cifar10 else load_dataset(train_path)
    test_set = load_dataset(test_path)
    if train_set.labels != test_set.labels:
        raise ValueError(
            f'{test_path} has classes {", ".join(test_set.labels)}; '
            f'expected {", ".join(train_set.labels)}, as in {train_path}'
        )
    return train_set, test_set


def load_cifar10(source: str, *, train: bool) -> DecodedImages:
    """Read the training or test images of ``cifar10:FOLDER``, downloading them if necessary.

    Raises:
        ValueError: if the folder is missing from the name, torchvision cannot be imported, or the
            images are neither on disk nor downloadable.
    """
    folder = source.removeprefix(CIFAR10_PREFIX)
    if not folder:
        raise ValueError(f'{source} names no folder; expected {CIFAR10_PREFIX}FOLDER')
    read = _torchvision_datasets().CIFAR10
    try:
        data = read(root=folder, train=train)
    except RuntimeError:  # torchvision raises it for files that are missing or damaged
        try:
            data = read(root=folder, train=train, download=True)
        except (RuntimeError, OSError) as error:
            raise ValueError(
                f'{source}: CIFAR-10 is missing and cannot be downloaded: {error}'
            ) from error
    images = np.ascontiguousarray(np.asarray(data.data, np.uint8).transpose(0, 3, 1, 2))
    classes = torch.tensor(data.targets, dtype=torch.int64)
    return DecodedImages(torch.from_numpy(images), classes, tuple(map(str, data.classes)))


def _torchvision_datasets() -> Any:
    try:
        return importlib.import_module('torchvision.datasets')
    # A build that does not match torch raises RuntimeError: operator torchvision::nms is missing.
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise ValueError(
            f'{CIFAR10_PREFIX} needs torchvision ({error}): {TORCHVISION_HELP}'
        ) from error


def _part(folder: Path, names: Sequence[str]) -> Path | None:
    paths = [folder / f'{name}{suffix}' for name in names for suffix in TAR_SUFFIXES]
    return next((path for path in paths if path.exists()), None)


def _dataset(
    path: Path, files: Sequence[tuple[str, Source]], classes: Sequence[int], labels: tuple[str, ...]
) -> Dataset:
    """Decode thumbnails of one size into memory; keep anything else encoded."""
    indices = torch.tensor(classes, dtype=torch.int64)
    pixels: list[Image] = []
    for name, source in files:
        image = decode(f'{path}: {name}', source)
        first = pixels[0] if pixels else image
        small = image.shape[0] == image.shape[1] <= THUMBNAIL_SIDE
        if not small or image.shape != first.shape or first.nbytes * len(files) > MEMORY_BYTES:
            names = tuple(f'{path}: {name}' for name, _ in files)
            return EncodedImages(names, tuple(source for _, source in files), indices, labels)
        pixels.append(image)
    stacked = np.stack(pixels)[..., ::-1].transpose(0, 3, 1, 2)
    return DecodedImages(torch.from_numpy(np.ascontiguousarray(stacked)), indices, labels)


def _image_files(path: Path) -> Iterator[tuple[str, Source]]:
    if path.is_dir():
        for file in path.glob('*/*'):
            if file.suffix.lower() in IMAGE_SUFFIXES and not file.is_dir():
                yield str(file.relative_to(path)), file
    elif path.is_file():
        yield from archived_images(path, IMAGE_SUFFIXES)
    else:
        raise ValueError(f'data set {path} is a pipe or device; expected a folder or a tar file')


def _indexed_images(path: Path) -> Dataset:
    """Read the images and class indices that ``labels.csv`` lists."""
    table = path / 'labels.csv'
    rows = _table(table)
    if not rows or not {'image_id', 'imagenet_index'} <= set(rows[0]):
        columns = _SHORT.repr(', '.join(map(str, rows[0]))) if rows else 'none'
        raise ValueError(f'{table}: columns are {columns}; expected image_id and imagenet_index')
    on_disk = {file.stem: file for file in (path / 'images').glob('*')}
    classes = []
    for line, row in enumerate(rows, start=2):
        if row['image_id'] not in on_disk:
            raise ValueError(f'{table}, line {line}: images/ has no {_SHORT.repr(row["image_id"])}')
        if not re.fullmatch(r'[0-9]{1,6}', row['imagenet_index'] or ''):
            raise ValueError(
                f'{table}, line {line}: imagenet_index is {_SHORT.repr(row["imagenet_index"])}; '
                'expected an integer from 0 to 999999'
            )
        classes.append(int(row['imagenet_index']))
    files = [(row['image_id'], on_disk[row['image_id']]) for row in rows]
    return _dataset(path, files, classes, ())


def _table(file: Path) -> list[dict[str, str]]:
    if (size := file.stat().st_size) > FILE_BYTES:
        raise ValueError(f'{file} has {size} bytes; expected at most {FILE_BYTES}')
    try:
        with file.open(newline='', encoding='utf-8') as stream:
            return list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f'{file} is not a CSV file: {reason}') from error
