# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite 0, 1 and 2 at any resolution, as one family (EfficientNet, arXiv 1905.11946).

The Lite variants have no squeeze-and-excitation, use ReLU6, and scale neither stem nor head
(TensorFlow blog, 16 March 2020). A sub-network is a variant at a resolution. Variants share no
weights and therefore need no batch norm calibration.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig, SubnetConfigError
from dynofa_ros.supernet.efficientnet_lite_layers import LiteBlock, SameConvNorm
from dynofa_ros.supernet.extract import StaticSubnet, copy_linear
from dynofa_ros.supernet.layers import make_divisible, new_classifier
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec

MULTIPLIERS = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""Width and depth multiplier of each variant."""
# EfficientNet-B0 (arXiv 1905.11946, table 1): blocks, kernel, stride, expand ratio, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


@dataclass(frozen=True, kw_only=True)
class VariantSpace(SearchSpace):
    """Variants and resolutions; the error for an unavailable variant includes the remedy."""

    left_out: tuple[tuple[int, str], ...] = ()
    """Variants of the family that are not in this space, each with the remedy."""

    def validate(self, config: SubnetConfig) -> None:
        """Check that a config is in this space.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        try:
            super().validate(config)
        except SubnetConfigError as error:
            for variant, remedy in self.left_out:
                if config.v == (variant,):
                    raise SubnetConfigError(f'{error}; {remedy}') from error
            raise


@dataclass(frozen=True, kw_only=True)
class EfficientNetLiteSpec(SupernetSpec):
    """Sizes of the family."""

    space: VariantSpace


class LiteNetwork(nn.Module):
    """One variant."""

    def __init__(self, variant: int, classes: int) -> None:
        super().__init__()
        width, depth = MULTIPLIERS[variant]
        self.stem = SameConvNorm(3, STEM_CHANNELS, 3, stride=2)
        self.blocks = nn.ModuleList(_blocks(width, depth))
        self.head = SameConvNorm(make_divisible(STAGES[-1][-1] * width), HEAD_CHANNELS, 1)
        self.classifier = new_classifier(HEAD_CHANNELS, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, side, side) to logits, (N, classes)."""
        x = F.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.classifier(F.relu6(self.head(x)).mean((2, 3)))
        return logits

    def extract(self, side: int) -> StaticSubnet:
        """Return the network for one input side, with batch norm folded."""
        layers = [*self.stem.extract(side), nn.ReLU6()]
        side = self.stem.output_side(side)
        for block in self.blocks:
            assert isinstance(block, LiteBlock)
            layers.append(block.extract(side))
            side = block.depthwise.output_side(side)
        layers += [*self.head.extract(side), nn.ReLU6()]
        return StaticSubnet(layers, (), copy_linear(self.classifier.weight, self.classifier.bias))


class EfficientNetLite(Supernet):
    """Variants of EfficientNet-Lite; ``v`` selects the variant and ``r`` its resolution."""

    spec: EfficientNetLiteSpec

    def __init__(self, spec: EfficientNetLiteSpec) -> None:
        super().__init__(spec)
        self.variants = nn.ModuleDict(
            {str(v): LiteNetwork(int(v), spec.classes) for v in spec.space.allowed('v')}
        )

    def network(self, variant: int) -> LiteNetwork:
        """Return the network of one variant."""
        network = self.variants[str(variant)]
        assert isinstance(network, LiteNetwork)
        return network

    def weights_of(self, config: SubnetConfig) -> nn.Module:
        """Return the variant, which does not depend on the other ones."""
        return self.network(int(config.v[0]))

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a variant on (N, 3, r, r); return (N, classes). Its batch norm needs no ``mode``."""
        return self.network(int(config.v[0]))(x)

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a variant as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        return self.network(int(config.v[0])).extract(config.r)

    def leave_out(self, remedies: Mapping[int, str]) -> None:
        """Remove some variants; a config that uses one is refused with its remedy."""
        allowed = tuple(v for v in self.space.allowed('v') if v not in remedies)
        space = replace(
            self.spec.space, v=(ElasticDimension(allowed),), left_out=tuple(remedies.items())
        )
        self.spec = replace(self.spec, space=space)
        self.space = space
        for variant in remedies:
            del self.variants[str(variant)]
        self.set_active_subnet(space.max_config())


def efficientnet_lite() -> EfficientNetLite:
    """Build the family for ImageNet."""
    # The variants were trained at 224, 240 and 260 pixels, on inputs (x - 127) / 128.
    return EfficientNetLite(
        EfficientNetLiteSpec(
            name='efficientnet_lite',
            space=VariantSpace(
                v=(ElasticDimension(tuple(MULTIPLIERS)),), resolutions=tuple(range(128, 261, 4))
            ),
            mean=(127 / 255,) * 3,
            std=(128 / 255,) * 3,
        )
    )


def _blocks(width: float, depth: float) -> Iterator[LiteBlock]:
    channels = STEM_CHANNELS
    for index, (count, kernel_size, stride, expand, base) in enumerate(STAGES):
        out_channels = make_divisible(base * width)
        scaled = 0 < index < len(STAGES) - 1
        for block in range(math.ceil(count * depth) if scaled else count):
            first = block == 0
            yield LiteBlock(
                channels, out_channels, kernel_size, stride=stride if first else 1, expand=expand
            )
            channels = out_channels
