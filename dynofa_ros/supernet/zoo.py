"""The supernets this package knows by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dynofa_ros.supernet.efficientnet_lite import efficientnet_lite
from dynofa_ros.supernet.mobilenet_v3 import (
    MobileNetV3Spec,
    OFAMobileNetV3,
    ofa_mobilenet_v3,
)
from dynofa_ros.supernet.proxyless import ofa_proxyless
from dynofa_ros.supernet.resnet import ofa_resnet50
from dynofa_ros.supernet.search_space import inverted_residual_space
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer import vit_cifar10


def _ofa_mbv3_cifar10() -> OFAMobileNetV3:
    # The paper's space at half the width; strides put the last two stages on a 4x4 map of a
    # 32x32 image, where the ImageNet network has 7x7 of 224x224. Mean and standard deviation
    # are those of the training images.
    space = inverted_residual_space(
        kernel_sizes=(3, 5, 7),
        expand_ratios=(3, 4, 6),
        depths=(2, 3, 4),
        resolutions=(20, 24, 28, 32),
        stages=5,
    )
    spec = MobileNetV3Spec(
        name='ofa_mbv3_cifar10',
        space=space,
        classes=10,
        width=0.5,
        stem_stride=1,
        first_stride=1,
        strides=(2, 2, 2, 1, 1),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    return OFAMobileNetV3(spec)


_SUPERNETS: dict[str, Callable[[], Supernet]] = {
    'efficientnet_lite': efficientnet_lite,
    'ofa_mbv3_cifar10': _ofa_mbv3_cifar10,
    'ofa_mbv3_d234_e346_k357_w1.0': partial(ofa_mobilenet_v3, 1.0),
    'ofa_mbv3_d234_e346_k357_w1.2': partial(ofa_mobilenet_v3, 1.2),
    'ofa_proxyless_d234_e346_k357_w1.3': partial(ofa_proxyless, 1.3),
    'ofa_resnet50': ofa_resnet50,
    'vit_cifar10': vit_cifar10,
}


def create_supernet(name: str) -> Supernet:
    """Build a supernet with fresh weights.

    Raises:
        ValueError: for a name that is not known, listing those that are.
    """
    if name not in _SUPERNETS:
        raise ValueError(f'supernet is {name!r}; known: {", ".join(sorted(_SUPERNETS))}')
    return _SUPERNETS[name]()
