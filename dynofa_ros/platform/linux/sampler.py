"""Measure power beside whatever else the process does, at moments that no camera keeps step with.

A thread of its own: a timer of rclpy, which rebuilds its wait set each time, costs more than the
sample.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from dynofa_ros.platform.checks import check_positive

JITTER = 0.3
"""Share by which a period is shorter or longer. At 20 Hz sharp, each frame of a camera at 10 Hz
would be sampled at the same two moments, and its energy be wrong by up to all of it."""


class Sampler:
    """Calls something at a mean rate until it is stopped."""

    def __init__(self, sample: Callable[[], object], *, rate_hz: float, seed: int = 0) -> None:
        """Begin; raises PlatformError for a rate that is not above 0."""
        check_positive('rate_hz', rate_hz)
        self._sample = sample
        self._period_s = 1 / rate_hz
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name='power sampler', daemon=True)
        self._thread.start()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stopped.wait(max(0.0, next_s - time.monotonic())):
            self._sample()
            # After a pause of the whole machine it does not make up for what it missed.
            period_s = self._period_s * self._random.uniform(1 - JITTER, 1 + JITTER)
            next_s = max(next_s + period_s, time.monotonic())

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._stopped.set()
        self._thread.join()
