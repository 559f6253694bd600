# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames that take turns on a simulated processor, earliest deadline first."""

from __future__ import annotations

from collections.abc import Callable

from dynofa_ros.platform import Platform
from dynofa_ros.runtime.turns import WaitingFrame, next_turn, takes_turns


class Turn:
    """One processor, held by one frame at a time."""

    def __init__(self) -> None:
        self._holder: WaitingFrame | None = None
        self._waiting: dict[WaitingFrame, Callable[[], None]] = {}

    def request(self, frame: WaitingFrame, start: Callable[[], None]) -> bool:
        """Start a frame at once if the processor is free, otherwise when its turn comes.

        Returns whether it has started.
        """
        if self._holder is not None:
            self._waiting[frame] = start
            return False
        self._holder = frame
        start()
        return True

    def release(self, frame: WaitingFrame) -> None:
        """End the turn of a frame, or its wait; the next frame starts."""
        if frame is not self._holder:
            self._waiting.pop(frame, None)
            return
        self._holder = None
        if self._waiting:
            self._holder = following = next_turn(self._waiting)
            self._waiting.pop(following)()


def turns_of(platform: Platform) -> dict[str, Turn]:
    """Return a turn for each processor of the platform where frames take turns."""
    return {
        name: Turn()
        for name, processor in platform.processors.items()
        if takes_turns(processor.slowdown(1.0) - 1.0)
    }
