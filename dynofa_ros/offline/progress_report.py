"""Say how far something is: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

LINE_PERIOD_S = 5.0


class Report(Protocol):
    """Takes note of how much is done."""

    def __call__(self, done: int, text: str = '') -> None:
        """Say that so much is done, and what there is to say about it."""


@contextmanager
def reporting(
    what: str,
    total: int,
    *,
    done: int = 0,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Report]:
    """Report progress towards ``total`` as long as the context lasts."""
    console = console or Console()
    if not console.is_terminal:
        yield _lines(what, total, console, clock)
        return
    columns = (
        TextColumn('{task.description}'),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[text]}'),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, completed=done, text='')
        yield lambda done, text='': bar.update(task, completed=done, text=text)


def _lines(what: str, total: int, console: Console, clock: Callable[[], float]) -> Report:
    told_s: float | None = None

    def report(done: int, text: str = '') -> None:
        nonlocal told_s
        now_s = clock()
        if told_s is not None and now_s - told_s < LINE_PERIOD_S and done < total:
            return
        told_s = now_s
        separator = ': ' if text else ''
        print(f'{what} {done} of {total}{separator}{text}', file=console.file, flush=True)

    return report
