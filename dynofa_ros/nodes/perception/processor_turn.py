# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A turn on a processor: a lock of the machine that the frame with the earliest deadline gets next.

All applications of one machine share a folder for each processor. Whoever holds the lock (flock) of
the file `turn` has the turn. Each application has a file of its own there, which it keeps locked
and in which it writes when its frame is due while it waits. The kernel releases the locks of a
process that ends for whatever reason, and the others remove its file.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from dynofa_ros.runtime.turns import WaitingFrame, next_turn

# Between two attempts; a turn begins half of this late on average.
POLL_S = 1e-3
# Due and arrival of the frame, and how long it waits, on the steady clock of the machine [s].
_ENTRY = struct.Struct('=ddd')
_OWN, _TURN = 'wait-', 'turn'
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


def turns_folder(machine: str) -> Path:
    """Return the folder in which the applications of a machine of this name meet.

    It is in that of the user's session if there is one, otherwise in the one for temporary files.
    """
    session = os.environ.get('XDG_RUNTIME_DIR', '')
    if session and Path(session).is_dir():
        return Path(session) / 'dynofa_ros' / quote(machine, safe='')
    return Path(tempfile.gettempdir()) / f'dynofa_ros-{os.getuid()}' / quote(machine, safe='')


class ProcessorTurn:
    """The turns of one application on one processor."""

    def __init__(self, folder: Path) -> None:
        """Register in the folder of the processor, which is created.

        Raises OSError if there can be no such folder, or it belongs to another user.
        """
        _make_private(folder)
        self._folder = folder
        self._turn = os.open(folder / _TURN, _FLAGS | os.O_CREAT, 0o600)
        self._own = folder / f'{_OWN}{uuid.uuid4().hex}'
        # Locked before it gets its name: the others remove files that nobody has locked.
        unnamed = self._own.with_name(f'new-{self._own.name}')
        self._entry = os.open(unnamed, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._entry, fcntl.LOCK_EX)
        unnamed.rename(self._own)
        for _ in self._others():  # removes what dead processes have left
            pass

    def take(
        self,
        frame: WaitingFrame,
        *,
        until_s: float,
        pause: Callable[[float], object] = time.sleep,
    ) -> bool:
        """Wait for the turn of a frame, not beyond `until_s`; False if it did not come.

        `pause` waits some seconds; a true result ends the wait.
        """
        os.pwrite(self._entry, _ENTRY.pack(frame.due_s, frame.arrived_s, until_s), 0)
        try:
            while True:
                if self._is_next(frame) and _lock(self._turn, fcntl.LOCK_EX):
                    return True
                left_s = until_s - time.monotonic()
                if left_s <= 0.0 or pause(min(POLL_S, left_s)):
                    return False
        finally:
            os.ftruncate(self._entry, 0)

    def give_back(self) -> None:
        """End the turn, if it was taken."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """End the turn and leave."""
        self._own.unlink(missing_ok=True)
        os.close(self._entry)
        os.close(self._turn)

    def _is_next(self, frame: WaitingFrame) -> bool:
        own = WaitingFrame(frame.due_s, frame.arrived_s, self._own.name)
        return next_turn([own, *self._others()]) is own

    def _others(self) -> Iterator[WaitingFrame]:
        """Yield the frames that wait in other applications; remove the files of dead ones."""
        for file in os.scandir(self._folder):
            if file.name == self._own.name or not file.name.startswith(_OWN):
                continue
            try:
                entry = os.open(file.path, _FLAGS)
            except OSError:  # it has left meanwhile
                continue
            try:
                if _lock(entry, fcntl.LOCK_SH):
                    Path(file.path).unlink(missing_ok=True)
                    continue
                content = os.pread(entry, _ENTRY.size, 0)
            finally:
                os.close(entry)
            if len(content) == _ENTRY.size:
                due_s, arrived_s, until_s = _ENTRY.unpack(content)
                if until_s >= time.monotonic():  # else its process is stopped
                    yield WaitingFrame(due_s, arrived_s, file.name)


def _lock(descriptor: int, kind: int) -> bool:
    """Lock a file if nobody else has; return whether it is locked now."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_private(folder: Path) -> None:
    """Make a folder below that of this package, which only this user can enter."""
    for own in (folder, *folder.parents):
        if own.name.startswith('dynofa_ros'):
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = own.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                raise PermissionError(f'{own} is not a folder of this user; expected one')
            break
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class MachineTurns:
    """The turns of one application on all processors of a machine, by the processor's name.

    Where there can be none, for want of a folder, frames run beside each other, and `failed` is
    told why, once for each processor.
    """

    def __init__(self, folder: Path, *, failed: Callable[[str], object]) -> None:
        self._folder, self._failed = folder, failed
        self._processors: dict[str, ProcessorTurn | None] = {}

    def on(self, processor: str) -> ProcessorTurn | None:
        """Return the turns on a processor; None if there can be none."""
        if processor not in self._processors:
            try:
                folder = self._folder / quote(processor, safe='')
                self._processors[processor] = ProcessorTurn(folder)
            except OSError as error:
                self._processors[processor] = None
                self._failed(f'frames take no turns on {processor}: {error}')
        return self._processors[processor]

    def close(self) -> None:
        """Leave all processors."""
        for turn in self._processors.values():
            if turn is not None:
                turn.close()
        self._processors.clear()
