# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import sys
import types

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.engine import picture_size
from dynofa_ros.nodes.perception import image_conversion
from dynofa_ros.nodes.perception.image_conversion import (
    ENCODINGS,
    ImageError,
    conversion_library,
    to_bgr,
)

HEIGHT, WIDTH = 24, 32


@pytest.fixture
def bgr():
    """A smooth colourful image, which loses little by chroma subsampling."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return np.dstack((40 + 4 * x, 200 - 5 * y, 60 + 2 * x + 3 * y)).astype(np.uint8)


@pytest.fixture
def fresh_library():
    image_conversion._library.cache_clear()
    yield
    image_conversion._library.cache_clear()


def image(encoding, pixels, *, step=None, height=HEIGHT, width=WIDTH, is_bigendian=0):
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    if step is not None:
        padding = np.full((rows.shape[0], step - rows.shape[1]), 0xEE, np.uint8)
        rows = np.hstack((rows, padding))
    msg = Image(encoding=encoding, height=height, width=width, step=rows.shape[1])
    msg.is_bigendian = is_bigendian
    msg.data = rows.tobytes()
    return msg


def grey_of(bgr):
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)


def mosaic(bgr, pattern):
    """Return the raw image of a sensor with this colour filter; two letters per row."""
    channel = {'b': 0, 'g': 1, 'r': 2}
    raw = np.empty(bgr.shape[:2], np.uint8)
    for index, letter in enumerate(pattern):
        y, x = divmod(index, 2)
        raw[y::2, x::2] = bgr[y::2, x::2, channel[letter]]
    return raw


def yuv(bgr):
    """Return BT.601 limited-range planes, as defined by OpenCV's 4:2:x conversions."""
    b, g, r = (bgr[..., i].astype(float) for i in range(3))
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return tuple(np.rint(plane).astype(np.uint8) for plane in (y, u, v))


def largest_difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize('padding', [0, 1, 5])
@pytest.mark.parametrize('encoding', ['bgr8', '8UC3'])
def test_bgr8_is_a_view_of_the_message(bgr, encoding, padding):
    msg = image(encoding, bgr, step=3 * WIDTH + padding)
    result = to_bgr(msg)
    np.testing.assert_array_equal(result, bgr)
    assert np.shares_memory(result, np.frombuffer(msg.data, np.uint8))


@pytest.mark.parametrize('padding', [0, 7])
@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('rgb8', [2, 1, 0]), ('rgba8', [2, 1, 0, 3]), ('bgra8', [0, 1, 2, 3])],
)
def test_colour_orders_are_exact(bgr, encoding, order, padding):
    pixels = np.dstack((bgr, np.full(bgr.shape[:2], 9, np.uint8)))[..., order]
    msg = image(encoding, pixels, step=len(order) * WIDTH + padding)
    np.testing.assert_array_equal(to_bgr(msg), bgr)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_mono8_has_three_equal_channels(bgr, encoding):
    grey = grey_of(bgr)
    result = to_bgr(image(encoding, grey, step=WIDTH + 3))
    np.testing.assert_array_equal(result, np.dstack((grey,) * 3))


def test_the_byte_order_does_not_affect_8_bit_images(bgr):
    np.testing.assert_array_equal(to_bgr(image('rgb8', bgr[..., ::-1], is_bigendian=1)), bgr)


@pytest.mark.parametrize('is_bigendian', [0, 1])
@pytest.mark.parametrize('encoding', ['mono16', 'rgb16', 'bgr16'])
def test_16_bit_samples_are_scaled_to_8_bits(bgr, encoding, is_bigendian):
    expected = np.dstack((grey_of(bgr),) * 3) if encoding == 'mono16' else bgr
    source = {'mono16': expected[..., 0], 'rgb16': bgr[..., ::-1], 'bgr16': bgr}[encoding]
    samples = (source.astype(np.uint16) * 257).astype('>u2' if is_bigendian else '<u2')
    result = to_bgr(image(encoding, samples, is_bigendian=is_bigendian))
    assert largest_difference(result, expected) <= 1


@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_patterns_are_exact_within_12_levels(bgr, pattern, depth):
    raw = mosaic(bgr, pattern)
    if depth == 16:
        raw = (raw.astype(np.uint16) * 257).astype('<u2')
    result = to_bgr(image(f'bayer_{pattern}{depth}', raw))
    inside = (slice(2, -2), slice(2, -2))
    assert largest_difference(result[inside], bgr[inside]) <= 12


