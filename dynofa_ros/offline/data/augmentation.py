# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Augmentation of training images from random numbers that the caller draws.

Each image takes a row of five numbers in 0..1. The caller draws them for the whole batch, so the
images are the same however many processes share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dynofa_ros.engine.preprocess import Image

DRAWS = 5
"""Random numbers needed per image."""
MIN_AREA = 0.08
"""Smallest crop, as a fraction of the image area."""
ASPECT_RATIOS = (3 / 4, 4 / 3)
"""Limits of the crop's width / height (GoogLeNet, arXiv 1409.4842, section 6)."""


def shift_and_flip(images: Tensor, draws: Tensor, *, pad: int = 4) -> Tensor:
    """Shift (N, 3, H, W) images by up to ``pad`` pixels and flip half of them; return float32.

    The usual augmentation of CIFAR-10 (arXiv 1409.5185), with reflected borders. ``draws`` is
    (N, 5) in 0..1, on the images' device.
    """
    n, _, height, width = images.shape
    padded = F.pad(images.float(), (pad, pad, pad, pad), mode='reflect')
    dy, dx = (draws[:, :2] * (2 * pad + 1)).long().clamp(max=2 * pad).unbind(1)
    rows = dy[:, None] + torch.arange(height, device=images.device)
    columns = dx[:, None] + torch.arange(width, device=images.device)
    columns = torch.where(draws[:, 2:3] < 0.5, columns.flip(1), columns)
    item = torch.arange(n, device=images.device)[:, None, None]
    return padded[item, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_resized_crop(bgr: Image, draws: Sequence[float], side: int) -> Image:
    """Crop a random part of an (H, W, 3) image, resize it to (side, side, 3), flip half of them.

    The crop covers 8 % to 100 % of the area at an aspect ratio of 3:4 to 4:3; it is clipped to the
    image. ``draws`` holds five numbers in 0..1.
    """
    area, ratio, y, x, flip = draws
    height, width = bgr.shape[:2]
    pixels = (MIN_AREA + (1 - MIN_AREA) * area) * height * width
    low, high = (math.log(r) for r in ASPECT_RATIOS)
    aspect = math.exp(low + (high - low) * ratio)
    w = max(1, min(width, round(math.sqrt(pixels * aspect))))
    h = max(1, min(height, round(math.sqrt(pixels / aspect))))
    top, left = int(y * (height - h + 1)), int(x * (width - w + 1))
    top, left = min(top, height - h), min(left, width - w)
    method = cv2.INTER_AREA if min(h, w) > side else cv2.INTER_LINEAR
    crop = cv2.resize(bgr[top : top + h, left : left + w], (side, side), interpolation=method)
    result: Image = np.ascontiguousarray(crop[:, ::-1] if flip < 0.5 else crop, np.uint8)
    return result
