# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Small valid pictures of every format: seeds of the image targets."""

from __future__ import annotations

import cv2
import numpy as np

SUFFIXES = ('.jpg', '.png', '.webp', '.tiff', '.bmp', '.gif', '.jp2')
# TIFF is read through libtiff, GIF and JPEG 2000 by OpenCV itself where it was built with them.


def pixels(side: int = 8) -> np.ndarray:
    """Return a coloured square, (side, side, 3) uint8 BGR."""
    ramp = np.arange(side * side * 3, dtype=np.uint32) * 37 % 251
    return ramp.astype(np.uint8).reshape(side, side, 3)


def encoded(suffix: str, side: int = 8) -> bytes:
    """Return a picture in a format; raises RuntimeError if OpenCV does not write it."""
    try:
        done, data = cv2.imencode(suffix, pixels(side))
    except cv2.error as error:
        raise RuntimeError(f'OpenCV does not write {suffix}') from error
    if not done:
        raise RuntimeError(f'OpenCV does not write {suffix}')
    return data.tobytes()


def all_encoded() -> tuple[bytes, ...]:
    """Return a picture of every format, and the kinds that OpenCV writes on request only."""
    pictures = [encoded(suffix) for suffix in SUFFIXES if writes(suffix)]
    gray, bilevel = pixels()[..., 0], [cv2.IMWRITE_PNG_BILEVEL, 1]
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1]
    pictures.append(cv2.imencode('.jpg', pixels(), progressive)[1].tobytes())
    pictures.append(cv2.imencode('.png', pixels().astype(np.uint16) * 200)[1].tobytes())
    pictures.append(cv2.imencode('.png', gray, bilevel)[1].tobytes())
    return tuple(pictures)


def writes(suffix: str) -> bool:
    """Return whether this build of OpenCV writes a format."""
    try:
        encoded(suffix)
    except RuntimeError:
        return False
    return True
