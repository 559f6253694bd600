# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read the size of a compressed picture from its header, before anything is decoded.

A file of 631 bytes can claim 32000 x 32000 pixels, which a decoder allocates and fills. Formats are
told by their first bytes, since the field `format` of a message is free text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

# A JPEG has a few dozen segments; each costs a step of Python.
_MOST_SEGMENTS = 1000
# A chunk of libpng has 8 KiB, so that this many have 0.5 GB.
_MOST_CHUNKS = 2**16
# libjpeg passes over all pixels in every scan. Its own progressive script has ten.
_MOST_SCANS = 100
_ARITHMETIC_FRAMES = (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7)
_MOST_CHANNELS = 4
_MOST_TILES = 4096


class ImageError(ValueError):
    """An image message that cannot be converted."""


@dataclass(frozen=True)
class PictureSize:
    """Format and size of a picture [pixels], as its header states them."""

    format: str
    width: int
    height: int
    decoded_pixels: int = 0
    """Pixels that the decoder allocates, if its tiles are larger than the picture."""

    def __post_init__(self) -> None:
        """Raise ImageError for a picture without pixels."""
        for name in ('width', 'height'):
            if getattr(self, name) < 1:
                raise ImageError(
                    f'{name} of the {self.format} is {getattr(self, name)}; expected above 0'
                )

    @property
    def pixels(self) -> int:
        """Number of pixels to decode."""
        return max(self.width * self.height, self.decoded_pixels)


def picture_size(data: bytes) -> PictureSize | None:
    """Return format and size of a picture; None of a format that is not in ``_NAMES``.

    Raises:
        ImageError: for a header that is damaged, and for data that ends early, as far as the
            container tells.
    """
    for magic, read in _READERS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError, OverflowError):
                raise ImageError(
                    f'the {_NAMES[read]} is truncated: its {len(data)} bytes end within the header'
                ) from None
    return None


