"""Whether a file can be written, asked before minutes of work and not after."""

from __future__ import annotations

import os
from pathlib import Path


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
