"""Hand frames and commands from the threads that receive them to the one that works.

A camera is never queued: a frame that comes while one is worked on replaces the one waiting,
so what is classified is always the newest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar('Frame')
Command = TypeVar('Command')


@dataclass(frozen=True)
class MailboxItem(Generic[Frame, Command]):
    """What the worker finds: commands in the order they came, then at most one frame."""

    commands: tuple[Command, ...]
    frame: Frame | None
    dropped: int
    """Frames replaced by a newer one since the delivery of the frame before."""


class Mailbox(Generic[Frame, Command]):
    """One waiting frame and any number of waiting commands."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._commands: list[Command] = []
        self._dropped = 0
        self._closed = False

    def put_frame(self, frame: Frame) -> None:
        """Leave a frame, in place of the one that waits, if any."""
        with self._changed:
            if self._frame is not None:
                self._dropped += 1
            self._frame = frame
            self._changed.notify()

    def put_command(self, command: Command) -> None:
        """Leave a command."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify()

    def close(self) -> None:
        """Let :meth:`take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> MailboxItem[Frame, Command] | None:
        """Wait for a frame or a command and take all there is; None once closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._frame is not None or self._commands
            )
            if self._closed:
                return None
            commands, self._commands = tuple(self._commands), []
            frame, self._frame = self._frame, None
            dropped = 0
            if frame is not None:
                dropped, self._dropped = self._dropped, 0
            return MailboxItem(commands, frame, dropped)
