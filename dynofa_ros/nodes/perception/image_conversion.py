# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Convert `sensor_msgs/Image` and `CompressedImage` of all colour encodings to BGR arrays.

The layout is validated first, so that a malformed message raises an `ImageError` that names the
field. Colours are converted by `cv_bridge` if a working one is installed, otherwise by
`rosbags-image`. Both receive packed rows, since not every version of them handles row padding.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dynofa_ros.engine.picture_size import ImageError
from dynofa_ros.nodes.perception.compressed_image import FORMATS, MAX_PIXELS, decode

__all__ = ['ENCODINGS', 'ImageError', 'conversion_library', 'to_bgr']


@dataclass(frozen=True)
class _Encoding:
    """Memory layout of an encoding, and its name in the conversion libraries."""

    library_name: str
    pixel_bytes: int
    sample_bytes: int = 1
    even: tuple[str, ...] = ()  # sizes that must be even, since two pixels share chroma
    planes: tuple[int, int] = (1, 1)  # rows of all planes / rows of the image


def _encodings() -> dict[str, _Encoding]:
    table = {
        'bgr8': _Encoding('bgr8', 3),
        'rgb8': _Encoding('rgb8', 3),
        'bgra8': _Encoding('bgra8', 4),
        'rgba8': _Encoding('rgba8', 4),
        'mono8': _Encoding('mono8', 1),
        '8UC1': _Encoding('mono8', 1),
        '8UC3': _Encoding('bgr8', 3),
        '8UC4': _Encoding('bgra8', 4),
        'bgr16': _Encoding('bgr16', 6, 2),
        'rgb16': _Encoding('rgb16', 6, 2),
        'bgra16': _Encoding('bgra16', 8, 2),
        'rgba16': _Encoding('rgba16', 8, 2),
        'mono16': _Encoding('mono16', 2, 2),
    }
    for pattern in ('rggb', 'bggr', 'gbrg', 'grbg'):
        table[f'bayer_{pattern}8'] = _Encoding(f'bayer_{pattern}8', 1)
        table[f'bayer_{pattern}16'] = _Encoding(f'bayer_{pattern}16', 2, 2)
    # Old names in sensor_msgs/image_encodings.hpp: yuv422 is UYVY, yuv422_yuy2 is YUYV.
    for name, library_name in (
        ('uyvy', 'yuv422'),
        ('yuv422', 'yuv422'),
        ('yuyv', 'yuv422_yuy2'),
        ('yuv422_yuy2', 'yuv422_yuy2'),
    ):
        table[name] = _Encoding(library_name, 2, even=('width',))
    for name in ('nv12', 'nv21'):
        table[name] = _Encoding(name, 1, even=('width', 'height'), planes=(3, 2))
    table['nv24'] = _Encoding('nv24', 1, planes=(3, 1))
    return table


ENCODINGS = _encodings()
# Depth, disparity, labels: image_encodings.hpp has names for arrays that are no pictures.
_NO_PICTURE = re.compile(r'(8U|8S|16U|16S|32S|32F|64F)C[1-4]')


@dataclass(frozen=True)
class _PackedImage:
    """A `sensor_msgs/Image` for the conversion libraries: packed rows, native byte order."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


def to_bgr(msg: Any, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Return the pixels of an image message as a BGR uint8 array of shape (height, width, 3).

    `msg` is a `sensor_msgs/Image`, or a `sensor_msgs/CompressedImage` of at most `max_pixels`. For
    `bgr8` the result is a view of the message's memory, with or without row padding. 16-bit samples
    are scaled to 8 bits.

    Raises:
        ImageError: for any message that cannot be converted.
    """
    if hasattr(msg, 'format'):
        return _decode(msg, max_pixels)
    encoding = _checked_encoding(msg)
    try:
        if encoding.library_name == 'bgr8':
            return np.ndarray(
                (msg.height, msg.width, 3), np.uint8, msg.data, strides=(msg.step, 3, 1)
            )
        if encoding.planes != (1, 1):
            return _two_planes(msg, encoding.library_name)
        return _convert(_pack(msg, encoding))
    except Exception as error:  # the libraries raise exceptions of many types
        raise ImageError(
            f'encoding {msg.encoding!r}, {msg.width} x {msg.height}: conversion failed: {error}'
        ) from error


def conversion_library() -> str:
    """Return the library in use: `cv_bridge` or `rosbags-image`."""
    return _library()[0]


def _checked_encoding(msg: Any) -> _Encoding:
    encoding = ENCODINGS.get(msg.encoding)
    if encoding is None:
        raise ImageError(f'encoding is {msg.encoding!r}; expected {", ".join(ENCODINGS)}')
    for name in ('width', 'height'):
        size = getattr(msg, name)
        if size <= 0:
            raise ImageError(f'{name} is {size}; expected above 0')
        if name in encoding.even and size % 2:
            raise ImageError(f'{name} is {size}; expected even for encoding {msg.encoding!r}')
    least = msg.width * encoding.pixel_bytes
    if msg.step < least:
        raise ImageError(
            f'step is {msg.step}; expected at least {least} bytes for width {msg.width} in '
            f'encoding {msg.encoding!r}'
        )
    if encoding.sample_bytes > 1:
        if msg.step % encoding.sample_bytes:
            raise ImageError(
                f'step is {msg.step}; expected a multiple of the {encoding.sample_bytes} bytes per '
                f'sample of encoding {msg.encoding!r}'
            )
        if msg.is_bigendian not in (0, 1):
            raise ImageError(f'is_bigendian is {msg.is_bigendian}; expected 0 or 1')
    rows = msg.height * encoding.planes[0] // encoding.planes[1]
    if len(msg.data) != msg.step * rows:
        raise ImageError(
            f'data has {len(msg.data)} bytes; expected {msg.step * rows}: step {msg.step} x '
            f'{rows} rows (height {msg.height}, encoding {msg.encoding!r})'
        )
    return encoding


