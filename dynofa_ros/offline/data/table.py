# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""CSV tables of image files and their labels."""

from __future__ import annotations

import csv
import re
import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from dynofa_ros.offline.data.listing import IMAGE_SUFFIXES, Picture

FILE_COLUMNS = ('file', 'filename', 'file_name', 'filepath', 'path', 'image', 'image_id')
LABEL_COLUMNS = ('label', 'class', 'class_name', 'category', 'imagenet_index')
PART_COLUMNS = ('split', 'part', 'set', 'subset')
INDEX_COLUMN = 'imagenet_index'
"""A column of class indices without names."""
DELIMITERS = ',;\t'
TABLE_BYTES = 256 * 2**20
_SHORT = reprlib.Repr()
_SHORT.maxstring = 60


def read_table(table: Path) -> list[tuple[Picture, str]]:
    """Return the images that a table lists, each with the part that its row names, or ''.

    The columns are those above, in any case and order; without a heading they are file and label.
    Files are relative to the folder of the table, or to a folder ``images`` in it, and may lack
    their ending.

    Raises:
        ValueError: naming the file and line that is faulty.
    """
    rows = _rows(table)
    if not rows:
        raise ValueError(f'{table} is empty; expected a table of file and label')
    first = [cell.strip().lower() for cell in rows[0][1]]
    file, label, part = (
        next((first.index(name) for name in names if name in first), None)
        for names in (FILE_COLUMNS, LABEL_COLUMNS, PART_COLUMNS)
    )
    if file is None and label is None and len(first) > 1 and first[0].endswith(IMAGE_SUFFIXES):
        file, label = 0, 1
    elif file is None or label is None:
        raise ValueError(
            f'{table}: columns are {_SHORT.repr(", ".join(rows[0][1]))}; expected file and label, '
            'or other names that docs/training.md lists'
        )
    else:
        rows = rows[1:]
    find = _Finder(table.parent)
    found = []
    for line, cells in rows:
        where = f'{table}, line {line}'
        name, text = _cell(cells, file), _cell(cells, label)
        is_index = first[label] == INDEX_COLUMN
        if is_index and not re.fullmatch(r'[0-9]{1,6}', text, re.ASCII):
            raise ValueError(
                f'{where}: {INDEX_COLUMN} is {_SHORT.repr(text)}; expected an integer from 0 to '
                '999999'
            )
        for what, value in (('file', name), ('label', text)):
            if not value:
                raise ValueError(f'{where}: {what} is empty; expected a text')
        picture = Picture(name, find(name), int(text) if is_index else text)
        found.append((picture, '' if part is None else _cell(cells, part).lower()))
    return found


class _Finder:
    """Finds the files of a table; one that is missing is reported when the files are checked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        images = folder / 'images'
        self._by_stem = {file.stem: file for file in images.glob('*')} if images.is_dir() else {}

    def __call__(self, name: str) -> Path:
        path = self._folder / name
        if not name.lower().endswith(IMAGE_SUFFIXES) and name in self._by_stem:
            return self._by_stem[name]
        in_images = self._folder / 'images' / name
        try:
            return in_images if not path.exists() and in_images.exists() else path
        except (OSError, ValueError):  # a name that is too long, or has a zero
            return path


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column].strip() if column < len(cells) else ''


def _rows(table: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not empty, each with its line number."""
    if (size := table.stat().st_size) > TABLE_BYTES:
        raise ValueError(f'{table} has {size} bytes; expected at most {TABLE_BYTES}')
    try:
        with table.open(newline='', encoding='utf-8-sig') as stream:
            heading = stream.readline(10_000)
            stream.seek(0)
            delimiter = max(DELIMITERS, key=heading.count)
            return list(_numbered(csv.reader(stream, delimiter=delimiter)))
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f'{table} is not a CSV file: {reason}') from error


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for row in rows:
        if any(cell.strip() for cell in row):
            yield rows.line_num, row  # type: ignore[attr-defined]
