"""A frequency domain in the hands of a governor, which looks at its load at a fixed rate.

Over an idle domain at its lowest clock a governor sleeps until there is work, as Linux's do: their
timers are deferrable, and the scheduler calls schedutil when something runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.processor import Unit


class GovernedDomain:
    """The domain's processors, and the governor that turns their clock."""

    def __init__(
        self,
        governor: Governor,
        units: Sequence[Unit],
        lowest_hz: float,
        *,
        queue: EventQueue,
        look: Callable[[], float],
    ) -> None:
        """`look` does what the governor says now, and returns the clock that it said."""
        self._governor, self._units, self._lowest_hz = governor, units, lowest_hz
        self._queue, self._look = queue, look
        self._looked_s = queue.now_s
        self._asleep = False

    def start(self) -> None:
        """Look for the first time, and from then on at the governor's rate."""
        if self._governor.period_s > 0.0:
            self._queue.at(self._queue.now_s, self._look_again)

    def load(self, dt_s: float, *, frequency_hz: float) -> None:
        """Tell the governor of a time in which nothing changed."""
        if not self._asleep:
            self._governor.load(dt_s, busy=self._busy(), frequency_hz=frequency_hz)

    def slept(self) -> None:
        """Tell the governor that a frame is done."""
        self._governor.slept()

    def wake(self, frequency_hz: float) -> None:
        """Something is about to run: catch up on the looks that were slept through."""
        if not self._asleep:
            return
        self._asleep = False
        now_s, period_s = self._queue.now_s, self._governor.period_s
        missed_s = math.floor((now_s - self._looked_s) / period_s) * period_s
        if missed_s > 0.0:
            self._governor.load(missed_s, busy=0.0, frequency_hz=frequency_hz)
            self._governor.next_hz(frequency_hz)
            self._looked_s += missed_s
        self._governor.load(now_s - self._looked_s, busy=0.0, frequency_hz=frequency_hz)
        self._queue.at(self._looked_s + period_s, self._look_again)

    def _busy(self) -> float:
        busy = 0.0
        for unit in self._units:
            if unit.busy > busy:
                busy = unit.busy
        return busy

    def _look_again(self) -> None:
        frequency_hz = self._look()
        self._looked_s = self._queue.now_s
        if frequency_hz == self._lowest_hz and self._busy() == 0.0:
            self._asleep = True
        else:
            self._queue.at(self._looked_s + self._governor.period_s, self._look_again)
