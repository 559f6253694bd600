"""Simulated time: what is to happen, in the order in which it happens."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class EventQueue:
    """Actions and their times. Of equal times the one that was planned first comes first."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._planned: list[tuple[float, int, Action]] = []
        self._count = itertools.count()

    def at(self, time_s: float, action: Action) -> None:
        """Plan an action; one whose time is past happens now."""
        if time_s < self.now_s:
            time_s = self.now_s
        heapq.heappush(self._planned, (time_s, next(self._count), action))

    def every(self, period_s: float, action: Action) -> None:
        """Plan an action now and then every `period_s`, without end."""
        start_s, turns = self.now_s, itertools.count(1)

        def again() -> None:
            self.at(start_s + next(turns) * period_s, again)
            action()

        self.at(start_s, again)

    def run_until(self, end_s: float) -> None:
        """Let everything happen that is planned before `end_s`; then it is `end_s`."""
        planned, pop = self._planned, heapq.heappop
        while planned and planned[0][0] < end_s:
            self.now_s, _, action = pop(planned)
            action()
        self.now_s = end_s
