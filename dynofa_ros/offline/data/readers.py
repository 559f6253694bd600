"""Where labelled images come from: folders, tar files, tables of class indices, CIFAR-10."""

from __future__ import annotations

import csv
import importlib
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynofa_ros.engine.preprocess import Image
from dynofa_ros.offline.data.dataset import Dataset, DecodedImages, EncodedImages, decode

CIFAR10_PREFIX = 'cifar10:'
INSTALL = (
    'torchvision must be of the same build as torch; to get a matching pair, in an environment of '
    "its own: pip install torch torchvision; or give CIFAR-10's images as folders named by class"
)


def load_cifar10(source: str, *, train: bool) -> DecodedImages:
    """Read the training or test images of ``cifar10:FOLDER``; download them if they are not there.

    Raises:
        ValueError: if torchvision cannot be imported, saying how to get it, or if the images are
            neither there nor to be had.
    """
    folder = source.removeprefix(CIFAR10_PREFIX)
    if not folder:
        raise ValueError(f'{source} names no folder; give {CIFAR10_PREFIX}FOLDER')
    dataset_of = _torchvision().CIFAR10
    try:
        data = dataset_of(root=folder, train=train)
    except RuntimeError:  # torchvision's word for images that are not there or damaged
        try:
            data = dataset_of(root=folder, train=train, download=True)
        except (RuntimeError, OSError) as error:
            raise ValueError(
                f'{source}: CIFAR-10 is not there, and cannot be downloaded: {error}'
            ) from error
    images = np.ascontiguousarray(np.asarray(data.data, np.uint8).transpose(0, 3, 1, 2))
    classes = torch.tensor(data.targets, dtype=torch.int64)
    return DecodedImages(torch.from_numpy(images), classes, tuple(map(str, data.classes)))


def _torchvision() -> Any:
    try:
        return importlib.import_module('torchvision.datasets')
    # A build that does not fit torch raises RuntimeError: operator torchvision::nms does not exist.
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise ValueError(f'{CIFAR10_PREFIX} needs torchvision ({error}): {INSTALL}') from error


SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
THUMBNAIL_SIDE = 96
"""Square images of one size up to this side [pixel] are decoded once and held in memory."""
MEMORY_BYTES = 4 * 2**30
"""Decoded images that are held in memory at most."""
TAR_SUFFIXES = ('', '.tar', '.tar.gz', '.tgz')
TEST_NAMES = ('test', 'val', 'validation')

Source = Path | bytes


def load_dataset(path: Path | str) -> Dataset:
    """Read a folder or a tar file that holds one folder of images per class.

    Class indices follow the sorted folder names. A folder with ``labels.csv`` (columns
    ``image_id`` and ``imagenet_index``) and ``images/`` has classes by index and no names.
    Also ``cifar10:FOLDER``, of which these are the test images.

    Raises:
        ValueError: naming the file that is missing or damaged.
    """
    if str(path).startswith(CIFAR10_PREFIX):
        return load_cifar10(str(path), train=False)
    path = Path(path)
    if not path.exists():
        raise ValueError(f'data set {path} does not exist')
    if (path / 'labels.csv').is_file():
        return _by_index(path)
    files = sorted(_files(path), key=lambda file: file[0])
    if not files:
        raise ValueError(f'{path} holds no images in folders named by class')
    names = [Path(name).parent.name for name, _ in files]
    labels = tuple(sorted(set(names)))
    index = {label: i for i, label in enumerate(labels)}
    return _images(path, files, [index[name] for name in names], labels)


def load_training_sets(data: str, test: str | None) -> tuple[Dataset, Dataset]:
    """Read training and test images.

    Without ``test``, ``data`` has both: ``cifar10:FOLDER``, or a folder that holds ``train`` and
    one of ``test`` and ``val``, each a folder or a tar file.

    Raises:
        ValueError: naming the file that is missing or damaged, or classes that are not alike.
    """
    train_path: str | Path = data
    test_path: str | Path | None = test
    if not data.startswith(CIFAR10_PREFIX):
        train_path = _part(Path(data), ('train',)) or data
        test_path = test or (None if train_path == data else _part(Path(data), TEST_NAMES))
    elif test is None:
        return load_cifar10(data, train=True), load_cifar10(data, train=False)
    if test_path is None:
        raise ValueError(
            f'{data} holds no train beside a {" or ".join(TEST_NAMES)}: name the test images with '
            '--test'
        )
    cifar10 = isinstance(train_path, str) and train_path.startswith(CIFAR10_PREFIX)
    train_set = load_cifar10(data, train=True) if cifar10 else load_dataset(train_path)
    test_set = load_dataset(test_path)
    if train_set.labels != test_set.labels:
        raise ValueError(
            f'{train_path} has classes {", ".join(train_set.labels)}; '
            f'{test_path} has {", ".join(test_set.labels)}'
        )
    return train_set, test_set


def _part(folder: Path, names: Sequence[str]) -> Path | None:
    paths = [folder / f'{name}{suffix}' for name in names for suffix in TAR_SUFFIXES]
    return next((path for path in paths if path.exists()), None)


def _images(
    path: Path, files: Sequence[tuple[str, Source]], classes: Sequence[int], labels: tuple[str, ...]
) -> Dataset:
    """Hold thumbnails of one size in memory, decoded, and anything else as it is."""
    numbers = torch.tensor(classes, dtype=torch.int64)
    pixels: list[Image] = []
    for name, source in files:
        image = decode(f'{path}: {name}', source)
        first = pixels[0] if pixels else image
        small = image.shape[0] == image.shape[1] <= THUMBNAIL_SIDE
        if not small or image.shape != first.shape or first.nbytes * len(files) > MEMORY_BYTES:
            names = tuple(f'{path}: {name}' for name, _ in files)
            return EncodedImages(names, tuple(source for _, source in files), numbers, labels)
        pixels.append(image)
    stacked = np.stack(pixels)[..., ::-1].transpose(0, 3, 1, 2)
    return DecodedImages(torch.from_numpy(np.ascontiguousarray(stacked)), numbers, labels)


def _files(path: Path) -> Iterator[tuple[str, Source]]:
    if path.is_dir():
        for file in path.glob('*/*'):
            if file.suffix.lower() in SUFFIXES:
                yield str(file.relative_to(path)), file
        return
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                is_image = member.isfile() and member.name.lower().endswith(SUFFIXES)
                if is_image and Path(member.name).parent.name:
                    stream = tar.extractfile(member)
                    assert stream is not None
                    yield member.name, stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f'data set {path} is no folder and no whole tar file: {error}') from error


def _by_index(path: Path) -> Dataset:
    table = path / 'labels.csv'
    with table.open(newline='') as file:
        rows = list(csv.DictReader(file))
    if not rows or not {'image_id', 'imagenet_index'} <= set(rows[0]):
        raise ValueError(f'{table} must have rows with the columns image_id and imagenet_index')
    on_disk = {file.stem: file for file in (path / 'images').glob('*')}
    classes = []
    for line, row in enumerate(rows, start=2):
        if row['image_id'] not in on_disk:
            raise ValueError(f'{table}, line {line}: images/ has no {row["image_id"]}')
        if not str(row['imagenet_index']).isdecimal():
            raise ValueError(
                f'{table}, line {line}: imagenet_index is {row["imagenet_index"]!r}; '
                'it must be an integer from 0'
            )
        classes.append(int(row['imagenet_index']))
    files = [(row['image_id'], on_disk[row['image_id']]) for row in rows]
    return _images(path, files, classes, ())
