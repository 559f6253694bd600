# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 through torchvision."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from dynofa_ros.offline.data.dataset import DecodedImages

CIFAR10_PREFIX = 'cifar10:'
TORCHVISION_HELP = (
    'torchvision must be built for the installed torch; install a matching pair in a separate '
    'environment: pip install torch torchvision; or provide the CIFAR-10 images as one folder per '
    'class'
)


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
