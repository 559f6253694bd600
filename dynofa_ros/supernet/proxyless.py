"""OFA-ProxylessNAS: Once-for-All (arXiv 1908.09791) on ProxylessNAS (arXiv 1812.00332).

Five stages of two to four inverted residual blocks and one more block; no squeeze-and-excitation,
and ReLU6 throughout. Each block chooses kernel size 3, 5 or 7 and expand ratio 3, 4 or 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dynofa_ros.supernet import imagenet
from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticSubnet, copy_linear, fold_layer, static_features
from dynofa_ros.supernet.inverted_residual import (
    InvertedResidual,
    InvertedResidualSupernet,
    elastic_stage,
)
from dynofa_ros.supernet.layers import ConvBatchNorm, make_divisible
from dynofa_ros.supernet.official_keys import proxyless_key
from dynofa_ros.supernet.search_space import SearchSpace, inverted_residual_space

_EPS = 1e-3
"""Of every batch norm; the other families have 1e-5."""


@dataclass(frozen=True)
class ProxylessSpec:
    """Sizes of one OFA-ProxylessNAS supernet.

    ``widths`` are the output channels of the stem, of the first block and of each stage before
    the width multiplier; ``strides`` those of each stage's first block. ``mean`` and ``std``
    normalise RGB in 0..1.
    """

    name: str
    space: SearchSpace
    classes: int
    width: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    strides: tuple[int, ...] = (2, 2, 2, 1, 2, 1)
    widths: tuple[int, ...] = (32, 16, 24, 40, 80, 96, 192, 320)
    feature_mix: int = 1280


class OFAProxylessNAS(InvertedResidualSupernet):
    """The supernet of ProxylessNAS."""

    spec: ProxylessSpec

    def __init__(self, spec: ProxylessSpec) -> None:
        channels = [make_divisible(c * spec.width) for c in spec.widths]
        super().__init__(
            spec,
            stem=ConvBatchNorm(3, channels[0], 3, 2, activation=nn.ReLU6, eps=_EPS),
            first=InvertedResidual(
                channels[0],
                channels[1],
                kernel_sizes=(3,),
                max_expand=1,
                stride=1,
                activation=nn.ReLU6,
                eps=_EPS,
            ),
            stages=nn.ModuleList(
                elastic_stage(
                    channels[stage + 1],
                    channels[stage + 2],
                    blocks=int(depth.allowed[-1]),
                    stride=spec.strides[stage],
                    space=spec.space,
                    activation=nn.ReLU6,
                    eps=_EPS,
                )
                for stage, depth in enumerate(spec.space.d)
            ),
        )
        mix = make_divisible(spec.feature_mix * spec.width)
        self.feature_mix = ConvBatchNorm(channels[-1], mix, 1, 1, activation=nn.ReLU6, eps=_EPS)
        self.classifier = nn.Linear(mix, spec.classes)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)
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
            features=[*static_features(self, config, mode), *fold_layer(self.feature_mix, mode)],
            head=[],
            classifier=copy_linear(self.classifier),
        )

    def official_key(self, key: str) -> str:
        """Return the name of a weight in the official checkpoints."""
        return proxyless_key(key)


def ofa_proxyless(width: float) -> OFAProxylessNAS:
    """Build the ImageNet supernet; there is an official checkpoint for a width of 1.3."""
    space = inverted_residual_space(
        kernel_sizes=(3, 5, 7),
        expand_ratios=(3, 4, 6),
        depths=(2, 3, 4),
        resolutions=imagenet.RESOLUTIONS,
        stages=5,
        single_blocks=1,
    )
    spec = ProxylessSpec(
        name=f'ofa_proxyless_d234_e346_k357_w{width}',
        space=space,
        classes=imagenet.CLASSES,
        width=width,
        mean=imagenet.MEAN,
        std=imagenet.STD,
    )
    return OFAProxylessNAS(spec)
