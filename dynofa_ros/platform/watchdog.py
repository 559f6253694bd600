# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Watchdog of the resource manager: without one, frequencies must not stay changed."""

from __future__ import annotations

import math
from collections.abc import Callable

from dynofa_ros.platform.checks import check_not_negative


class Watchdog:
    """Expires when it is armed, by a change of frequencies, and was not fed for a time."""

    def __init__(self, timeout_s: float, *, clock: Callable[[], float]) -> None:
        """`timeout_s` 0: it never expires. `clock` returns monotonic seconds."""
        check_not_negative('timeout_s', timeout_s)
        self.timeout_s = timeout_s
        self._clock = clock
        self._fed_s = math.inf
        self.armed = False
        """Whether frequencies were changed since they were last restored."""

    def feed(self) -> None:
        """Record that the manager is alive."""
        self._fed_s = self._clock()

    def arm(self) -> None:
        """Record that a command changed frequencies, which also shows that the manager is alive."""
        self.armed = True
        self.feed()

    def disarm(self) -> None:
        """Record that the original frequencies were restored."""
        self.armed = False

    @property
    def expired(self) -> bool:
        """Whether it is armed, and the manager was silent for too long."""
        silent_s = self._clock() - self._fed_s
        return self.armed and 0 < self.timeout_s <= silent_s
