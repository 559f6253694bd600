"""Camera images to BGR arrays: `sensor_msgs/Image` and `CompressedImage` of every common encoding.

The layout is checked before anything is converted, so a driver that sends nonsense costs one
`ImageError` that says what was wrong. The colours are converted by `cv_bridge` where a working one
imports, else by `rosbags-image`; both get a packed image, because neither handles row padding in
every version.
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
    """An image message that cannot be converted; the text names the field, its value, the rule."""


@dataclass(frozen=True)
class _Encoding:
    """How one encoding lies in memory, and the name the conversion libraries know it by."""

    library_name: str
    pixel_bytes: int
    sample_bytes: int = 1
    even: tuple[str, ...] = ()  # sizes that must be even, because chroma is shared by two pixels
    planes: tuple[int, int] = (1, 1)  # rows of all planes together / rows of the image


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
    # sensor_msgs/image_encodings.hpp: yuv422 is UYVY and yuv422_yuy2 is YUYV, by their old names.
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
    """What the conversion libraries read of a `sensor_msgs/Image`, rows packed, native bytes."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


def to_bgr(msg: Any) -> NDArray[np.uint8]:
    """Return the pixels of an image message as a uint8 array (height, width, 3), blue first.

    `msg` is a `sensor_msgs/Image` or `sensor_msgs/CompressedImage` (JPEG or PNG). `bgr8` gives a
    view of the message's own memory, padded rows included; every other encoding is converted once.
    16-bit samples are scaled to 8 bits. Raises `ImageError`, and nothing else, for a message that
    cannot be converted.
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
    except Exception as error:  # what a library raises about this frame is about this frame only
        raise ImageError(
            f'encoding {msg.encoding!r}, {msg.width} x {msg.height}: conversion failed: {error}'
        ) from error
    return np.asarray(image, np.uint8)


def conversion_library() -> str:
    """Return which library converts colours here: `cv_bridge` or `rosbags-image`."""
    return _library()[0]


def _checked_encoding(msg: Any) -> _Encoding:
    encoding = ENCODINGS.get(msg.encoding)
    if encoding is None:
        raise ImageError(f'encoding {msg.encoding!r} is unknown; expected {", ".join(ENCODINGS)}')
    for name in ('width', 'height'):
        size = getattr(msg, name)
        if size <= 0:
            raise ImageError(f'{name} {size} is not above 0')
        if name in encoding.even and size % 2:
            raise ImageError(f'{name} {size} is odd; encoding {msg.encoding!r} needs an even one')
    least = msg.width * encoding.pixel_bytes
    if msg.step < least:
        raise ImageError(
            f'step {msg.step} is too small: width {msg.width} in encoding {msg.encoding!r} needs '
            f'at least {least} bytes a row'
        )
    if encoding.sample_bytes > 1:
        if msg.step % encoding.sample_bytes:
            raise ImageError(
                f'step {msg.step} is no multiple of {encoding.sample_bytes}, the bytes of one '
                f'sample of encoding {msg.encoding!r}'
            )
        if msg.is_bigendian not in (0, 1):
            raise ImageError(f'is_bigendian {msg.is_bigendian} is neither 0 nor 1')
    rows = msg.height * encoding.planes[0] // encoding.planes[1]
    if len(msg.data) != msg.step * rows:
        raise ImageError(
            f'data has {len(msg.data)} bytes; step {msg.step} x {rows} rows (height {msg.height}, '
            f'encoding {msg.encoding!r}) is {msg.step * rows}'
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
    """Convert a luma plane followed by an interleaved chroma plane; `height` counts luma rows."""
    data = np.frombuffer(msg.data, np.uint8)
    height, width, step = msg.height, msg.width, msg.step
    luma = data[: height * step].reshape(height, step)[:, :width]
    if encoding == 'nv24':
        # OpenCV has no 4:4:4 form: doubling the luma makes this chroma a 4:2:0 one, exactly.
        chroma = data[height * step :].reshape(height, 2 * step)[:, : 2 * width]
        luma = luma.repeat(2, axis=0).repeat(2, axis=1)
        code = cv2.COLOR_YUV2BGR_NV12
    else:
        chroma = data[height * step :].reshape(height // 2, step)[:, :width]
        code = cv2.COLOR_YUV2BGR_NV21 if encoding == 'nv21' else cv2.COLOR_YUV2BGR_NV12
    chroma = np.ascontiguousarray(chroma).reshape(chroma.shape[0], -1, 2)
    image = cv2.cvtColorTwoPlane(np.ascontiguousarray(luma), chroma, code)
    return np.ascontiguousarray(image[::2, ::2]) if encoding == 'nv24' else image


def _decode(msg: Any) -> NDArray[np.uint8]:
    if 'compresseddepth' in msg.format.lower():
        raise ImageError(f'format {msg.format!r} is a depth image; expected jpeg, png')
    data = bytes(msg.data)
    if data.startswith(b'\xff\xd8\xff'):
        # A decoder fills the missing part of a cut JPEG with grey and only warns. Neither marker
        # can occur inside the coded pixels, so the end must follow the last scan's start.
        complete = data.rfind(b'\xff\xd9') > data.rfind(b'\xff\xda')
        kind = 'JPEG'
    elif data.startswith(b'\x89PNG\r\n\x1a\n'):
        complete = data.rfind(b'IEND') >= 0
        kind = 'PNG'
    else:
        raise ImageError(
            f'data of format {msg.format!r} starts with {data[:8].hex() or "nothing"}, '
            f'{len(data)} bytes; expected jpeg, png'
        )
    if not complete:
        raise ImageError(f'the {kind} is cut off: {len(data)} bytes and no end marker')
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
    except Exception:  # an unusable cv_bridge fails in many ways, and all mean: take the other
        from rosbags.image import message_to_cvimage

        return 'rosbags-image', lambda image: message_to_cvimage(image, 'bgr8')


def _cv_bridge() -> Callable[[_PackedImage], Any]:
    from cv_bridge import CvBridge

    bridge = CvBridge()

    def convert(image: _PackedImage) -> Any:
        return bridge.imgmsg_to_cv2(image, 'bgr8')

    # The ROS 1 cv-bridge of PyPI imports, but the half that converts is missing.
    probe = _PackedImage(1, 1, 'rgb8', 0, 3, np.array([10, 20, 30], np.uint8))
    if convert(probe).tolist() != [[[30, 20, 10]]]:
        raise ImportError('cv_bridge does not convert')
    return convert
