# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Open and decode every image before it is needed, so that a bad one costs minutes, not hours.

What is found is kept in the user's cache folder, by path, size and time of the last change: only
new and changed files are opened again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from dynofa_ros.atomic_file import write_text
from dynofa_ros.offline.data.dataset import decode, digest_of, read_file
from dynofa_ros.offline.data.listing import Picture
from dynofa_ros.supernet.official_weights import cache_folder

MOST_LISTED = 1000
MOST_NAME = 160
"""Characters of a file name in a message."""
CACHE_BYTES = 2**30
_SHARE = 256
"""Images that a thread checks at a time."""


@dataclass(frozen=True)
class Checked:
    """What one image file holds."""

    digest: int = 0
    """64 bits of the BLAKE2 hash of the file."""
    height: int = 0
    width: int = 0
    """Of the decoded image [pixel]."""
    fault: str = ''
    """Why it cannot be used; empty if it can."""


def check_pictures(
    pictures: Sequence[Picture],
    *,
    threads: int,
    report: Callable[[int], object] = lambda done: None,
    cache: Path | None = None,
) -> list[Checked]:
    """Open and decode all images, except those in the cache; return what was found for each.

    ``cache`` is a folder; None is that of the user.
    """
    known = _Cache(cache or cache_folder() / 'checked-images', pictures)
    todo = [index for index, found in enumerate(known.found) if found is None]
    done = len(pictures) - len(todo)
    report(done)

    def check(indices: Sequence[int]) -> list[Checked]:
        return [_check(pictures[index]) for index in indices]

    shares = [todo[start : start + _SHARE] for start in range(0, len(todo), _SHARE)]
    with _quiet_decoders(), ThreadPoolExecutor(max(1, threads)) as workers:
        try:
            for share, found in zip(shares, workers.map(check, shares), strict=True):
                for index, each in zip(share, found, strict=True):
                    known.found[index] = each
                done += len(share)
                report(done)
        except BaseException:  # Ctrl-C waits for the shares in work only
            workers.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if todo:
                known.save()
    return [each for each in known.found if each is not None]


def fault_list(faults: Sequence[str], *, skipped: bool) -> str:
    """Return one line per unusable image, after a line with their number."""
    count = f'{len(faults)} image{"s" if len(faults) > 1 else ""} cannot be used'
    advice = 'skipped' if skipped else 'remove or mend them, or go on without them: --skip-bad'
    lines = [f'{count}; {advice}', *faults[:MOST_LISTED]]
    if (more := len(faults) - MOST_LISTED) > 0:
        lines.append(f'and {more} more')
    return '\n  '.join(lines)


def _check(picture: Picture) -> Checked:
    name = picture.name if len(picture.name) <= MOST_NAME else f'{picture.name[:MOST_NAME]}...'
    try:
        source = picture.source
        data = source if isinstance(source, bytes) else read_file(name, source)
        height, width = decode(name, data).shape[:2]
    except ValueError as error:
        return Checked(fault=str(error))
    return Checked(digest_of(data), height, width)


class _Cache:
    """Files that were checked before: a JSON file for the folder that holds them all."""

    def __init__(self, folder: Path, pictures: Sequence[Picture]) -> None:
        self._keys = [_file_key(picture.source) for picture in pictures]
        paths = sorted(key[0] for key in self._keys if key is not None)
        common = os.path.commonpath((paths[0], paths[-1])) if paths else ''
        name = hashlib.sha256(os.fsencode(common)).hexdigest()[:16]
        self._file = folder / f'{name}.json'
        self._known = _read(self._file) if paths else {}
        self.found: list[Checked | None] = [
            None if key is None else _entry(self._known.get(key[0]), key) for key in self._keys
        ]

    def save(self) -> None:
        """Write what was found; a folder that cannot be written is no error."""
        entries = {
            key[0]: [*key[1:], found.digest, found.height, found.width]
            for key, found in zip(self._keys, self.found, strict=True)
            if key is not None and found is not None and not found.fault
        }
        if entries:
            with suppress(OSError, ValueError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._file, json.dumps({**self._known, **entries}))


def _file_key(source: Path | bytes) -> tuple[str, int, int] | None:
    """Return path, size [byte] and time of the last change [ns] of a file; None for content."""
    if isinstance(source, bytes):
        return None
    try:
        found = source.stat()
        return str(source.absolute()), found.st_size, found.st_mtime_ns
    except (OSError, ValueError):
        return None


def _read(file: Path) -> Mapping[str, object]:
    with suppress(OSError, ValueError, RecursionError):
        if file.is_file() and file.stat().st_size <= CACHE_BYTES:
            document = json.loads(file.read_text(encoding='utf-8'))
            if isinstance(document, dict):
                return document
    return {}


def _entry(entry: object, key: tuple[str, int, int]) -> Checked | None:
    """Return what the cache holds for a file, if it is for the same content and well-formed."""
    match entry:
        case [int(size), int(time_ns), int(digest), int(height), int(width)]:
            if (size, time_ns) == key[1:] and -(2**63) <= digest < 2**63:
                return Checked(digest, height, width)
    return None


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Silence the decoders' own messages, which name no file."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
