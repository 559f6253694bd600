# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The supernets that the package knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from dynofa_ros.supernet.architecture import architecture_of, resized
from dynofa_ros.supernet.efficientnet_lite import efficientnet_lite
from dynofa_ros.supernet.mobilenet_v3 import ofa_mbv3_cifar10, ofa_mobilenet_v3
from dynofa_ros.supernet.proxyless import ofa_proxyless
from dynofa_ros.supernet.resnet import ofa_resnet50
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer import vit_cifar10

_SUPERNETS: dict[str, Callable[[], Supernet]] = {
    'efficientnet_lite': efficientnet_lite,
    'ofa_mbv3_cifar10': ofa_mbv3_cifar10,
    'ofa_mbv3_d234_e346_k357_w1.0': partial(ofa_mobilenet_v3, 1.0),
    'ofa_mbv3_d234_e346_k357_w1.2': partial(ofa_mobilenet_v3, 1.2),
    'ofa_proxyless_d234_e346_k357_w1.3': partial(ofa_proxyless, 1.3),
    'ofa_resnet50': ofa_resnet50,
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
    if name not in _SUPERNETS:
        raise ValueError(f'supernet is {name!r}; expected {", ".join(sorted(_SUPERNETS))}')
    if classes is None and resolutions is None and width is None:
        return _SUPERNETS[name]()
    with torch.device('meta'):  # for its sizes alone
        published = _SUPERNETS[name]()
    architecture = architecture_of(published)
    return resized(architecture, classes=classes, resolutions=resolutions, width=width).build(name)
