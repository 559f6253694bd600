# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Sizes are read before anything is decoded, and a picture that lacks a part is refused."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dynofa_ros.engine.picture_size import ImageError, picture_size
from dynofa_ros.nodes.perception import compressed_image
from dynofa_ros.nodes.perception.compressed_image import MAX_PIXELS, decode

SHARED = Path(__file__).resolve().parents[4] / 'shared/data'
HOSTILE = SHARED / 'hostile/jpeg_8x8_claims_32000x32000.jpg'
SUFFIXES = ('.jpg', '.png', '.webp', '.tiff', '.bmp', '.gif', '.jp2')
PORTABLE = {'.gif': 'GIF', '.jp2': 'JPEG 2000'}  # OpenCV may be built without them
WIDTH, HEIGHT = 96, 64


def picture(seed):
    """Return a noisy picture, whose compressed data has many codes."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    smooth = np.dstack((40 + x, 200 - 2 * y, 60 + x + y))
    noise = np.random.default_rng(seed).integers(-30, 30, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def encode(suffix, image=None, *options):
    if suffix in PORTABLE and not cv2.haveImageWriter(f'x{suffix}'):
        pytest.skip(f'this OpenCV is built without {PORTABLE[suffix]}')
    return cv2.imencode(suffix, picture(0) if image is None else image, list(options))[1].tobytes()


def decoded(data, max_pixels=MAX_PIXELS):
    return decode(data, format_='jpeg', flags=cv2.IMREAD_COLOR, max_pixels=max_pixels)


@pytest.fixture
def never_decodes(monkeypatch):
    """Fail if OpenCV is asked to decode anything."""
    monkeypatch.setattr(compressed_image.cv2, 'imdecode', lambda *_: pytest.fail('decoded'))


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_the_header_has_the_size(suffix):
    size = picture_size(encode(suffix))
    assert (size.width, size.height) == (WIDTH, HEIGHT)


def test_every_kind_of_webp_header_has_the_size():
    lossless = encode('.webp', None, cv2.IMWRITE_WEBP_QUALITY, 101)
    lossy = encode('.webp', None, cv2.IMWRITE_WEBP_QUALITY, 80)
    canvas = struct.pack('<4sII', b'VP8X', 10, 0) + (WIDTH - 1).to_bytes(3, 'little')
    chunks = b'WEBP' + canvas + (HEIGHT - 1).to_bytes(3, 'little') + lossy[12:]
    extended = b'RIFF' + struct.pack('<I', len(chunks)) + chunks
    assert [data[12:16] for data in (lossless, lossy, extended)] == [b'VP8L', b'VP8 ', b'VP8X']
    for data in (lossless, lossy, extended):
        assert picture_size(data).pixels == WIDTH * HEIGHT


def test_big_tiff_and_either_byte_order_are_read():
    entries = struct.pack('>Q', 2)
    for tag, value in ((256, WIDTH), (257, HEIGHT)):
        entries += struct.pack('>HHQIxxxx', tag, 4, 1, value)
    big = b'MM' + struct.pack('>HHHQ', 43, 8, 0, 16) + entries
    entries = struct.pack('>H', 2)
    for tag, value in ((256, WIDTH), (257, HEIGHT)):
        entries += struct.pack('>HHIHxx', tag, 3, 1, value)
    small = b'MM' + struct.pack('>HI', 42, 8) + entries
    for data in (big, small):
        with pytest.raises(ImageError, match=f'0 of {WIDTH * HEIGHT // 8} bytes of pixels'):
            picture_size(data)


@pytest.mark.skipif(not HOSTILE.exists(), reason=f'{HOSTILE} is missing')
def test_the_jpeg_of_631_bytes_that_claims_a_giant_picture_costs_nothing(never_decodes):
    for limit in (MAX_PIXELS, 2**31):
        with pytest.raises(ImageError, match='truncated: 631 bytes for 32000 x 32000 pixels'):
            decoded(HOSTILE.read_bytes(), limit)


@pytest.mark.parametrize('marker', [0xC0, 0xC2])
def test_a_jpeg_with_less_than_a_bit_for_each_block_is_not_decoded(marker, never_decodes):
    jpeg = encode('.jpg', None, cv2.IMWRITE_JPEG_PROGRESSIVE, int(marker == 0xC2))
    giant = patched(jpeg, jpeg.index(bytes((0xFF, marker))) + 5, '>HH', 32000, 32000)
    with pytest.raises(ImageError, match='bytes for 32000 x 32000 pixels; expected at least'):
        decoded(giant, 2**31)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_a_picture_above_the_limit_is_not_decoded(suffix, never_decodes):
    with pytest.raises(ImageError, match=f'claims 96 x 64 pixels.*expected at most {96 * 64 - 1}'):
        decoded(encode(suffix), 96 * 64 - 1)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_a_picture_at_the_limit_is_decoded(suffix):
    assert decoded(encode(suffix), WIDTH * HEIGHT).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('left', [0.01, 0.1, 0.5, 0.9, 0.999])
def test_data_that_ends_early_is_refused(suffix, left):
    data = encode(suffix)
    with pytest.raises(ImageError):
        decoded(data[: min(round(len(data) * left), len(data) - 1)])


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_bytes_after_the_picture_are_ignored(suffix):
    data = encode(suffix)
    np.testing.assert_array_equal(decoded(data + bytes(40)), decoded(data))


@pytest.mark.parametrize('progressive', [0, 1])
@pytest.mark.parametrize('cut', [0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize(
    'behind',
    [
        pytest.param(lambda old, at: b'\xff\xd9', id='end marker'),
        pytest.param(lambda old, at: bytes(50) + b'\xff\xd9', id='zeros'),
        pytest.param(lambda old, at: old[at:], id='rest of an older frame'),
        pytest.param(lambda old, at: old, id='a whole older frame'),
    ],
)
def test_a_jpeg_of_a_cut_stream_is_refused(progressive, cut, behind):
    new, old = (
        encode('.jpg', image, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
        for image in (np.tile(picture(1), (4, 4, 1)), np.tile(picture(2)[::-1] // 2, (4, 4, 1)))
    )
    at = round(len(new) * cut)
    with pytest.raises(ImageError, match=r'damaged|truncated|does not decode'):
        decoded(new[:at] + behind(old, at))


@pytest.mark.parametrize(('padding', 'accepted'), [(2, True), (200, False)])
def test_a_few_bytes_of_padding_before_the_end_marker_are_no_damage(padding, accepted):
    data = encode('.jpg')
    padded = data[:-2] + bytes(padding) + data[-2:]
    if accepted:
        np.testing.assert_array_equal(decoded(padded), decoded(data))
    else:
        with pytest.raises(ImageError, match='extraneous bytes'):
            decoded(padded)


def test_text_of_others_on_standard_error_is_passed_on(monkeypatch, capfd):
    imdecode = cv2.imdecode

    def noisy(*arguments):
        os.write(2, b'a message of another thread\n')
        return imdecode(*arguments)

    monkeypatch.setattr(compressed_image.cv2, 'imdecode', noisy)
    data = encode('.jpg')
    with pytest.raises(ImageError, match='premature end'):
        decoded(data[: len(data) // 2] + b'\xff\xd9')
    assert capfd.readouterr().err == 'a message of another thread\n'


def chunk(kind, body):
    check = struct.pack('>I', zlib.crc32(kind + body))
    return struct.pack('>I', len(body)) + kind + body + check


def test_a_chunk_that_is_longer_than_the_png_is_not_allocated(never_decodes):
    data = encode('.png')
    at = data.index(b'IDAT') - 4
    claimed = data[:at] + struct.pack('>I', 2**29) + data[at + 4 :]
    with pytest.raises(ImageError, match=f'truncated: {len(data)} of {at + 12 + 2**29} bytes'):
        decoded(claimed)


def test_an_endless_row_of_png_chunks_is_refused(never_decodes):
    data = encode('.png')
    at = data.index(b'IDAT') - 4
    chunk = struct.pack('>I4sI', 0, b'tEXt', 0)
    with pytest.raises(ImageError, match='over 65536 chunks'):
        decoded(data[:at] + chunk * 2**16 + data[at:])


@pytest.mark.parametrize('rows', [0, 1, HEIGHT - 1])
def test_a_well_formed_png_with_too_few_rows_is_refused(rows):
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', WIDTH, HEIGHT, 8, 2, 0, 0, 0))
    pixels = zlib.compress(bytes((3 * WIDTH + 1) * rows))
    data = b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', pixels) + chunk(b'IEND', b'')
    with pytest.raises(ImageError, match=r'the PNG of .* does not decode'):
        decoded(data)


def patched(data, offset, layout, *values):
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def codestream(data):
    return data.index(b'\xff\x4f\xff\x51')


@pytest.mark.parametrize(
    ('suffix', 'change', 'named'),
    [
        ('.png', lambda d: patched(d, 16, '>II', 0, 5), 'width of the PNG is 0'),
        ('.bmp', lambda d: patched(d, 18, '<ii', -8, 8), 'width of the BMP is -8'),
        ('.bmp', lambda d: patched(d, 18, '<ii', 50000, -50000), 'claims 50000 x 50000'),
        ('.gif', lambda d: patched(d, 6, '<HH', 60000, 60000), 'claims 60000 x 60000'),
        ('.webp', lambda d: patched(d, 4, '<I', 2**31), 'the WebP is truncated'),
        ('.webp', lambda d: d[:8] + b'AVI ' + d[12:], "is b'AVI '; expected WEBP"),
        (
            '.jp2',
            lambda d: patched(d, codestream(d) + 8, '>8I', *(50000, 50000, 0, 0) * 2),
            'claims 50000 x 50000',
        ),
        ('.jp2', lambda d: patched(d, codestream(d) + 24, '>II', 1, 1), 'has 6144 tiles'),
        ('.jp2', lambda d: patched(d, codestream(d) + 40, '>H', 9999), 'has 9999 channels'),
        ('.jpg', lambda d: d[:2] + b'\xff\xfe\0\2' * 2000 + d[2:], 'over 1000 segments'),
        ('.jpg', lambda d: d[:-2] + b'\xff\xda' * 200 + d[-2:], 'has 201 scans'),
        ('.jpg', lambda d: d[:2] + d[d.index(b'\xff\xda') :], 'no frame header'),
    ],
)
def test_a_header_that_claims_too_much_is_refused(suffix, change, named, never_decodes):
    with pytest.raises(ImageError, match=named):
        decoded(change(encode(suffix)))


def tiff(**tags):
    """Return an uncompressed 8 x 8 TIFF of one strip, with some tags changed."""
    tags = {
        int(name.removeprefix('tag')): value
        for name, value in (
            {'tag256': 8, 'tag257': 8, 'tag258': 8, 'tag259': 1, 'tag262': 1, 'tag273': 8}
            | {'tag277': 1, 'tag278': 8, 'tag279': 64}
            | tags
        ).items()
    }
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b'II*\0' + struct.pack('<I64sH', 72, bytes(64), len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ('tags', 'named'),
    [
        ({'tag279': 4_000_000_000}, 'truncated: .* of 4000000008 bytes'),
        ({'tag256': 8000}, '64 of 64000 bytes of pixels'),
        ({'tag277': 5000}, 'has 5000 samples a pixel; expected at most 4'),
        (
            {'tag322': 60000, 'tag323': 60000, 'tag324': 8, 'tag325': 64},
            '3600000000 to decode; expected at most',
        ),
    ],
)
def test_a_tiff_that_claims_too_much_is_refused(tags, named, never_decodes):
    with pytest.raises(ImageError, match=named):
        decoded(tiff(**tags))


def test_an_uncompressed_tiff_is_decoded():
    assert decoded(tiff()).shape == (8, 8, 3)