@pytest.mark.parametrize(
    ('encoding', 'luma_first'),
    [('uyvy', False), ('yuv422', False), ('yuyv', True), ('yuv422_yuy2', True)],
)
def test_packed_yuv_is_exact_within_8_levels(bgr, encoding, luma_first):
    y, u, v = yuv(bgr)
    chroma = np.empty_like(y)
    chroma[:, 0::2], chroma[:, 1::2] = u[:, 0::2], v[:, 0::2]
    pixels = np.dstack((y, chroma) if luma_first else (chroma, y))
    result = to_bgr(image(encoding, pixels, step=2 * WIDTH + 6))
    assert largest_difference(result, bgr) <= 8


@pytest.mark.parametrize('padding', [0, 16])
@pytest.mark.parametrize('encoding', ['nv12', 'nv21', 'nv24'])
def test_planar_yuv_is_exact_within_12_levels(bgr, encoding, padding):
    y, u, v = yuv(bgr)
    first, second = (v, u) if encoding == 'nv21' else (u, v)
    if encoding == 'nv24':
        chroma = np.dstack((first, second)).reshape(HEIGHT, 2, WIDTH)
        lower = np.pad(chroma.reshape(HEIGHT, 2 * WIDTH), ((0, 0), (0, 2 * padding)))
        rows = np.vstack((np.pad(y, ((0, 0), (0, padding))), lower.reshape(-1, WIDTH + padding)))
    else:
        chroma = np.dstack((first[::2, ::2], second[::2, ::2])).reshape(HEIGHT // 2, WIDTH)
        rows = np.pad(np.vstack((y, chroma)), ((0, 0), (0, padding)))
    assert largest_difference(to_bgr(image(encoding, rows)), bgr) <= 12


def test_every_encoding_is_converted_to_three_channels_of_8_bits():
    for name, encoding in ENCODINGS.items():
        rows = HEIGHT * encoding.planes[0] // encoding.planes[1]
        msg = image(name, np.full((rows, WIDTH * encoding.pixel_bytes), 100, np.uint8))
        result = to_bgr(msg)
        assert (name, result.shape, result.dtype) == (name, (HEIGHT, WIDTH, 3), np.uint8)


ALL_ENCODINGS = (
    'rgb8 rgba8 rgb16 rgba16 bgr8 bgra8 bgr16 bgra16 mono8 mono16 '
    'bayer_rggb8 bayer_bggr8 bayer_gbrg8 bayer_grbg8 '
    'bayer_rggb16 bayer_bggr16 bayer_gbrg16 bayer_grbg16 '
    'uyvy yuv422 yuyv yuv422_yuy2 nv12 nv21 nv24 '
    + ' '.join(
        f'{kind}C{channels}'
        for kind in ('8U', '8S', '16U', '16S', '32S', '32F', '64F')
        for channels in (1, 2, 3, 4)
    )
).split()
# OpenCV names Bayer patterns after the second row. 8UC1 to 8UC4 have OpenCV's order of channels.
CODES = {
    'rgb': cv2.COLOR_RGB2BGR,
    'rgba': cv2.COLOR_RGBA2BGR,
    'bgr': None,
    'bgra': cv2.COLOR_BGRA2BGR,
    'mono': cv2.COLOR_GRAY2BGR,
    'bayer_rggb': cv2.COLOR_BayerBG2BGR,
    'bayer_bggr': cv2.COLOR_BayerRG2BGR,
    'bayer_gbrg': cv2.COLOR_BayerGR2BGR,
    'bayer_grbg': cv2.COLOR_BayerGB2BGR,
    'uyvy': cv2.COLOR_YUV2BGR_UYVY,
    'yuv422': cv2.COLOR_YUV2BGR_UYVY,
    'yuyv': cv2.COLOR_YUV2BGR_YUYV,
    'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUYV,
    'nv12': cv2.COLOR_YUV2BGR_NV12,
    'nv21': cv2.COLOR_YUV2BGR_NV21,
    '8UC1': cv2.COLOR_GRAY2BGR,
    '8UC3': None,
    '8UC4': cv2.COLOR_BGRA2BGR,
}
CHANNELS = {'rgb': 3, 'rgba': 4, 'bgr': 3, 'bgra': 4, '8UC3': 3, '8UC4': 4} | dict.fromkeys(
    ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'), 2
)
REFUSED = [name for name in ALL_ENCODINGS if 'C' in name and name not in CODES]


def opencv(raw, encoding):
    """Return OpenCV's conversion of raw samples to 8-bit BGR."""
    if encoding == 'nv24':  # not in OpenCV: its 4:2:0 conversion of each pixel doubled
        luma = raw[:HEIGHT].repeat(2, axis=0).repeat(2, axis=1)
        chroma = raw[HEIGHT:].reshape(HEIGHT, 2 * WIDTH)
        return cv2.cvtColor(np.vstack((luma, chroma)), cv2.COLOR_YUV2BGR_NV12)[::2, ::2]
    name = encoding.removesuffix('16').removesuffix('8') if encoding[0] != '8' else encoding
    code = CODES[name]
    bgr = raw if code is None else cv2.cvtColor(raw, code)
    return bgr if bgr.dtype == np.uint8 else cv2.convertScaleAbs(bgr, alpha=255 / 65535)


@pytest.mark.parametrize('encoding', [name for name in ALL_ENCODINGS if name not in REFUSED])
def test_an_encoding_is_converted_as_opencv_does(encoding):
    rows = HEIGHT * {'nv12': 3, 'nv21': 3, 'nv24': 6}.get(encoding, 2) // 2
    name = encoding.removesuffix('16').removesuffix('8') if encoding[0] != '8' else encoding
    shape = (rows, WIDTH, CHANNELS.get(name, 1))
    kind = np.uint16 if encoding.endswith('16') else np.uint8
    raw = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    raw = raw[..., 0] if shape[2] == 1 else raw
    np.testing.assert_array_equal(to_bgr(image(encoding, raw)), opencv(raw, encoding))


@pytest.mark.parametrize('encoding', REFUSED)
def test_an_encoding_that_is_no_picture_is_refused_by_name(encoding):
    msg = image(encoding, np.zeros((HEIGHT, WIDTH, 4), np.float64))
    with pytest.raises(ImageError, match=f"encoding is '{encoding}'; expected bgr8, rgb8"):
        to_bgr(msg)
    png = cv2.imencode('.png', np.zeros((HEIGHT, WIDTH), np.uint16))[1].tobytes()
    with pytest.raises(ImageError, match=f"format is '{encoding}; png.*not a picture"):
        to_bgr(CompressedImage(format=f'{encoding}; png compressed', data=png))


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize(('suffix', 'depth'), [('.png', 8), ('.png', 16), ('.tiff', 16)])
def test_a_compressed_bayer_image_is_converted_like_a_raw_one(bgr, pattern, suffix, depth):
    raw = mosaic(bgr, pattern)
    if depth == 16:
        raw = raw.astype(np.uint16) * 257
    data = cv2.imencode(suffix, raw)[1].tobytes()
    encoding = f'bayer_{pattern}{depth}'
    result = to_bgr(CompressedImage(format=f'{encoding}; {suffix[1:]} compressed ', data=data))
    np.testing.assert_array_equal(result, opencv(raw, encoding))


def test_a_bayer_image_that_the_transport_has_converted_stays(bgr):
    data = cv2.imencode('.png', bgr)[1].tobytes()
    msg = CompressedImage(format='bayer_rggb8; png compressed bgr8', data=data)
    np.testing.assert_array_equal(to_bgr(msg), bgr)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'encoding': 'rgb7'}, "encoding is 'rgb7'; expected bgr8, rgb8"),
        ({'encoding': ''}, "encoding is ''; expected"),
        ({'width': 0}, 'width is 0; expected above 0'),
        ({'height': 0}, 'height is 0; expected above 0'),
        ({'step': 95}, 'step is 95; expected at least 96'),
        ({'step': 97}, 'data has 2304 bytes; expected 2328: step 97 x 24 rows'),
        ({'height': 25}, 'data has 2304 bytes'),
        ({'data': b''}, 'data has 0 bytes'),
        ({'encoding': 'nv12', 'height': 23}, 'height is 23; expected even'),
        ({'encoding': 'uyvy', 'width': 31}, 'width is 31; expected even'),
        ({'encoding': 'mono16', 'step': 97}, 'step is 97; expected a multiple of the 2 bytes'),
        ({'encoding': 'mono16', 'is_bigendian': 7}, 'is_bigendian is 7; expected 0 or 1'),
    ],
)
def test_an_invalid_field_is_refused(bgr, change, message):
    msg = image('rgb8', bgr)
    for name, value in change.items():
        setattr(msg, name, value)
    with pytest.raises(ImageError, match=message):
        to_bgr(msg)


