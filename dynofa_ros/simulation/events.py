# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Event queue of the simulation: simulated time and the actions scheduled in it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class EventQueue:
    """Runs actions in order of time; actions of equal time run in the order of scheduling."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._scheduled: list[tuple[float, int, Action]] = []
        self._count = itertools.count()

    def at(self, time_s: float, action: Action) -> None:
        """Schedule an action; a time in the past means now."""
        if time_s < self.now_s:
            time_s = self.now_s
        heapq.heappush(self._scheduled, (time_s, next(self._count), action))

    def every(self, period_s: float, action: Action) -> None:
        """Schedule an action now and then every `period_s`, without end."""
        start_s, periods = self.now_s, itertools.count(1)

        def repeat() -> None:
            self.at(start_s + next(periods) * period_s, repeat)
            action()

        self.at(start_s, repeat)

    def run_until(self, end_s: float) -> None:
        """Run all actions scheduled before `end_s`, then set the time to `end_s`."""
        scheduled, pop = self._scheduled, heapq.heappop
        while scheduled and scheduled[0][0] < end_s:
            self.now_s, _, action = pop(scheduled)
            action()
        self.now_s = end_s
