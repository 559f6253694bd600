# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Headers that no encoder at hand writes; test_compressed_image.py has the encoded pictures."""

import struct

import pytest

from dynofa_ros.engine.picture_size import ImageError, picture_size


def jpeg2000(tile, channels=3):
    """Return the start of a codestream of 96 x 64 pixels."""
    size = struct.pack('>8I', 96, 64, 0, 0, *tile)
    return b'\xff\x4f\xff\x51' + bytes(4) + size + struct.pack('>H', channels)


@pytest.mark.parametrize('tile', [(96, 64, 0, 0), (32, 32, 0, 0), (0, 64, 0, 0), (96, 0, 0, 0)])
def test_the_size_of_a_jpeg_2000_does_not_depend_on_its_tiles(tile):
    size = picture_size(jpeg2000(tile))
    assert (size.width, size.height) == (96, 64)


def test_a_jpeg_2000_of_many_tiles_is_refused():
    with pytest.raises(ImageError, match='the JPEG 2000 has 6144 tiles; expected at most 4096'):
        picture_size(jpeg2000((1, 1, 0, 0)))


@pytest.mark.parametrize('length', range(16, 30))
def test_an_extended_webp_that_ends_within_its_header_is_refused(length):
    chunks = (b'WEBPVP8X' + bytes(30))[: length - 8]
    data = b'RIFF' + struct.pack('<I', len(chunks)) + chunks
    with pytest.raises(ImageError, match=f'truncated: its {length} bytes end within the header'):
        picture_size(data)


def jpeg(*segments):
    """Return a picture of 8 x 8 pixels of these segments before its frame header."""
    frame = b'\xff\xc0' + struct.pack('>HBHHB', 11, 8, 8, 8, 1) + b'\x01\x11\x00'
    return b'\xff\xd8' + b''.join(segments) + frame + b'\xff\xda' + bytes(8) + b'\xff\xd9'


@pytest.mark.parametrize('between', [b'', b'\xff\xff', b'\xff\x01', b'\xff\xd0', b'\xff\xd0noise'])
def test_what_may_be_between_the_segments_of_a_jpeg_is_skipped(between):
    size = picture_size(jpeg(between))
    assert (size.format, size.width, size.height) == ('JPEG', 8, 8)


def test_another_format_is_unknown():
    assert picture_size(b'%!PS') is None


def test_a_tiff_tag_of_another_type_is_skipped():
    text, pixels = (270, 2, 4, 0), (273, 4, 1, 68)
    tags = [(256, 3, 1, 8), (257, 3, 1, 8), text, pixels, (279, 4, 1, 64)]
    directory = b''.join(struct.pack('<HHII', *tag) for tag in tags)
    data = struct.pack('<2sHIH', b'II', 42, 8, len(tags)) + directory + bytes(64)
    size = picture_size(data)
    assert (size.width, size.height) == (8, 8)


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        (b'\xff\xd8\xff', 'the JPEG is truncated: its 3 bytes end within the header'),
        (b'\xff\xd8\xff\xd0no marker', 'the JPEG is truncated: its 13 bytes end within the header'),
        (b'\x89PNG\r\n\x1a\n' + bytes(20), "the PNG starts with b'.*'; expected IHDR"),
        (
            b'\x89PNG\r\n\x1a\n' + struct.pack('>I4sII', 13, b'IHDR', 8, 8) + bytes(9),
            'the PNG is truncated: 33 bytes without an end marker',
        ),
        (
            struct.pack('<4sI4s4s', b'RIFF', 8, b'WEBP', b'none'),
            "the WebP starts with b'none'; expected VP8, VP8L or VP8X",
        ),
        (
            struct.pack('<2sHIH', b'II', 42, 8, 1001),
            'the TIFF has 1001 tags; expected at most 1000',
        ),
    ],
)
def test_a_damaged_header_is_refused(data, said):
    with pytest.raises(ImageError, match=said):
        picture_size(data)