@pytest.mark.parametrize(
    ('format_', 'change', 'message'),
    [
        ('jpeg', lambda data: b'', 'data has 0 bytes that start with nothing.*expected jpeg, png'),
        ('jpeg', lambda data: b'GIF89a' + data, 'the GIF is truncated'),
        ('jpeg', lambda data: data[: len(data) // 2], 'the JPEG is truncated'),
        ('jpeg', lambda data: b'\xff\xd8\xff\xd9', 'JPEG'),
        ('jpeg', lambda data: data[:4] + b'\0' * 200 + b'\xff\xd9', 'the JPEG is truncated'),
        ('16UC1; compressedDepth png', lambda data: data, 'not a picture; expected jpeg, png'),
        ('jpeg', lambda data: b'P6' + data, 'the PNM is truncated'),
        ('jpeg', lambda data: b'P9' + data, 'start with 5039ff.*expected jpeg, png'),
        ('png', lambda data: data[:-20], 'the PNG is truncated'),
    ],
)
def test_an_invalid_compressed_image_is_refused(bgr, format_, change, message):
    data = cv2.imencode('.png' if format_ == 'png' else '.jpg', bgr)[1].tobytes()
    with pytest.raises(ImageError, match=message):
        to_bgr(CompressedImage(format=format_, data=change(data)))


sizes = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))


