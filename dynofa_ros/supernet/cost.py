# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cost of a sub-network, independent of the machine: operations, parameters, layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Cost of one frame."""

    flops: int
    """Floating-point operations of convolutions and matrix products, 2 per multiply-add."""
    parameters: int
    layers: int
    """Convolutions and fully connected layers, which run in sequence."""


def cost(static: nn.Module, resolution: int) -> Cost:
    """Count one (1, 3, r, r) forward pass of an extracted sub-network."""
    # PyTorch counts fused attention on GPUs, but not that on CPUs.
    fused = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}
    counter = FlopCounterMode(display=False, custom_mapping=fused)
    with torch.inference_mode(), counter:
        static(torch.zeros(1, 3, resolution, resolution))
    return Cost(
        flops=counter.get_total_flops(),
        parameters=sum(p.numel() for p in static.parameters()),
        layers=sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in static.modules()),
    )


def _attention_flops(
    q_shape: torch.Size, k_shape: torch.Size, v_shape: torch.Size, *_: Any, **__: Any
) -> int:
    """Count the products of queries, (N, heads, T, C), with keys and of the result with values."""
    n, heads, tokens, channels = q_shape
    return 2 * n * heads * tokens * k_shape[2] * (channels + v_shape[3])
