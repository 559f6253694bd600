# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""OFA-MobileNetV3: the supernet of Once-for-All (arXiv 1908.09791), for any input size.

Five stages of two to four inverted residual blocks; each block chooses kernel size 3, 5 or 7
and expand ratio 3, 4 or 6. Every smaller sub-network uses the first channels, the first blocks
and the transformed kernel centres of the larger ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticSubnet, copy_conv, copy_linear
from dynofa_ros.supernet.inverted_residual import InvertedResidualSpec, InvertedResidualSupernet
from dynofa_ros.supernet.layers import ConvBatchNorm, new_classifier
from dynofa_ros.supernet.search_space import inverted_residual_space


@dataclass(frozen=True, kw_only=True)
class MobileNetV3Spec(InvertedResidualSpec):
    """Sizes of one OFA-MobileNetV3 supernet; the defaults are those for ImageNet."""

    widths: tuple[int, ...] = (16, 16, 24, 40, 80, 112, 160)
    strides: tuple[int, ...] = (2, 2, 2, 1, 2)
    squeeze_excite: tuple[bool, ...] = (False, True, False, True, True)
    hard_swish: tuple[bool, ...] = (False, False, True, True, True)
    final_expand: int = 960
    """Channels of the last convolution of the features, before the width multiplier."""


class OFAMobileNetV3(InvertedResidualSupernet):
    """The supernet of MobileNetV3-Large."""

    spec: MobileNetV3Spec

    def __init__(self, spec: MobileNetV3Spec) -> None:
        super().__init__(
            spec,
            stem_activation=nn.Hardswish,
            activations=(
                nn.ReLU,
                *(nn.Hardswish if hard_swish else nn.ReLU for hard_swish in spec.hard_swish),
            ),
            squeeze_excite=spec.squeeze_excite,
        )
        wide, mix = spec.channels(spec.final_expand), spec.channels(spec.feature_mix)
        self.final_expand = ConvBatchNorm(self.feature_channels, wide, 1, 1)
        self.feature_mix = nn.Conv2d(wide, mix, 1, bias=False)
        self.classifier = new_classifier(mix, spec.classes)
        self.name_batch_norms()

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        x = self.final_expand(self.features(x, config, mode), mode)
        x = F.hardswish(self.feature_mix(x.mean((2, 3), keepdim=True)))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        mode = self.stored(config)
        return StaticSubnet(
            features=[*self.extract_features(config, mode), *self.final_expand.extract(mode)],
            head=[copy_conv(self.feature_mix.weight), nn.Hardswish()],
            classifier=copy_linear(self.classifier.weight, self.classifier.bias),
        )


def ofa_mobilenet_v3(width: float) -> OFAMobileNetV3:
    """Build the ImageNet supernet; there are official checkpoints for widths of 1.0 and 1.2."""
    name = f'ofa_mbv3_d234_e346_k357_w{width}'
    return OFAMobileNetV3(MobileNetV3Spec(name=name, space=inverted_residual_space(), width=width))


def ofa_mbv3_cifar10() -> OFAMobileNetV3:
    """Build the supernet for 32x32 images: the paper's space at half the width.

    The strides give the last two stages a 4x4 map, where the ImageNet network has 7x7.
    """
    spec = MobileNetV3Spec(
        name='ofa_mbv3_cifar10',
        space=inverted_residual_space(resolutions=(20, 24, 28, 32)),
        classes=10,
        width=0.5,
        stem_stride=1,
        strides=(2, 2, 2, 1, 1),
        # Of the training images.
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    return OFAMobileNetV3(spec)
