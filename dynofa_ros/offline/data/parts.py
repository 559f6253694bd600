# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The parts of a data set for training, validation and test, listed before any image is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dynofa_ros.offline.data.dataset import listed
from dynofa_ros.offline.data.listing import (
    LeftOut,
    Listing,
    Picture,
    Source,
    list_files,
    pictures,
    without_common_folders,
)
from dynofa_ros.offline.data.table import read_table

TRAIN, VAL, TEST, WHOLE = 'train', 'val', 'test', ''
PART_NAMES: Mapping[str, str] = {
    **dict.fromkeys(('train', 'training'), TRAIN),
    **dict.fromkeys(('val', 'valid', 'validation', 'dev'), VAL),
    **dict.fromkeys(('test', 'testing'), TEST),
}
"""Names of folders and files, in lower case, and of the column of a table."""
FILE_SUFFIXES = ('.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tar.xz', '.zip', '.csv')
TABLE = 'labels.csv'


@dataclass(frozen=True)
class Part:
    """Images of a data set, not yet opened."""

    where: str
    """The data set, for messages."""
    pictures: tuple[Picture, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, sorted; empty for class indices."""
        return tuple(sorted({p.label for p in self.pictures if isinstance(p.label, str)}))


@dataclass
class Parts:
    """The parts that a data set has, and what is left out of it."""

    by_name: dict[str, Part] = field(default_factory=dict)
    """``train``, ``val`` and ``test``, as far as it has them; or ``''``, all images."""
    left_out: LeftOut = field(default_factory=LeftOut)


def find_parts(path: Path) -> Parts:
    """List the images of a folder, archive or table.

    Raises:
        ValueError: naming the file that is missing or damaged, or if there are no images.
    """
    if path.is_file() and path.suffix.lower() == '.csv':
        return _of_table(path, path)
    if (table := path / TABLE).is_file():
        return _of_table(table, path)
    files = _part_files(path)
    if not files:
        return _of_listing(path, list_files(path))
    found = Parts()
    for name, file in files:
        inner = find_parts(file)
        if set(inner.by_name) != {WHOLE}:
            raise ValueError(f'{file} has parts of its own; expected images of one part')
        found.by_name[name] = inner.by_name[WHOLE]
        for reason, names in inner.left_out.names.items():
            for each in names:
                found.left_out.add(reason, f'{file.name}/{each}')
    return found


def check_labels(part: Part, labels: Sequence[str], source: str) -> None:
    """Raise ValueError, naming the classes of a part that are not among those of ``source``."""
    if bool(part.labels) != bool(labels):
        raise ValueError(
            f'{part.where} has class {"names" if part.labels else "indices"}; expected '
            f'{"names" if labels else "indices"}, as in {source}'
        )
    if unknown := sorted(set(part.labels) - set(labels)):
        raise ValueError(
            f'{part.where} has classes {listed(unknown)}; expected {listed(labels)}, as in {source}'
        )


def _part_files(folder: Path) -> list[tuple[str, Path]]:
    """Return the parts of a folder if one of them is a file: an archive or a table."""
    if not folder.is_dir():
        return []
    found = {}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        suffix = next((each for each in FILE_SUFFIXES if name.endswith(each)), '')
        part = PART_NAMES.get(name.removesuffix(suffix))
        if part is not None and (path.is_file() if suffix else path.is_dir()):
            found[path] = part
    if not any(path.is_file() for path in found):
        return []
    for name in set(found.values()):
        same = [path.name for path, part in found.items() if part == name]
        if len(same) > 1:
            raise ValueError(f'{folder} has {" and ".join(same)}; expected one of them')
    return [(part, path) for path, part in found.items()]


def _of_listing(path: Path, listing: Listing) -> Parts:
    """Divide images by their first folder if it names a part, otherwise return all as one part."""
    found = Parts(left_out=listing.left_out)
    files = _below(listing.files, without_common_folders(listing.files))
    by_part: dict[str, list[tuple[PurePosixPath, Source]]] = {}
    others = []
    for name, source in files:
        part = PART_NAMES.get(name.parts[0].lower()) if len(name.parts) > 2 else None
        if part is None:
            others.append((name, source))
        else:
            by_part.setdefault(part, []).append((PurePosixPath(*name.parts[1:]), source))
    has_test = TRAIN in by_part and (VAL in by_part or TEST in by_part)
    if by_part and (has_test or not others):
        for name, _ in others:
            found.left_out.add('images beside train and test', str(name))
        depth = min(without_common_folders(of_part) for of_part in by_part.values())
        for part, of_part in by_part.items():
            inside = pictures(_below(of_part, depth), found.left_out)
            found.by_name[part] = Part(f'{path}, {part}', tuple(inside))
    else:
        inside = pictures(files, found.left_out)
        found.by_name[WHOLE] = Part(str(path), tuple(inside))
    found.by_name = {name: part for name, part in found.by_name.items() if part.pictures}
    if not found.by_name:
        left_out = f'; left out: {found.left_out}' if found.left_out.names else ''
        raise ValueError(f'{path} holds no images in folders named by class{left_out}')
    return found


def _below(
    files: Sequence[tuple[PurePosixPath, Source]], depth: int
) -> list[tuple[PurePosixPath, Source]]:
    return [(PurePosixPath(*name.parts[depth:]), source) for name, source in files]


def _of_table(table: Path, where: Path) -> Parts:
    by_part: dict[str, list[Picture]] = {}
    for picture, text in read_table(table):
        part = PART_NAMES.get(text) if text else WHOLE
        if part is None:
            raise ValueError(
                f'{table}: part of {picture.name[:60]} is {text[:60]!r}; expected one of '
                f'{", ".join(PART_NAMES)}'
            )
        by_part.setdefault(part, []).append(picture)
    if WHOLE in by_part and len(by_part) > 1:
        name = by_part[WHOLE][0].name[:60]
        raise ValueError(f'{table}: part of {name} is empty; expected {TRAIN}, {VAL} or {TEST}')
    if not by_part:
        raise ValueError(f'{table} lists no images; expected a row for each')
    return Parts({name: Part(str(where), tuple(each)) for name, each in by_part.items()})
