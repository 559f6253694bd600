# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""OFA-ProxylessNAS: Once-for-All (arXiv 1908.09791) on ProxylessNAS (arXiv 1812.00332).

Five stages of two to four inverted residual blocks and one more block; no squeeze-and-excitation,
and ReLU6 throughout. Each block chooses kernel size 3, 5 or 7 and expand ratio 3, 4 or 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticSubnet, copy_linear
from dynofa_ros.supernet.inverted_residual import InvertedResidualSpec, InvertedResidualSupernet
from dynofa_ros.supernet.layers import ConvBatchNorm, new_classifier
from dynofa_ros.supernet.search_space import inverted_residual_space

_EPS = 1e-3
"""Of every batch norm; the other families use 1e-5."""


@dataclass(frozen=True, kw_only=True)
class ProxylessSpec(InvertedResidualSpec):
    """Sizes of one OFA-ProxylessNAS supernet; the defaults are those for ImageNet."""

    widths: tuple[int, ...] = (32, 16, 24, 40, 80, 96, 192, 320)
    strides: tuple[int, ...] = (2, 2, 2, 1, 2, 1)


class OFAProxylessNAS(InvertedResidualSupernet):
    """The supernet of ProxylessNAS."""

    spec: ProxylessSpec

    def __init__(self, spec: ProxylessSpec) -> None:
        stages = len(spec.strides)
        super().__init__(
            spec,
            stem_activation=nn.ReLU6,
            activations=(nn.ReLU6,) * (1 + stages),
            squeeze_excite=(False,) * stages,
            eps=_EPS,
        )
        mix = spec.channels(spec.feature_mix)
        self.feature_mix = ConvBatchNorm(
            self.feature_channels, mix, 1, 1, activation=nn.ReLU6, eps=_EPS
        )
        self.classifier = new_classifier(mix, spec.classes)
        self.name_batch_norms()

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        x = self.feature_mix(self.features(x, config, mode), mode)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        mode = self.stored(config)
        return StaticSubnet(
            features=[*self.extract_features(config, mode), *self.feature_mix.extract(mode)],
            head=[],
            classifier=copy_linear(self.classifier.weight, self.classifier.bias),
        )


def ofa_proxyless(width: float) -> OFAProxylessNAS:
    """Build the ImageNet supernet; there is an official checkpoint for a width of 1.3."""
    name = f'ofa_proxyless_d234_e346_k357_w{width}'
    space = inverted_residual_space(single_blocks=1)
    return OFAProxylessNAS(ProxylessSpec(name=name, space=space, width=width))
