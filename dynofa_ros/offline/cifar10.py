"""CIFAR-10 through torchvision, which is not needed for anything else."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from dynofa_ros.offline.labelled_images import DecodedImages

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
