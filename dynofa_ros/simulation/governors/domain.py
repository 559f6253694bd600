# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A frequency domain controlled by a governor that samples its load at a fixed rate.

While a domain is idle at its lowest frequency the governor sleeps, as in Linux: its timers are
deferrable, and the scheduler calls schedutil when something runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.processor import SimulatedProcessor


class GovernedDomain:
    """The processors of a domain and the governor that sets its frequency."""

    def __init__(
        self,
        governor: Governor,
        processors: Sequence[SimulatedProcessor],
        lowest_hz: float,
        *,
        queue: EventQueue,
        update: Callable[[], float],
    ) -> None:
        """`update` requests the governor's next frequency and returns it."""
        self._governor, self._processors, self._lowest_hz = governor, processors, lowest_hz
        self._queue, self._update = queue, update
        self._sampled_s = queue.now_s
        self._asleep = False

    def start(self) -> None:
        """Sample now, and from then on at the governor's rate."""
        if self._governor.period_s > 0.0:
            self._queue.at(self._queue.now_s, self._sample)

    def load(self, dt_s: float, *, frequency_hz: float) -> None:
        """Report the present load, held for `dt_s`, to the governor."""
        if not self._asleep:
            self._governor.load(dt_s, busy=self._busy(), frequency_hz=frequency_hz)

    def frame_done(self) -> None:
        """Report the end of a frame to the governor."""
        self._governor.frame_done()

    def wake(self, frequency_hz: float) -> None:
        """Catch up on the samples missed while asleep, before the load changes."""
        if not self._asleep:
            return
        self._asleep = False
        now_s, period_s = self._queue.now_s, self._governor.period_s
        missed_s = math.floor((now_s - self._sampled_s) / period_s) * period_s
        if missed_s > 0.0:
            self._governor.load(missed_s, busy=0.0, frequency_hz=frequency_hz)
            self._governor.next_hz(frequency_hz)
            self._sampled_s += missed_s
        self._governor.load(now_s - self._sampled_s, busy=0.0, frequency_hz=frequency_hz)
        self._queue.at(self._sampled_s + period_s, self._sample)

    def _busy(self) -> float:
        busy = 0.0
        for processor in self._processors:
            if processor.busy > busy:
                busy = processor.busy
        return busy

    def _sample(self) -> None:
        frequency_hz = self._update()
        self._sampled_s = self._queue.now_s
        if frequency_hz == self._lowest_hz and self._busy() == 0.0:
            self._asleep = True
        else:
            self._queue.at(self._sampled_s + self._governor.period_s, self._sample)
