"""Say how far a download is: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from dynofa_ros.offline.download import Report


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
