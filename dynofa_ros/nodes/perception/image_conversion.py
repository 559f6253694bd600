"""Convert `sensor_msgs/Image` and `CompressedImage` of all common encodings to BGR arrays.

The layout is validated first, so that a malformed message raises an `ImageError` that names the
field. Colours are converted by `cv_bridge` if a working one is installed, otherwise by
`rosbags-image`. Both receive packed rows, since not every version of them handles row padding.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class ImageError(ValueError):
    """An image message that cannot be converted."""


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
        'bgr16': _Encoding('bgr16', 6, 2),
        'rgb16': _Encoding('rgb16', 6, 2),
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


@dataclass(frozen=True)
class _PackedImage:
    """A `sensor_msgs/Image` for the conversion libraries: packed rows, native byte order."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


def to_bgr(msg: Any) -> NDArray[np.uint8]:
    """Return the pixels of an image message as a BGR uint8 array of shape (height, width, 3).

    `msg` is a `sensor_msgs/Image` or `sensor_msgs/CompressedImage` (JPEG or PNG). For `bgr8` the
    result is a view of the message's memory, with or without row padding. 16-bit samples are scaled
    to 8 bits.

    Raises:
        ImageError: for any message that cannot be converted.
    """
    if hasattr(msg, 'format'):
        return _decode(msg)
    encoding = _checked_encoding(msg)
    try:
        if encoding.library_name == 'bgr8':
            return np.ndarray(
                (msg.height, msg.width, 3), np.uint8, msg.data, strides=(msg.step, 3, 1)
            )
        if encoding.planes != (1, 1):
            return _two_planes(msg, encoding.library_name)
        image = _library()[1](_pack(msg, encoding))
    except Exception as error:  # the libraries raise exceptions of many types
        raise ImageError(
            f'encoding {msg.encoding!r}, {msg.width} x {msg.height}: conversion failed: {error}'
        ) from error
    return np.asarray(image, np.uint8)


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


def _decode(msg: Any) -> NDArray[np.uint8]:
    if 'compresseddepth' in msg.format.lower():
        raise ImageError(f'format is {msg.format!r}, a depth image; expected jpeg, png')
    data = bytes(msg.data)
    if data.startswith(b'\xff\xd8\xff'):
        # OpenCV fills the missing part of a truncated JPEG with grey and only warns. Markers do not
        # occur in coded pixels, so the end marker must follow the start of the last scan.
        complete = data.rfind(b'\xff\xd9') > data.rfind(b'\xff\xda')
        kind = 'JPEG'
    elif data.startswith(b'\x89PNG\r\n\x1a\n'):
        complete = data.rfind(b'IEND') >= 0
        kind = 'PNG'
    else:
        raise ImageError(
            f'data has {len(data)} bytes that start with {data[:8].hex() or "nothing"}, format '
            f'{msg.format!r}; expected jpeg, png'
        )
    if not complete:
        raise ImageError(f'the {kind} is truncated: {len(data)} bytes without an end marker')
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError(f'the {kind} of {len(data)} bytes does not decode: {error}') from error
    if image is None:
        raise ImageError(f'the {kind} of {len(data)} bytes does not decode')
    return np.asarray(image, np.uint8)


@functools.lru_cache(maxsize=1)
def _library() -> tuple[str, Callable[[_PackedImage], Any]]:
    try:
        return 'cv_bridge', _cv_bridge()
    except Exception:  # an unusable cv_bridge fails in many ways
        from rosbags.image import message_to_cvimage

        return 'rosbags-image', lambda image: message_to_cvimage(image, 'bgr8')


def _cv_bridge() -> Callable[[_PackedImage], Any]:
    from cv_bridge import CvBridge

    bridge = CvBridge()

    def convert(image: _PackedImage) -> Any:
        return bridge.imgmsg_to_cv2(image, 'bgr8')

    # The ROS 1 cv-bridge on PyPI can be imported, but its conversion code is missing.
    probe = _PackedImage(1, 1, 'rgb8', 0, 3, np.array([10, 20, 30], np.uint8))
    if convert(probe).tolist() != [[[30, 20, 10]]]:
        raise ImportError('cv_bridge does not convert')
    return convert
