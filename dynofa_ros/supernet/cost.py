"""What a sub-network costs on any machine: operations, parameters, layers."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Convolutions and matrix products that run one after another."""


def cost(static: nn.Module, resolution: int) -> Cost:
    """Count one (1, 3, r, r) forward pass of an extracted sub-network."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        static(torch.zeros(1, 3, resolution, resolution))
    return Cost(
        flops=counter.get_total_flops(),
        parameters=sum(p.numel() for p in static.parameters()),
        layers=sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in static.modules()),
    )
