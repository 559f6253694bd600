# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Decode compressed pictures within a pixel limit, and refuse those that lack a part."""

from __future__ import annotations

import os
import re
import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from dynofa_ros.engine.picture_size import ImageError, picture_size

# A picture of 8K video (7680 x 4320) is the largest that cameras stream. Decoded it takes 0.1 GB,
# and up to a second.
MAX_PIXELS = 2**25
FORMATS = 'jpeg, png, webp, tiff, bmp, gif, jp2'
# Some cameras pad their frames. libjpeg warns of these bytes, though the picture is complete.
_MOST_PADDING_BYTES = 8
_PADDING = re.compile(rb'Corrupt JPEG data: (\d+) extraneous bytes before marker')
_DAMAGE = re.compile(rb'^(Corrupt JPEG data:|Premature end of JPEG file).*\n?', re.MULTILINE)
_STDERR = 2
_stderr_lock = threading.Lock()


def decode(data: bytes, *, format_: str, flags: int, max_pixels: int) -> NDArray[np.generic]:
    """Return the decoded picture, as `cv2.imdecode` with `flags` returns it.

    Raises:
        ImageError: for a picture of another format, of too many pixels, that is damaged, or whose
            data ends early.
    """
    size = picture_size(data)
    if size is None:
        raise ImageError(
            f'data has {len(data)} bytes that start with {data[:8].hex() or "nothing"}, format '
            f'{format_!r}; expected {FORMATS}'
        )
    if size.pixels > max_pixels:
        raise ImageError(
            f'the {size.format} of {len(data)} bytes claims {size.width} x {size.height} pixels, '
            f'{size.pixels} to decode; expected at most {max_pixels} (parameter max_image_pixels)'
        )
    damage = ''
    try:
        if size.format == 'JPEG':
            image, damage = _decode_jpeg(data, flags)
        else:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(
            f'the {size.format} of {len(data)} bytes does not decode: {error}'
        ) from error
    if image is None:
        raise ImageError(f'the {size.format} of {len(data)} bytes does not decode')
    if damage:
        raise ImageError(f'the JPEG of {len(data)} bytes is damaged or truncated: {damage}')
    if image.shape[:2] not in ((size.height, size.width), (size.width, size.height)):
        raise ImageError(
            f'the {size.format} decodes to {image.shape[1]} x {image.shape[0]} pixels; expected '
            f'{size.width} x {size.height}, as its header says'
        )
    return image


def _decode_jpeg(data: bytes, flags: int) -> tuple[NDArray[np.generic] | None, str]:
    """Return the decoded picture, and the warning that pixels are missing or wrong, if any.

    libjpeg fills in missing pixels and reports this only on standard error, whose descriptor is
    therefore redirected in the meantime; text of other threads is passed on. Bytes of an older
    frame behind a cut stream decode, but to another number of blocks than the frame has: of 343
    pairs of photographs joined at the same offset none passed, and 6 of 400 joined with the same
    one moved by 1 to 5 pixels.
    """
    with _stderr_lock:
        log, saved = os.memfd_create('libjpeg warnings'), os.dup(_STDERR)
        try:
            os.dup2(log, _STDERR)
            try:
                image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            finally:
                os.dup2(saved, _STDERR)
            text = os.pread(log, os.fstat(log).st_size, 0)
        finally:
            os.close(saved)
            os.close(log)
    if not text:
        return image, ''
    if others := _DAMAGE.sub(b'', text):
        os.write(_STDERR, others)
    damage, padding = _DAMAGE.search(text), _PADDING.search(text)
    if damage is None or (padding and int(padding[1]) <= _MOST_PADDING_BYTES):
        return image, ''
    return image, damage[0].decode(errors='replace').strip()
