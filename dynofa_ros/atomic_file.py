"""Write files atomically: an interrupted write leaves the previous file as it was."""

from __future__ import annotations

import json
import math
import os
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

    After an exception the temporary file is removed, and `file` is unchanged.

    Raises:
        ValueError: if it cannot be written, with its kind (`what`), its path and the reason.
    """
    partial = file.with_name(f'{file.stem}.{os.getpid()}.partial{file.suffix}')
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        name = f'{what} {file}'.lstrip()
        raise ValueError(f'{name} cannot be written: {error.strerror or error}') from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


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
