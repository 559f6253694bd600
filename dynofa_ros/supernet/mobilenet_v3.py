"""OFA-MobileNetV3: the supernet of Once-for-All (arXiv 1908.09791), for any input size.

Five stages of two to four inverted residual blocks; each block chooses kernel size 3, 5 or 7
and expand ratio 3, 4 or 6. Every smaller sub-network uses the first channels, the first blocks
and the transformed kernel centres of the larger ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet import imagenet
from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import (
    StaticSubnet,
    copy_conv,
    copy_linear,
    fold_layer,
    static_features,
)
from dynofa_ros.supernet.inverted_residual import (
    InvertedResidual,
    InvertedResidualSupernet,
    elastic_stage,
)
from dynofa_ros.supernet.layers import ConvBatchNorm, make_divisible
from dynofa_ros.supernet.official_keys import mobilenet_v3_key
from dynofa_ros.supernet.search_space import SearchSpace, inverted_residual_space


@dataclass(frozen=True)
class MobileNetV3Spec:
    """Sizes of one OFA-MobileNetV3 supernet.

    ``widths`` are the output channels of the stem, of the first block and of each stage before
    the width multiplier. ``strides`` are those of the first block and of each stage's first
    block. ``mean`` and ``std`` normalise RGB in 0..1.
    """

    name: str
    space: SearchSpace
    classes: int
    width: float
    stem_stride: int
    first_stride: int
    strides: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    widths: tuple[int, ...] = (16, 16, 24, 40, 80, 112, 160)
    squeeze_excite: tuple[bool, ...] = (False, True, False, True, True)
    hard_swish: tuple[bool, ...] = (False, False, True, True, True)
    final_expand: int = 960
    feature_mix: int = 1280
    dropout: float = field(default=0.0)


class OFAMobileNetV3(InvertedResidualSupernet):
    """The supernet of MobileNetV3-Large."""

    spec: MobileNetV3Spec

    def __init__(self, spec: MobileNetV3Spec) -> None:
        channels = [make_divisible(c * spec.width) for c in spec.widths]
        super().__init__(
            spec,
            stem=ConvBatchNorm(3, channels[0], 3, spec.stem_stride),
            first=InvertedResidual(
                channels[0],
                channels[1],
                kernel_sizes=(3,),
                max_expand=1,
                stride=spec.first_stride,
                activation=nn.ReLU,
            ),
            stages=nn.ModuleList(
                elastic_stage(
                    channels[stage + 1],
                    channels[stage + 2],
                    blocks=int(depth.allowed[-1]),
                    stride=spec.strides[stage],
                    space=spec.space,
                    activation=nn.Hardswish if spec.hard_swish[stage] else nn.ReLU,
                    squeeze_excite=spec.squeeze_excite[stage],
                )
                for stage, depth in enumerate(spec.space.d)
            ),
        )
        wide = make_divisible(spec.final_expand * spec.width)
        self.final_expand = ConvBatchNorm(channels[-1], wide, 1, 1)
        mix = make_divisible(spec.feature_mix * spec.width)
        self.feature_mix = nn.Conv2d(wide, mix, 1, bias=False)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(mix, spec.classes)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)
        self.name_batch_norms()

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        x = self.final_expand(self.features(x, config, mode), mode)
        x = F.hardswish(self.feature_mix(x.mean((2, 3), keepdim=True)))
        logits: Tensor = self.classifier(self.dropout(x.flatten(1)))
        return logits

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        mode = self.stored(config)
        return StaticSubnet(
            features=[*static_features(self, config, mode), *fold_layer(self.final_expand, mode)],
            head=[copy_conv(self.feature_mix.weight), nn.Hardswish()],
            classifier=copy_linear(self.classifier),
        )

    def official_key(self, key: str) -> str:
        """Return the name of a weight in the official checkpoints."""
        return mobilenet_v3_key(key)


def ofa_mobilenet_v3(width: float) -> OFAMobileNetV3:
    """Build the ImageNet supernet; there are official checkpoints for widths of 1.0 and 1.2."""
    space = inverted_residual_space(
        kernel_sizes=(3, 5, 7),
        expand_ratios=(3, 4, 6),
        depths=(2, 3, 4),
        resolutions=imagenet.RESOLUTIONS,
        stages=5,
    )
    spec = MobileNetV3Spec(
        name=f'ofa_mbv3_d234_e346_k357_w{width}',
        space=space,
        classes=imagenet.CLASSES,
        width=width,
        stem_stride=2,
        first_stride=1,
        strides=(2, 2, 2, 1, 2),
        mean=imagenet.MEAN,
        std=imagenet.STD,
    )
    return OFAMobileNetV3(spec)
