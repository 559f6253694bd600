# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Keys that are pressed in a terminal while a program runs."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import Any, TextIO


class Keyboard:
    """Context manager of the keys; there are none unless this process has the terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Read from `stream`; default: standard input."""
        self._stream = sys.stdin if stream is None else stream
        self._settings: list[Any] | None = None

    @property
    def works(self) -> bool:
        """Whether keys are read."""
        return self._settings is not None and self._has_terminal()

    def __enter__(self) -> Keyboard:
        if self._has_terminal():
            self._settings = termios.tcgetattr(self._stream)
            tty.setcbreak(self._stream)  # Ctrl-C stays an interrupt
        return self

    def __exit__(self, *_: object) -> None:
        if self.works:
            termios.tcsetattr(self._stream, termios.TCSADRAIN, self._settings or [])
        self._settings = None

    def pressed(self) -> str:
        """Return the keys since the last call, without waiting."""
        if not self.works:
            return ''
        descriptor = self._stream.fileno()
        if not select.select([descriptor], [], [], 0.0)[0]:
            return ''
        return os.read(descriptor, 1024).decode(errors='ignore')

    def _has_terminal(self) -> bool:
        """Whether the process is in the foreground; in the background, a touch would stop it."""
        try:
            return self._stream.isatty() and os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except (OSError, ValueError):  # another terminal, one that is gone, a closed stream
            return False
