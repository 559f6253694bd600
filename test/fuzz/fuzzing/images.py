# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of camera images: raw ones of any layout, and compressed ones of any format."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from fuzzing.choices import Choices
from fuzzing.pictures import all_encoded
from fuzzing.target import Target

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 16, 2**16, 2**31, 2**32 - 1)
FORMATS = ('jpeg', 'png', '', 'rgb8; jpeg compressed bgr8', 'bayer_rggb8; png compressed', 'webp')
RESOLUTION = 16


def _consume(message: Any, preprocess: Any) -> None:
    """Convert an image as the perception worker does, down to the input of a network."""
    from dynofa_ros.nodes.perception.image_conversion import to_bgr

    bgr = to_bgr(message)
    if bgr.dtype != np.uint8 or bgr.ndim != 3 or bgr.shape[2] != 3:
        raise AssertionError(f'image is {bgr.shape} of {bgr.dtype}; expected (H, W, 3) of uint8')
    preprocess(bgr)


def raw_image() -> Target:
    """Convert raw images with arbitrary encoding, size, step and amount of data."""
    from dynofa_ros.engine.preprocess import Preprocessor
    from dynofa_ros.nodes.perception.image_conversion import ENCODINGS

    preprocess = Preprocessor(RESOLUTION, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    encodings = [*ENCODINGS, '', 'bgr8 ', '32FC1', '64FC4', '8SC3', '16UC7', 'bayer_rggb32']

    def run(data: bytes) -> None:
        choices = Choices(data)
        encoding = choices.one_of(encodings)
        width, height = (_size(choices) for _ in range(2))
        step = _about(width * (1 + choices.byte() % 8), choices)
        rows = height * (1 + choices.byte() % 6) // 2
        count = _about(min(step * rows, 2**16), choices)
        start = choices.rest()
        message = SimpleNamespace(
            encoding=encoding,
            width=width,
            height=height,
            step=min(step, 2**32 - 1),
            is_bigendian=len(start) % 3,
            data=np.resize(np.frombuffer(start or b'\x7f', np.uint8), min(count, 2**16)),
        )
        _consume(message, preprocess)

    seeds = tuple(
        bytes([index, 8, 4, channels - 1, 0, rows, 0, 11, 60, 200])
        for index in range(len(encodings))
        for channels in (1, 2, 3, 4, 6)
        for rows in (1, 2, 5)
    )
    return Target('raw_image', run, seeds, longest=256)


def _size(choices: Choices) -> int:
    kind = choices.byte()
    return kind if kind < 200 else SIZES[kind % len(SIZES)]


def _about(value: int, choices: Choices) -> int:
    """Return the value itself, or one next to it."""
    kind = choices.byte()
    return max(value + (0 if kind < 160 else kind - 200), 0)


def compressed_image() -> Target:
    """Decode compressed images: damaged JPEG, PNG, WebP, TIFF, BMP, GIF and JPEG 2000."""
    from dynofa_ros.engine.preprocess import Preprocessor

    preprocess = Preprocessor(RESOLUTION, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))

    def run(data: bytes) -> None:
        kind = FORMATS[data[0] % len(FORMATS)] if data else ''
        pixels = np.frombuffer(data[1:], np.uint8)
        _consume(SimpleNamespace(format=kind, data=pixels), preprocess)

    pictures = all_encoded()
    seeds = tuple(bytes([index % 3]) + each for index, each in enumerate(pictures))
    return Target('compressed_image', run, seeds, longest=4096)
