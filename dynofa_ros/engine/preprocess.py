"""From a camera image to a network's input."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Input = npt.NDArray[np.float32]


class Preprocessor:
    """Centre square, resize, RGB, normalise; writes into one buffer that it keeps.

    ``mean`` and ``std`` are per channel, RGB, of values in 0..1.
    """

    def __init__(
        self, resolution: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        self.resolution = resolution
        self._scale = (1 / (255 * np.array(std, np.float32))).reshape(3, 1, 1)
        offset = -np.array(mean, np.float32) / np.array(std, np.float32)
        self._offset = offset.astype(np.float32).reshape(3, 1, 1)
        self._input = np.empty((1, 3, resolution, resolution), np.float32)

    def __call__(self, bgr: Image) -> Input:
        """Map (H, W, 3) uint8 BGR to (1, 3, r, r) float32; valid until the next call."""
        side = min(bgr.shape[:2])
        top, left = (bgr.shape[0] - side) // 2, (bgr.shape[1] - side) // 2
        square = bgr[top : top + side, left : left + side]
        # Area averaging does not alias when shrinking; enlarging needs interpolation.
        how = cv2.INTER_AREA if side > self.resolution else cv2.INTER_LINEAR
        small = cv2.resize(square, (self.resolution, self.resolution), interpolation=how)
        rgb = small[..., ::-1].transpose(2, 0, 1)
        np.multiply(rgb, self._scale, out=self._input[0])
        self._input[0] += self._offset
        return self._input
