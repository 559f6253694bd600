# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write files atomically: an interrupted write, or a power cut, leaves the previous file as it was.

A file and its folder are synced to disk: without that, a file system may rename a file before its
content is on disk, and a power cut then leaves an empty one.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def check_writable(file: Path) -> None:
    """Create the folder of a file.

    Raises:
        ValueError: if the file is a folder, or its folder cannot be created or written.
    """
    if file.is_dir():
        raise ValueError(f'{file} is a folder; expected a file')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'{file} cannot be written: {error.strerror}') from error
    if not os.access(file.parent, os.W_OK):
        raise ValueError(f'{file} cannot be written: its folder is read-only')


@contextmanager
def atomic_write(file: Path, *, what: str = '') -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces `file` at the end.

    After an exception the temporary file is removed, and `file` is unchanged. Its name cannot be
    guessed, so nobody can place a link there that leads to another file.

    Raises:
        ValueError: if it cannot be written, with its kind (`what`), its path and the reason.
    """
    partial = file.with_name(f'{file.stem}.{secrets.token_hex(8)}.partial{file.suffix}')
    try:
        yield partial
        sync(partial)
        partial.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        name = f'{what} {file}'.lstrip()
        raise ValueError(f'{name} cannot be written: {error.strerror or error}') from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk, where its file system can do that."""
    with suppress(OSError):  # the file is in place by then: nothing is left to undo
        sync(folder)


def write_text(file: Path, text: str, *, what: str = '') -> None:
    """Write text in UTF-8; raises ValueError as `atomic_write` does."""
    with atomic_write(file, what=what) as partial:
        partial.write_text(text, encoding='utf-8')


def write_json(file: Path, document: object, *, what: str = '') -> None:
    """Write a document as JSON; raises ValueError as `atomic_write` does."""
    write_text(file, json_text(document), what=what)


def json_text(document: object) -> str:
    """Return a document as JSON, with null for NaN and infinity."""
    return json.dumps(without_nan(document), indent=1, allow_nan=False) + '\n'


def without_nan(value: Any) -> Any:
    """Return a document with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
