# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The supernets that the package knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from dynofa_ros.supernet.architecture import Architecture, architecture_of, resized
from dynofa_ros.supernet.efficientnet_lite import efficientnet_lite
from dynofa_ros.supernet.mobilenet_v3 import ofa_mbv3_cifar10, ofa_mobilenet_v3
from dynofa_ros.supernet.proxyless import ofa_proxyless
from dynofa_ros.supernet.resnet import ofa_resnet50
from dynofa_ros.supernet.slimmable import slimmable_mbv2_cifar10, slimmable_mobilenet_v2
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer import vit_cifar10

_SUPERNETS: dict[str, Callable[[], Supernet]] = {
    'efficientnet_lite': efficientnet_lite,
    'ofa_mbv3_cifar10': ofa_mbv3_cifar10,
    'ofa_mbv3_d234_e346_k357_w1.0': partial(ofa_mobilenet_v3, 1.0),
    'ofa_mbv3_d234_e346_k357_w1.2': partial(ofa_mobilenet_v3, 1.2),
    'ofa_proxyless_d234_e346_k357_w1.3': partial(ofa_proxyless, 1.3),
    'ofa_resnet50': ofa_resnet50,
    'slimmable_mbv2': slimmable_mobilenet_v2,
    'slimmable_mbv2_cifar10': slimmable_mbv2_cifar10,
    'vit_cifar10': vit_cifar10,
}


def create_supernet(
    name: str,
    *,
    classes: int | None = None,
    resolutions: Sequence[int] | None = None,
    width: float | None = None,
) -> Supernet:
    """Build a supernet with fresh weights, by default as it was published.

    ``classes``, ``resolutions`` [pixel] and the width multiplier ``width`` replace its own.

    Raises:
        ValueError: for an unknown name, listing the known ones, or naming the value that is not
            allowed.
    """
    if classes is None and resolutions is None and width is None:
        return _constructor(name)()
    architecture = published_architecture(name)
    return resized(architecture, classes=classes, resolutions=resolutions, width=width).build(name)


def published_architecture(name: str) -> Architecture:
    """Return the architecture of a supernet.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    with torch.device('meta'):  # for its sizes alone
        return architecture_of(_constructor(name)())


def architecture_changes(net: Supernet) -> dict[str, Any]:
    """Return what differs from the published supernet of this name; all of an unknown one.

    Raises:
        ValueError: if the architecture is of no known family.
    """
    found = architecture_of(net).to_dict()
    if net.spec.name not in _SUPERNETS:
        return found
    published = published_architecture(net.spec.name).to_dict()
    return {key: value for key, value in found.items() if published.get(key) != value}


def _constructor(name: str) -> Callable[[], Supernet]:
    if name not in _SUPERNETS:
        raise ValueError(f'supernet is {name!r}; expected {", ".join(sorted(_SUPERNETS))}')
    return _SUPERNETS[name]
