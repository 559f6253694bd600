"""Batches for training and evaluation: augmentation, resolution, normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def generator(*numbers: int) -> torch.Generator:
    """Return a generator that depends on these numbers and nothing else.

    A step of training draws from ``generator(seed, step)``, so a resumed run repeats exactly.
    """
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(seed)


def augment(images: Tensor, rng: torch.Generator, *, pad: int = 4) -> Tensor:
    """Shift each of (N, 3, H, W) uint8 by up to ``pad`` pixels and mirror half of them."""
    n, _, height, width = images.shape
    padded = F.pad(images.float(), (pad, pad, pad, pad), mode='reflect')
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=rng)
    rows = dy[:, None] + torch.arange(height)
    columns = dx[:, None] + torch.arange(width)
    mirrored = torch.rand(n, generator=rng) < 0.5
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    item = torch.arange(n)[:, None, None]
    return padded[item, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def network_input(
    images: Tensor, resolution: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Turn (N, 3, H, W) in 0..255 into (N, 3, r, r) float32, normalised, channels last."""
    x = images.float()
    if x.shape[-1] != resolution or x.shape[-2] != resolution:
        x = F.interpolate(
            x, size=(resolution, resolution), mode='bilinear', antialias=True, align_corners=False
        )
    scale = 255 * torch.tensor(std).view(3, 1, 1)
    x = x / scale - torch.tensor(mean).view(3, 1, 1) / torch.tensor(std).view(3, 1, 1)
    return x.contiguous(memory_format=torch.channels_last)
