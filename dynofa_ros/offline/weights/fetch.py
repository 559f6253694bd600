"""Fetch the official weights of a supernet, whole and verified or not at all."""

from __future__ import annotations

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

from dynofa_ros.offline.weights.download import Report, download
from dynofa_ros.supernet.official_weights import Checksum, OfficialWeights, WeightsError


class ProgressLines:
    """Writes a line when a download begins, every ``every_s`` seconds, and when it is whole."""

    def __init__(
        self,
        name: str,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        every_s: float = 5.0,
    ) -> None:
        self._name, self._write, self._clock, self._every_s = name, write, clock, every_s
        self._begun: tuple[float, int] | None = None
        self._next_s = 0.0

    def __call__(self, done: int, total: int | None) -> None:
        """Take note of the bytes that are here, and of those there are."""
        now = self._clock()
        if self._begun is None:
            self._begun = now, done
        elif now < self._next_s and done != total:
            return
        self._next_s = now + self._every_s
        start_s, start = self._begun
        size = f' of {total / 1e6:.1f} MB, {done / max(total, 1):.0%}' if total else ' MB'
        speed = f', {(done - start) / 1e6 / (now - start_s):.1f} MB/s' if now > start_s else ''
        self._write(f'{self._name}: {done / 1e6:.1f}{size}{speed}')


@contextmanager
def progress(name: str, console: Console) -> Iterator[Report]:
    """Show a download on a console as long as the context lasts."""
    if not console.is_terminal:
        yield ProgressLines(name, lambda line: print(line, file=console.file, flush=True))
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


@dataclass(frozen=True)
class FetchedWeights:
    """A file of weights that is here and is what it should be."""

    path: Path
    size_bytes: int
    verified: Checksum
    """What was expected and found."""
    downloaded: bool
    """Whether it came just now, or was here before."""


def fetch_weights(
    weights: OfficialWeights,
    folder: Path,
    report: Report,
    *,
    url: str | None = None,
    expected: Checksum | None = None,
) -> FetchedWeights:
    """Bring a file of weights into a folder, unless it is there, and verify it.

    ``url`` is another address of the same file; ``expected`` replaces the official checksum. The
    SHA-256 of what came is recorded in ``NAME.sha256``, as ``sha256sum --check`` reads it, and is
    what a file that is here must have from then on.

    Raises:
        DownloadError: if it did not come; what came stays, and the next call goes on from there.
        WeightsError: if its checksum is wrong, naming both; what came is removed.
    """
    path = folder / weights.name
    record = Path(f'{path}.sha256')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return _verify_present(path, expected or _recorded(record) or weights.checksum)
        partial = Path(f'{path}.partial')
        download(url or weights.url, partial, report)
        verified = _verify_download(partial, expected or weights.checksum)
        record.write_text(f'{Checksum.of(partial).digits}  {path.name}\n')
        partial.replace(path)
    except OSError as error:
        raise WeightsError(f'{folder} cannot be written: {error.strerror}') from error
    return FetchedWeights(path, path.stat().st_size, verified, downloaded=True)


def _verify_present(path: Path, expected: Checksum) -> FetchedWeights:
    found = Checksum.of(path, expected.kind)
    if found != expected:
        raise WeightsError(
            f'{path} has {found}; expected {expected.digits}: remove it to fetch it again'
        )
    return FetchedWeights(path, path.stat().st_size, found, downloaded=False)


def _verify_download(partial: Path, expected: Checksum) -> Checksum:
    found = Checksum.of(partial, expected.kind)
    Path(f'{partial}.etag').unlink(missing_ok=True)
    if found != expected:
        partial.unlink()
        raise WeightsError(
            f'what came has {found}; expected {expected.digits}: it is damaged or another file, '
            'and is removed'
        )
    return found


def _recorded(record: Path) -> Checksum | None:
    """Return the SHA-256 that was recorded when the file came, if it was."""
    if not record.exists():
        return None
    return Checksum('sha256', record.read_text().partition(' ')[0])