def _pack(msg: Any, encoding: _Encoding) -> _PackedImage:
    used = msg.width * encoding.pixel_bytes
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)[:, :used]
    if encoding.sample_bytes == 2 and bool(msg.is_bigendian) != (sys.byteorder == 'big'):
        rows = np.ascontiguousarray(rows).view(np.uint16).byteswap().view(np.uint8)
    return _PackedImage(
        height=msg.height,
        width=msg.width,
        encoding=encoding.library_name,
        is_bigendian=int(sys.byteorder == 'big'),
        step=used,
        data=np.ascontiguousarray(rows).reshape(-1),
    )


def _two_planes(msg: Any, encoding: str) -> NDArray[np.uint8]:
    """Convert a luma plane followed by a plane of interleaved chroma."""
    data = np.frombuffer(msg.data, np.uint8)
    height, width, step = msg.height, msg.width, msg.step
    luma = data[: height * step].reshape(height, step)[:, :width]
    if encoding == 'nv24':
        # OpenCV does not convert 4:4:4: upsample the luma by 2, which makes it an exact 4:2:0.
        chroma = data[height * step :].reshape(height, 2 * step)[:, : 2 * width]
        luma = luma.repeat(2, axis=0).repeat(2, axis=1)
        code = cv2.COLOR_YUV2BGR_NV12
    else:
        chroma = data[height * step :].reshape(height // 2, step)[:, :width]
        code = cv2.COLOR_YUV2BGR_NV21 if encoding == 'nv21' else cv2.COLOR_YUV2BGR_NV12
    chroma = np.ascontiguousarray(chroma).reshape(chroma.shape[0], -1, 2)
    image = cv2.cvtColorTwoPlane(np.ascontiguousarray(luma), chroma, code)
    return np.ascontiguousarray(image[::2, ::2] if encoding == 'nv24' else image, np.uint8)


def _decode(msg: Any, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture; the raw image of a Bayer sensor is converted as an uncompressed one is.

    `format` is `ORIGINAL; CODEC compressed [PIXELS]`, with the encoding of the raw image first
    (compressed_image_transport), or a codec alone.
    """
    original = msg.format.partition(';')[0].strip()
    if 'compresseddepth' in msg.format.lower() or (
        _NO_PICTURE.fullmatch(original) and original not in ENCODINGS
    ):
        raise ImageError(f'format is {msg.format!r}, not a picture; expected {FORMATS}')
    data = bytes(msg.data)
    bayer = original.startswith('bayer_') and original in ENCODINGS
    flags = cv2.IMREAD_UNCHANGED if bayer else cv2.IMREAD_COLOR
    image = decode(data, format_=msg.format, flags=flags, max_pixels=max_pixels)
    if not bayer:
        return np.asarray(image, np.uint8)
    if image.ndim == 3:  # the transport has converted the colours for its codec
        image = decode(data, format_=msg.format, flags=cv2.IMREAD_COLOR, max_pixels=max_pixels)
        return np.asarray(image, np.uint8)
    name = original.rstrip('168') + str(8 * image.itemsize)
    if name not in ENCODINGS:
        raise ImageError(
            f'samples of format {msg.format!r} are {image.dtype}; expected 8 or 16 bits'
        )
    raw = _PackedImage(
        height=image.shape[0],
        width=image.shape[1],
        encoding=ENCODINGS[name].library_name,
        is_bigendian=int(sys.byteorder == 'big'),
        step=image.shape[1] * image.itemsize,
        data=np.ascontiguousarray(image).view(np.uint8).reshape(-1),
    )
    return _convert(raw)


def _convert(image: _PackedImage) -> NDArray[np.uint8]:
    convert = _library()[1]
    if image.encoding.endswith('16'):
        # The libraries' own step from 16 to 8 bits differs: one rounds, the other truncates.
        return np.asarray(cv2.convertScaleAbs(convert(image, 'bgr16'), alpha=255 / 65535), np.uint8)
    return np.asarray(convert(image, 'bgr8'), np.uint8)


@functools.lru_cache(maxsize=1)
def _library() -> tuple[str, Callable[[_PackedImage, str], Any]]:
    try:
        return 'cv_bridge', _cv_bridge()
    except Exception:  # an unusable cv_bridge fails in many ways
        from rosbags.image import message_to_cvimage

        return 'rosbags-image', lambda image, encoding: message_to_cvimage(
            cast(Any, image), encoding
        )


def _cv_bridge() -> Callable[[_PackedImage, str], Any]:
    from cv_bridge import CvBridge

    bridge = CvBridge()

    def convert(image: _PackedImage, encoding: str) -> Any:
        return bridge.imgmsg_to_cv2(image, encoding)

    # The ROS 1 cv-bridge on PyPI can be imported, but its conversion code is missing.
    probe = _PackedImage(1, 1, 'rgb8', 0, 3, np.array([10, 20, 30], np.uint8))
    if convert(probe, 'bgr8').tolist() != [[[30, 20, 10]]]:
        raise ImportError('cv_bridge does not convert')
    return convert
