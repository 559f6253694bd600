"""Augmentation of training images. All randomness comes in as numbers, so that runs repeat.

Each image has a row of five numbers in 0..1; who draws them for a whole batch and then takes a
part of it gets the same images, whichever process does it.
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
"""Random numbers per image."""
LEAST_AREA = 0.08
ASPECT_RATIOS = (3 / 4, 4 / 3)
"""Of a random part of an image (GoogLeNet, arXiv 1409.4842, section 6)."""


def shift_and_mirror(images: Tensor, draws: Tensor, *, pad: int = 4) -> Tensor:
    """Shift each of (N, 3, H, W) by up to ``pad`` pixels and mirror half of them; float32.

    The augmentation of CIFAR-10 since arXiv 1409.5185, with reflected borders. ``draws`` is (N, 5)
    in 0..1, on the device of the images.
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
    """Cut a random part out of (H, W, 3), resize it to (side, side, 3), mirror half of them.

    The part has 8 % to 100 % of the area and sides of 3:4 to 4:3; one that does not fit is cut off
    at the image's border.
    """
    area, ratio, y, x, mirror = draws
    height, width = bgr.shape[:2]
    part = (LEAST_AREA + (1 - LEAST_AREA) * area) * height * width
    low, high = (math.log(r) for r in ASPECT_RATIOS)
    aspect = math.exp(low + (high - low) * ratio)
    w = max(1, min(width, round(math.sqrt(part * aspect))))
    h = max(1, min(height, round(math.sqrt(part / aspect))))
    top, left = int(y * (height - h + 1)), int(x * (width - w + 1))
    top, left = min(top, height - h), min(left, width - w)
    how = cv2.INTER_AREA if min(h, w) > side else cv2.INTER_LINEAR
    crop = cv2.resize(bgr[top : top + h, left : left + w], (side, side), interpolation=how)
    result: Image = np.ascontiguousarray(crop[:, ::-1] if mirror < 0.5 else crop, np.uint8)
    return result