def _jpeg(data: bytes) -> PictureSize:
    """ITU-T T.81, annex B."""
    position, frame = 2, None
    for _ in range(_MOST_SEGMENTS):
        position = data.find(b'\xff', position)  # decoders skip what is between segments
        if position < 0:
            raise IndexError
        position += 1
        while data[position] == 0xFF:  # fill bytes
            position += 1
        marker = data[position]
        position += 1
        if marker == 0xDA:
            break
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # without a segment
            continue
        if marker in _HUFFMAN_FRAMES or marker in _ARITHMETIC_FRAMES:
            frame = marker, *struct.unpack_from('>HH', data, position + 3)
        position += struct.unpack_from('>H', data, position)[0]
    else:
        raise ImageError(f'the JPEG has over {_MOST_SEGMENTS} segments before its pixels')
    if frame is None:
        raise ImageError('the JPEG has no frame header before its pixels')
    marker, height, width = frame
    size = PictureSize('JPEG', width, height)
    scans = data.count(b'\xff\xda')
    if scans > _MOST_SCANS:
        raise ImageError(f'the JPEG has {scans} scans; expected at most {_MOST_SCANS}')
    if data.find(b'\xff\xd9', position) < 0:
        raise ImageError(f'the JPEG is truncated: {len(data)} bytes without an end marker')
    blocks = -(-width // 8) * -(-height // 8)
    # A Huffman code has a bit or more, and each block at least one code.
    if marker in _HUFFMAN_FRAMES and 8 * (len(data) - position) < blocks:
        raise ImageError(
            f'the JPEG is truncated: {len(data)} bytes for {width} x {height} pixels; expected at '
            f'least {blocks // 8} bytes'
        )
    return size


def _png(data: bytes) -> PictureSize:
    """ISO/IEC 15948, 5.3 and 11.2.2. OpenCV allocates a chunk of the length that it claims."""
    if data[12:16] != b'IHDR':
        raise ImageError(f'the PNG starts with {data[12:16]!r}; expected IHDR')
    width, height = struct.unpack_from('>II', data, 16)
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            raise ImageError(f'the PNG is truncated: {len(data)} bytes without an end marker')
        (length,) = struct.unpack_from('>I', data, at)
        name, at = data[at + 4 : at + 8], at + 12 + length
        if at > len(data):
            raise ImageError(f'the PNG is truncated: {len(data)} of {at} bytes')
        if name == b'IEND':
            return PictureSize('PNG', width, height)
    raise ImageError(f'the PNG has over {_MOST_CHUNKS} chunks')


def _webp(data: bytes) -> PictureSize:
    """RFC 9649, sections 2.4 to 2.7."""
    if data[8:12] != b'WEBP':
        raise ImageError(f'the RIFF file is {data[8:12]!r}; expected WEBP')
    (length,) = struct.unpack_from('<I', data, 4)
    if length + 8 > len(data):
        raise ImageError(f'the WebP is truncated: {len(data)} of {length + 8} bytes')
    kind = data[12:16]
    if kind == b'VP8X':
        width, height = (int.from_bytes(data[at : at + 3], 'little') + 1 for at in (24, 27))
        _check_length(data, 30)
    elif kind == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b'VP8 ':
        width, height = (size & 0x3FFF for size in struct.unpack_from('<HH', data, 26))
    else:
        raise ImageError(f'the WebP starts with {kind!r}; expected VP8, VP8L or VP8X')
    return PictureSize('WebP', width, height)


def _tiff(data: bytes) -> PictureSize:
    """TIFF 6.0, section 2, and BigTIFF: the first directory, which is the one that is decoded."""
    order = '<' if data[:2] == b'II' else '>'
    big = struct.unpack_from(f'{order}H', data, 2)[0] == 43
    (at,) = struct.unpack_from(f'{order}Q' if big else f'{order}I', data, 8 if big else 4)
    (count,) = struct.unpack_from(f'{order}Q' if big else f'{order}H', data, at)
    at += 8 if big else 2
    if count > _MOST_SEGMENTS:
        raise ImageError(f'the TIFF has {count} tags; expected at most {_MOST_SEGMENTS}')
    tags = {}
    for _ in range(count):
        tag, kind = struct.unpack_from(f'{order}HH', data, at)
        (number,) = struct.unpack_from(f'{order}Q' if big else f'{order}I', data, at + 4)
        at += 12 if big else 8
        if kind in _TIFF_TYPES and number * struct.calcsize(_TIFF_TYPES[kind]) <= len(data):
            layout = f'{order}{number}{_TIFF_TYPES[kind]}'
            start = at
            if struct.calcsize(layout) > (8 if big else 4):  # an offset is in place of the values
                (start,) = struct.unpack_from(f'{order}Q' if big else f'{order}I', data, at)
            tags[tag] = struct.unpack_from(layout, data, start)
        at += 8 if big else 4
    return _tiff_size(data, tags)


def _tiff_size(data: bytes, tags: dict[int, tuple[int, ...]]) -> PictureSize:
    def first(tag: int, default: int) -> int:
        return tags.get(tag, (default,))[0]

    width, height, samples = first(256, 0), first(257, 0), first(277, 1)
    if samples > _MOST_CHANNELS:
        raise ImageError(
            f'the TIFF has {samples} samples a pixel; expected at most {_MOST_CHANNELS}'
        )
    tiled = 322 in tags
    offsets, lengths = (tags.get(tag, ()) for tag in ((324, 325) if tiled else (273, 279)))
    ends = [offset + length for offset, length in zip(offsets, lengths, strict=False)]
    if max(ends, default=0) > len(data):
        raise ImageError(f'the TIFF is truncated: {len(data)} of {max(ends)} bytes')
    least = width * height * samples * first(258, 1) // 8
    if first(259, 1) == 1 and sum(lengths) < least:  # uncompressed
        raise ImageError(f'the TIFF is truncated: {sum(lengths)} of {least} bytes of pixels')
    tile = first(322, 0) * first(323, 0)
    return PictureSize('TIFF', width, height, decoded_pixels=tile)


def _bmp(data: bytes) -> PictureSize:
    """BITMAPCOREHEADER and BITMAPINFOHEADER of the Windows documentation."""
    (header,) = struct.unpack_from('<I', data, 14)
    width, height = struct.unpack_from('<HH' if header == 12 else '<ii', data, 18)
    return PictureSize('BMP', width, abs(height))  # a negative height: rows from top to bottom


def _gif(data: bytes) -> PictureSize:
    """GIF89a, section 18."""
    if not data.rstrip(b'\0').endswith(b';'):
        raise ImageError(f'the GIF is truncated: {len(data)} bytes without a trailer')
    return PictureSize('GIF', *struct.unpack_from('<HH', data, 6))


def _jpeg2000(data: bytes) -> PictureSize:
    """ITU-T T.800, A.5.1: image and tile size of the codestream, in a file format or alone."""
    at = data.find(b'\xff\x4f\xff\x51')
    if at < 0:
        raise ImageError('the JPEG 2000 has no codestream')
    right, bottom, left, top, *tile = struct.unpack_from('>8I', data, at + 8)
    (channels,) = struct.unpack_from('>H', data, at + 40)
    if channels > _MOST_CHANNELS:
        raise ImageError(
            f'the JPEG 2000 has {channels} channels; expected at most {_MOST_CHANNELS}'
        )
    tile_width, tile_height, tile_left, tile_top = tile
    if tile_width and tile_height:
        tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
        if tiles > _MOST_TILES:
            raise ImageError(f'the JPEG 2000 has {tiles} tiles; expected at most {_MOST_TILES}')
    return PictureSize('JPEG 2000', right - left, bottom - top)


def _pnm(data: bytes) -> PictureSize:
    """The netpbm formats, P1 to P6: width and height after white space and comments."""
    size = _PNM_SIZE.match(data)
    if size is None:
        raise IndexError
    width, height = (int(each) for each in size.groups())
    kind = data[1:2]
    row_bytes = {b'4': -(-width // 8), b'5': width, b'6': 3 * width}.get(kind, width)
    if len(data) - size.end() < row_bytes * height:  # a number of the text formats has a byte too
        raise ImageError(f'the PNM is truncated: {len(data)} bytes for {width} x {height} pixels')
    return PictureSize('PNM', width, height)


def _check_length(data: bytes, length: int) -> None:
    if len(data) < length:
        raise IndexError


_PNM_SIZE = re.compile(rb'P[1-6](?:\s+(?:#[^\n]{0,1000}\n\s*)*)([0-9]{1,7})\s+([0-9]{1,7})\s')
_TIFF_TYPES = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}  # byte, short, long, and long8 of BigTIFF
_NAMES: dict[Callable[[bytes], PictureSize], str] = {
    _jpeg: 'JPEG',
    _png: 'PNG',
    _webp: 'WebP',
    _tiff: 'TIFF',
    _bmp: 'BMP',
    _gif: 'GIF',
    _jpeg2000: 'JPEG 2000',
    _pnm: 'PNM',
}
_READERS = (
    (b'\xff\xd8\xff', _jpeg),
    (b'\x89PNG\r\n\x1a\n', _png),
    (b'RIFF', _webp),
    (b'II*\0', _tiff),
    (b'MM\0*', _tiff),
    (b'II+\0', _tiff),
    (b'MM\0+', _tiff),
    (b'BM', _bmp),
    (b'GIF8', _gif),
    (b'\0\0\0\x0cjP  \r\n\x87\n', _jpeg2000),
    (b'\xff\x4f\xff\x51', _jpeg2000),
    *((b'P%d' % kind, _pnm) for kind in range(1, 7)),
)
