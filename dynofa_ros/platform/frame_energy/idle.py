"""The power while no application works on a frame, and how far it can be trusted."""

from __future__ import annotations

import math

MEMORY_S = 60.0
"""What is this old counts 1/e as much as what is new."""
LEAST_IDLE_S = 0.5
"""Less than this (ten intervals at 20 Hz) says too little of the spread."""
LEAST_INTERVALS = 5


class IdlePower:
    """Mean over idle intervals, forgotten with `MEMORY_S`, with the noise of the power.

    The noise is taken to be white, so the energy of an interval of dt seconds has the variance
    `noise_j2_per_s` x dt. Mean and variance are the weighted incremental ones (West 1979).
    """

    def __init__(self) -> None:
        self.mean_w = math.nan
        self._last_s = -math.inf
        self._count = 0.0  # sum of d, the decay of each interval
        self._time_s = 0.0  # sum of d dt
        self._time_decayed_s = 0.0  # sum of d^2 dt
        self._squares = 0.0  # sum of d dt (power - mean)^2
        self._seen_s = 0.0
        self._seen = 0

    @property
    def ready(self) -> bool:
        """Whether enough was seen to say what idle is."""
        return self._seen_s >= LEAST_IDLE_S and self._seen >= LEAST_INTERVALS

    @property
    def noise_j2_per_s(self) -> float:
        """Variance of the energy of one second [J^2]."""
        free = self._count - self._time_decayed_s / self._time_s
        return self._squares / free if free > 0 else 0.0

    def add(self, *, energy_j: float, start_s: float, end_s: float) -> None:
        """Add an interval in which nobody worked; intervals come in the order of time."""
        self._forget(end_s)
        passed_s = end_s - start_s
        power_w = energy_j / passed_s
        self._seen += 1
        self._seen_s += passed_s
        self._count += 1
        self._time_s += passed_s
        self._time_decayed_s += passed_s
        if math.isnan(self.mean_w):
            self.mean_w = power_w
        else:
            away_w = power_w - self.mean_w
            self.mean_w += away_w * passed_s / self._time_s
            self._squares += passed_s * away_w * (power_w - self.mean_w)

    def _forget(self, now_s: float) -> None:
        kept = math.exp(-max(0.0, now_s - self._last_s) / MEMORY_S)
        self._last_s = now_s
        self._count *= kept
        self._time_s *= kept
        self._squares *= kept
        self._time_decayed_s *= kept * kept

    def std_w(self, now_s: float) -> float:
        """Return the standard deviation of the mean as the idle power of now [W].

        Noise / time seen, and with the time since then more, up to the spread of single intervals:
        idle power that nobody saw may have wandered as far as it was seen to (assumed).
        """
        noise = self.noise_j2_per_s
        seen_s = self._time_s**2 / self._time_decayed_s
        unseen = 1 - math.exp(-max(0.0, now_s - self._last_s) / MEMORY_S)
        return math.sqrt(noise / seen_s + unseen * noise * self._count / self._time_s)
