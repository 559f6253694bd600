# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The image files of a folder or archive, and the files that are left out, by reason.

A class is a folder; images may lie in folders below it. Folders that contain everything else, as
most archives have one, are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dynofa_ros.offline.data.archive import archived_files

IMAGE_SUFFIXES = (
    *('.jpg', '.jpeg', '.jpe', '.png', '.webp', '.bmp', '.dib', '.gif', '.tif', '.tiff'),
    *('.ppm', '.pgm', '.pbm', '.pnm', '.jp2', '.j2k'),
)
MOST_NAMED = 5

Source = Path | bytes
"""A file, or the content of one."""


@dataclass(frozen=True)
class Picture:
    """An image file of a data set, not yet opened."""

    name: str
    """Path within the data set, with slashes."""
    source: Source
    label: str | int
    """Class name, or class index in a data set without names."""


@dataclass
class LeftOut:
    """The names that a data set does not use, by reason."""

    names: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Count a name, once."""
        self.names.setdefault(reason, {})[name] = None

    def __str__(self) -> str:
        parts = []
        for reason, names in self.names.items():
            more = len(names) - MOST_NAMED
            listed = ', '.join([*names][:MOST_NAMED]) + (f' and {more} more' if more > 0 else '')
            parts.append(f'{len(names)} {reason} ({listed})')
        return '; '.join(parts)


@dataclass
class Listing:
    """Image files by their path within a data set, and what is left out."""

    files: list[tuple[PurePosixPath, Source]] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


def list_files(path: Path) -> Listing:
    """Return the image files of a folder or archive, sorted by path.

    Raises:
        ValueError: if it is neither, or damaged.
    """
    listing = Listing()
    if path.is_dir():
        found: Iterable[tuple[str, Source]] = _folder_files(path, listing.left_out)
    elif path.is_file():
        found = _archive_images(path, listing.left_out)
    elif path.exists():
        raise ValueError(
            f'data set {path} is a pipe or device; expected a folder, a tar or zip file, or a CSV '
            'table'
        )
    else:
        raise ValueError(f'data set {path} does not exist')
    listing.files = sorted(((PurePosixPath(name), source) for name, source in found), key=_name)
    return listing


def without_common_folders(files: list[tuple[PurePosixPath, Source]]) -> int:
    """Return how many folders, from the root, contain all files and at least one folder each."""
    depth = 0
    while files and all(len(path.parts) > depth + 2 for path, _ in files):
        if len({path.parts[depth] for path, _ in files}) > 1:
            break
        depth += 1
    return depth


def pictures(files: Iterable[tuple[PurePosixPath, Source]], left_out: LeftOut) -> list[Picture]:
    """Return the images with their first folder as the class; those in no folder are left out."""
    found = []
    for path, source in files:
        if len(path.parts) < 2:
            left_out.add('images outside of a class folder', str(path))
        else:
            found.append(Picture(str(path), source, path.parts[0]))
    return found


def reason_to_leave_out(path: PurePosixPath) -> tuple[str, str] | None:
    """Return why a file is not used, and the name that is the reason; None if it is an image."""
    for end, part in enumerate(path.parts, start=1):
        name = str(PurePosixPath(*path.parts[:end]))
        if part == '__MACOSX':
            return '__MACOSX folders', name
        if part == '.ipynb_checkpoints':
            return '.ipynb_checkpoints folders', name
        if part.startswith('._'):
            return 'macOS ._ files', name
        if part.startswith('.'):
            return 'hidden names', name
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return 'files with other endings', str(path)
    return None


def _name(entry: tuple[PurePosixPath, Source]) -> str:
    return str(entry[0])


def _folder_files(root: Path, left_out: LeftOut) -> Iterator[tuple[str, Source]]:
    """Yield the images of a folder; links to folders are followed, each folder is read once."""
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        inside, found = PurePosixPath(Path(folder).relative_to(root)), Path(folder).stat()
        if (found.st_dev, found.st_ino) in seen:
            left_out.add('links to a folder that is read already', str(inside))
            folders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        for name in sorted(folders):
            # Its ending is none of an image, so a reason that names an ending is no reason.
            reason = reason_to_leave_out(inside / name / 'x.png')
            if reason is not None:
                left_out.add(*reason)
                folders.remove(name)
        if not folders and not names and inside.parts:
            left_out.add('empty folders', str(inside))
        for name in names:
            if (reason := reason_to_leave_out(inside / name)) is not None:
                left_out.add(*reason)
            else:
                yield str(inside / name), Path(folder, name)


def _archive_images(path: Path, left_out: LeftOut) -> Iterator[tuple[str, Source]]:
    def is_image(name: str) -> bool:
        return reason_to_leave_out(PurePosixPath(name)) is None

    for name, content in archived_files(path, is_image):
        if content is not None:
            yield name, content
        elif (reason := reason_to_leave_out(PurePosixPath(name))) is not None:
            left_out.add(*reason)
