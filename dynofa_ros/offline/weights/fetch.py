# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fetch the official weights of a supernet and verify their checksum, with progress."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from dynofa_ros.atomic_file import write_text
from dynofa_ros.offline.weights.download import Report, download
from dynofa_ros.supernet.official_weights import Checksum, OfficialWeights, WeightsError


@dataclass(frozen=True)
class FetchedWeights:
    """A verified file of weights."""

    path: Path
    size_bytes: int
    verified: Checksum
    downloaded: bool  # False: the file was already there


def fetch_weights(
    weights: OfficialWeights,
    folder: Path,
    report: Report,
    *,
    url: str | None = None,
    expected: Checksum | None = None,
) -> FetchedWeights:
    """Download a file of weights into a folder, unless it is there, and verify it.

    ``url`` is another address of the same file; ``expected`` replaces the official checksum. The
    SHA-256 of the download is saved in ``NAME.sha256``, in the format of ``sha256sum --check``, and
    verified from then on.

    Raises:
        DownloadError: if the download is incomplete; the next call resumes it.
        WeightsError: if the checksum is wrong, with both; a download is then deleted.
    """
    path = folder / weights.name
    record = Path(f'{path}.sha256')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            return _verify_present(path, expected or _recorded(record) or weights.checksum)
        if path.exists():
            raise WeightsError(f'{path} is not a regular file; expected the weights, or no file')
        partial = Path(f'{path}.partial')
        download(url or weights.url, partial, report, limit_bytes=weights.limit_bytes)
        verified = _verify_download(partial, expected or weights.checksum)
        write_text(record, f'{Checksum.of(partial).digits}  {path.name}\n')
        partial.replace(path)
    except OSError as error:
        raise WeightsError(f'{folder} cannot be written: {error.strerror}') from error
    return FetchedWeights(path, path.stat().st_size, verified, downloaded=True)


def _verify_present(path: Path, expected: Checksum) -> FetchedWeights:
    found = Checksum.of(path, expected.kind)
    if found != expected:
        raise WeightsError(
            f'{path}: checksum is {found}; expected {expected.digits}; delete it to download again'
        )
    return FetchedWeights(path, path.stat().st_size, found, downloaded=False)


def _verify_download(partial: Path, expected: Checksum) -> Checksum:
    found = Checksum.of(partial, expected.kind)
    Path(f'{partial}.etag').unlink(missing_ok=True)
    if found != expected:
        partial.unlink()
        raise WeightsError(
            f'checksum of the download is {found}; expected {expected.digits}; '
            'the file is damaged or a different one, and is deleted'
        )
    return found


def _recorded(record: Path) -> Checksum | None:
    """Return the SHA-256 saved when the file was downloaded, if it was."""
    if not record.is_file():
        return None
    with record.open('rb') as file:
        line = re.match(rb'([0-9a-f]{64}) ', file.read(65))
    if line is None:
        raise WeightsError(f'{record} holds no SHA-256; delete it to verify the official checksum')
    return Checksum('sha256', line[1].decode())


@contextmanager
def progress(name: str, console: Console) -> Iterator[Report]:
    """Show a download: a bar on a terminal, otherwise a line every few seconds."""
    if not console.is_terminal:
        yield progress_lines(name, lambda line: print(line, file=console.file, flush=True))
        return
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def progress_lines(
    name: str,
    write: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    period_s: float = 5.0,
) -> Report:
    """Return a report that writes a line at the start, every ``period_s``, and at the end."""
    start: tuple[float, int] | None = None
    next_s = 0.0

    def report(done: int, total: int | None) -> None:
        nonlocal start, next_s
        now_s = clock()
        if start is not None and now_s < next_s and done != total:
            return
        start = start or (now_s, done)
        next_s = now_s + period_s
        seconds, received = now_s - start[0], done - start[1]
        size = f' of {total / 1e6:.1f} MB, {done / max(total, 1):.0%}' if total else ' MB'
        speed = f', {received / 1e6 / seconds:.1f} MB/s' if seconds > 0 else ''
        write(f'{name}: {done / 1e6:.1f}{size}{speed}')

    return report