@settings(max_examples=400, deadline=None)
@given(
    encoding=st.one_of(st.sampled_from(list(ENCODINGS)), st.text(max_size=8)),
    height=sizes,
    width=sizes,
    step=sizes,
    is_bigendian=st.integers(0, 255),
    length=st.integers(0, 4000),
    fits=st.booleans(),
)
def test_any_sizes_are_converted_or_raise_an_image_error(
    encoding, height, width, step, is_bigendian, length, fits
):
    if fits and encoding in ENCODINGS:  # random sizes alone hardly ever pass the checks
        height, width = height % 9, width % 9
        step = width * ENCODINGS[encoding].pixel_bytes + step % 3
        length = step * height * ENCODINGS[encoding].planes[0] // ENCODINGS[encoding].planes[1]
    msg = types.SimpleNamespace(
        encoding=encoding,
        height=height,
        width=width,
        step=step,
        is_bigendian=is_bigendian,
        data=bytes(length),
    )
    try:
        result = to_bgr(msg)
    except ImageError:
        return
    assert result.shape == (height, width, 3)


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([b'', *(magic for magic, _ in picture_size._READERS)]),
)
def test_any_undecodable_bytes_raise_an_image_error(data, start):
    with pytest.raises(ImageError):
        to_bgr(CompressedImage(format='jpeg', data=start + data))


class _Bridge:
    """Fake of the ROS 2 cv_bridge."""

    def imgmsg_to_cv2(self, msg, desired_encoding):
        assert desired_encoding == 'bgr8'
        return np.ndarray((msg.height, msg.width, 3), np.uint8, msg.data)[..., ::-1]


class _BrokenBridge:
    """Fake of the ROS 1 cv-bridge on PyPI, which can be imported but not used."""

    def imgmsg_to_cv2(self, msg, desired_encoding):
        raise ImportError('No module named cv_bridge.boost')


@pytest.mark.parametrize(
    ('bridge', 'library'),
    [(_Bridge, 'cv_bridge'), (_BrokenBridge, 'rosbags-image'), (None, 'rosbags-image')],
)
def test_cv_bridge_is_used_if_it_works(monkeypatch, fresh_library, bgr, bridge, library):
    module = bridge and types.SimpleNamespace(CvBridge=bridge)
    monkeypatch.setitem(sys.modules, 'cv_bridge', module)
    assert conversion_library() == library
    for step in (3 * WIDTH, 100):
        np.testing.assert_array_equal(to_bgr(image('rgb8', bgr[..., ::-1], step=step)), bgr)
