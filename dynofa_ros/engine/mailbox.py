# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Pass frames and commands from the receiving threads to the worker thread.

Frames are not queued: a new frame replaces the one that waits, so that the worker always
processes the most recent one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

from dynofa_ros.runtime.latest_image import LatestImage

Frame = TypeVar('Frame')
Command = TypeVar('Command')


@dataclass(frozen=True)
class MailboxItem(Generic[Frame, Command]):
    """Commands in order of arrival, and at most one frame."""

    commands: tuple[Command, ...]
    frame: Frame | None
    dropped: int
    """Frames that were replaced by a newer one since the previous frame."""


class Mailbox(Generic[Frame, Command]):
    """One waiting frame and any number of waiting commands."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._latest: LatestImage[Frame] = LatestImage()
        self._commands: list[Command] = []
        self._closed = False

    def put_frame(self, frame: Frame) -> None:
        """Put a frame, which replaces the waiting one, if any."""
        with self._changed:
            self._latest.put(frame)
            self._changed.notify()

    def put_command(self, command: Command) -> None:
        """Append a command."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify()

    def close(self) -> None:
        """Make :meth:`take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> MailboxItem[Frame, Command] | None:
        """Wait for a frame or a command and take everything; return None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._latest or self._commands)
            if self._closed:
                return None
            commands, self._commands = tuple(self._commands), []
            if not self._latest:
                return MailboxItem(commands, None, 0)
            frame, dropped = self._latest.take()
            return MailboxItem(commands, frame, dropped)
