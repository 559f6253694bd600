# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Progress and tables on a terminal, a pipe or a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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
from rich.table import Table

LINE_PERIOD_S = 5.0


class Report(Protocol):
    """Receives progress."""

    def __call__(self, done: int, text: str = '') -> None:
        """Report the number of items done, with an optional remark."""


@contextmanager
def reporting(
    what: str,
    total: int,
    *,
    done: int = 0,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Report]:
    """Show progress towards ``total``: a bar on a terminal, otherwise a line every few seconds."""
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
    printed_s: float | None = None

    def report(done: int, text: str = '') -> None:
        nonlocal printed_s
        now_s = clock()
        if printed_s is not None and now_s - printed_s < LINE_PERIOD_S and done < total:
            return
        printed_s = now_s
        separator = ': ' if text else ''
        print(f'{what} {done} of {total}{separator}{text}', file=console.file, flush=True)

    return report


def print_table(table: Table, *, width: int) -> None:
    """Print a table; `width` applies to a pipe, where rich would cut columns to fit 80."""
    console = Console()
    (console if console.is_terminal else Console(width=width)).print(table)


def print_dropped(cascade_ids: Sequence[str]) -> None:
    """Say which cascades were removed because the scores of their stages changed."""
    if cascade_ids:
        print(
            f'removed the cascades {", ".join(cascade_ids)}: the weights changed; dynofa cascade '
            'makes new ones',
            flush=True,
        )
