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
