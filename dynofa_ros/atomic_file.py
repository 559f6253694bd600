"""Write a file whole or not at all: what is cut off in the middle does not lie under its name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def check_writable(file: Path) -> None:
    """Make the folder of a file.

    Raises:
        ValueError: if the file is a folder, or its folder cannot be made or written.
    """
    if file.is_dir():
        raise ValueError(f'{file} is a folder; name a file')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'{file} cannot be written: {error.strerror}') from error
    if not os.access(file.parent, os.W_OK):
        raise ValueError(f'{file} cannot be written: its folder is read-only')


@contextmanager
def written_whole(file: Path, *, what: str = '') -> Iterator[Path]:
    """Give the path of a file to write; at the end it takes the place of `file`.

    After an exception there is no such file, and `file` is as it was.

    Raises:
        ValueError: if it cannot be written, naming the file, what it is (`what`) and the reason.
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
    """Write a text in UTF-8; raises ValueError as `written_whole` does."""
    with written_whole(file, what=what) as partial:
        partial.write_text(text, encoding='utf-8')


def write_json(file: Path, document: object, *, what: str = '') -> None:
    """Write a document as JSON; raises ValueError as `written_whole` does."""
    write_text(file, json_text(document), what=what)


def json_text(document: object) -> str:
    """Return a document as JSON, in which what is unknown (NaN) is null."""
    return json.dumps(without_nan(document), indent=1, allow_nan=False) + '\n'


def without_nan(value: Any) -> Any:
    """Return a document with None where a number is NaN or infinite, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
