# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read the files of a tar or zip archive that nobody has checked, in bounded memory.

Three megabytes of gzip can hold three gigabytes of zeros, in a member, in the headers between two
members, or in the holes of a sparse file. So whatever is decompressed is counted.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from typing_extensions import Self

from dynofa_ros.offline.data.dataset import FILE_BYTES

HEADER_BYTES = 2**20
"""Largest headers between two members; names and attributes of a file take 1 or 2 kB."""
RATIO = 100
FREE_BYTES = 64 * 2**20
"""An archive may hold 64 MiB, and 100 times its own size: images hardly compress again."""
_OPENERS: dict[bytes, Callable[..., Any]] = {
    b'\x1f\x8b': gzip.open,
    b'BZh': bz2.open,
    b'\xfd7zXZ\0': lzma.open,
}


class ArchiveError(ValueError):
    """An archive that is damaged, or that holds more than it may."""


class _LimitError(ValueError):
    """Content beyond a limit."""


class _Member(tarfile.TarInfo):
    """A member whose header is intact; tarfile takes a damaged one for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; raises ValueError for a damaged one."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError:
            if any(buf):
                raise ValueError('the header of a member is damaged') from None
            raise  # zeros or nothing: the end


class _Counted:
    """A stream of the archive's content that ends with an error once it exceeds its budget."""

    def __init__(self, stream: IO[bytes], limit_bytes: int) -> None:
        self._stream, self._left_bytes = stream, limit_bytes
        self._limit_bytes, self._budget_bytes = limit_bytes, HEADER_BYTES

    def allow(self, content_bytes: int) -> None:
        """Allow the content of a member, and the headers of the next one."""
        self._budget_bytes = content_bytes + HEADER_BYTES

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; raises _LimitError beyond the budget."""
        data = self._stream.read(size)
        self._left_bytes -= len(data)
        self._budget_bytes -= len(data)
        if self._left_bytes < 0:
            raise _LimitError(f'content is over {self._limit_bytes} bytes, {RATIO} times its size')
        if self._budget_bytes < 0:
            raise _LimitError(f'headers are over {HEADER_BYTES} bytes')
        return data


def archived_files(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and content of every regular file; no content of those that are not wanted.

    Raises:
        ArchiveError: for a file that is neither a tar nor a zip archive, is damaged, or holds more
            than 64 MiB and 100 times its size.
    """
    try:
        yield from (_zip_members if _is_zip(path) else _tar_members)(path, wanted)
    # zlib, lzma, tarfile, zipfile and their parsing of numbers all raise errors of their own.
    except Exception as error:
        raise ArchiveError(
            f'data set {path} is neither a folder nor an intact tar or zip file: {error}'
        ) from error


def _is_zip(path: Path) -> bool:
    with path.open('rb') as file:
        return file.read(4) in (b'PK\x03\x04', b'PK\x05\x06')  # the latter is an empty archive


def _zip_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | None]]:
    left_bytes = _budget_bytes(path)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir() or kind not in (0, stat.S_IFREG):
                continue
            if not wanted(member.filename):
                yield member.filename, None
                continue
            with archive.open(member) as stream:  # the size that the archive states may be wrong
                data = stream.read(min(FILE_BYTES, left_bytes) + 1)
            left_bytes -= len(data)
            if left_bytes < 0:
                raise _LimitError(
                    f'content is over {_budget_bytes(path)} bytes, {RATIO} times its size'
                )
            if len(data) > FILE_BYTES:
                raise _LimitError(f'{member.filename[:100]} has over {FILE_BYTES} bytes')
            yield member.filename, data


def _budget_bytes(path: Path) -> int:
    return FREE_BYTES + RATIO * path.stat().st_size


def _tar_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | None]]:
    with path.open('rb') as file:
        magic = file.read(6)
    opener = next((each for start, each in _OPENERS.items() if magic.startswith(start)), open)
    with opener(path, 'rb') as stream:
        counted = _Counted(stream, _budget_bytes(path))
        with tarfile.open(fileobj=cast(IO[bytes], counted), mode='r|', tarinfo=_Member) as tar:
            while (member := tar.next()) is not None:
                counted.allow(member.size)
                if member.isfile():
                    name = member.name
                    yield name, _content(tar, member) if wanted(name) else None
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep all of them


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.issparse() or member.size > FILE_BYTES:
        size = 'sparse' if member.issparse() else f'{member.size} bytes'
        raise _LimitError(f'{member.name[:100]} is {size}; expected at most {FILE_BYTES} bytes')
    stream = tar.extractfile(member)
    assert stream is not None  # it is a regular file
    data = stream.read()
    if len(data) < member.size:
        raise EOFError(f'{member.name[:100]} ends after {len(data)} of {member.size} bytes')
    return data
