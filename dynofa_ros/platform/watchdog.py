"""Notice that nobody manages the clocks any more: what was turned must not stay so."""

from __future__ import annotations

import math
from collections.abc import Callable

from dynofa_ros.platform.checks import check_not_negative


class Watchdog:
    """Barks once when clocks are turned and nothing was heard of the manager for a time."""

    def __init__(self, timeout_s: float, *, clock: Callable[[], float]) -> None:
        """`timeout_s` 0: it never barks. `clock` returns seconds and never goes back."""
        check_not_negative('timeout_s', timeout_s)
        self.timeout_s = timeout_s
        self._clock = clock
        self._heard_s = math.inf
        self.turned = False
        """Whether a command was applied since the clocks were put back."""

    def hear(self) -> None:
        """Hear of the manager."""
        self._heard_s = self._clock()

    def turn(self) -> None:
        """Note that clocks were turned, by a command, which is a sign of the manager too."""
        self.turned = True
        self.hear()

    def restored(self) -> None:
        """Note that the clocks are as they were found."""
        self.turned = False

    @property
    def barks(self) -> bool:
        """Whether clocks are turned, and the manager has been silent for too long."""
        silent_s = self._clock() - self._heard_s
        return self.turned and 0 < self.timeout_s <= silent_s
