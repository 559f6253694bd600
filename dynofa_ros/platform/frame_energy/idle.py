# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Idle power: while no application works on a frame, for each setting of the frequencies."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass

from dynofa_ros.platform.frame_energy.intervals import Interval

MEMORY_S = 60.0
"""Time constant of the exponential decay of old observations."""
MIN_IDLE_S = 0.5
"""Less (ten intervals at 20 Hz) is not enough to estimate the variance."""
MIN_INTERVALS = 5
OTHER_SETTING_STD = 0.2
"""Relative uncertainty of the idle power observed at another frequency setting (assumed)."""
MAX_SETTINGS = 64
MAX_CHANGES = 256


class IdlePower:
    """Mean over idle intervals with exponential decay (`MEMORY_S`), and the noise of the power.

    The noise is assumed to be white, so the energy of an interval of dt seconds has the variance
    `noise_j2_per_s` x dt. Mean and variance are weighted and incremental (West 1979).
    """

    def __init__(self) -> None:
        self.mean_w = math.nan
        self._last_s = -math.inf
        self._count = 0.0  # sum of d, the decay of each interval
        self._time_s = 0.0  # sum of d dt
        self._time_decayed_s = 0.0  # sum of d^2 dt
        self._squares = 0.0  # sum of d dt (power - mean)^2
        self._observed_s = 0.0
        self._observed = 0

    @property
    def ready(self) -> bool:
        """Whether enough intervals were observed."""
        return self._observed_s >= MIN_IDLE_S and self._observed >= MIN_INTERVALS

    @property
    def noise_j2_per_s(self) -> float:
        """Variance of the energy of one second [J^2]."""
        freedom = self._count - self._time_decayed_s / self._time_s
        return self._squares / freedom if freedom > 0 else 0.0

    def add(self, interval: Interval) -> None:
        """Add an idle interval; intervals are in temporal order."""
        self._decay(interval.end_s)
        passed_s = interval.passed_s
        power_w = interval.energy_j / passed_s
        self._observed += 1
        self._observed_s += passed_s
        self._count += 1
        self._time_s += passed_s
        self._time_decayed_s += passed_s
        if math.isnan(self.mean_w):
            self.mean_w = power_w
        else:
            deviation_w = power_w - self.mean_w
            self.mean_w += deviation_w * passed_s / self._time_s
            self._squares += passed_s * deviation_w * (power_w - self.mean_w)

    def _decay(self, now_s: float) -> None:
        decay = math.exp(-max(0.0, now_s - self._last_s) / MEMORY_S)
        self._last_s = now_s
        self._count *= decay
        self._time_s *= decay
        self._squares *= decay
        self._time_decayed_s *= decay * decay

    def std_w(self, now_s: float) -> float:
        """Return the standard deviation of the mean as an estimate of the current idle power [W].

        Noise / observed time, growing with the time since then up to the spread of single
        intervals: unobserved, the idle power may have drifted by that much (assumed).
        """
        noise = self.noise_j2_per_s
        observed_s = self._time_s**2 / self._time_decayed_s
        unobserved = 1 - math.exp(-max(0.0, now_s - self._last_s) / MEMORY_S)
        return math.sqrt(noise / observed_s + unobserved * noise * self._count / self._time_s)


@dataclass(frozen=True)
class Idle:
    """An estimate of the idle power."""

    mean_w: float
    std_w: float
    noise_j2_per_s: float


class IdleBySetting:
    """Learns the idle power at each frequency setting, which lower frequencies reduce.

    Until the current setting was observed, the most recent other one is used.
    """

    def __init__(self) -> None:
        self._idle: OrderedDict[Hashable, IdlePower] = OrderedDict()  # the last updated is last
        self._changes: deque[tuple[float, Hashable]] = deque(maxlen=MAX_CHANGES)

    def set_frequencies(self, at_s: float, setting: Hashable) -> None:
        """Record the frequency setting from a time on."""
        self._changes.append((at_s, setting))

    def changed_within(self, interval: Interval) -> bool:
        """Whether the setting changed during an interval."""
        return any(interval.start_s < at_s < interval.end_s for at_s, _ in self._changes)

    def add(self, interval: Interval) -> None:
        """Add an idle interval; intervals are in temporal order."""
        if self.changed_within(interval):
            return
        setting = self._setting_at(interval.end_s)
        self._idle.setdefault(setting, IdlePower()).add(interval)
        self._idle.move_to_end(setting)
        if len(self._idle) > MAX_SETTINGS:
            self._idle.popitem(last=False)

    def at(self, now_s: float) -> Idle | None:
        """Return the idle power at a time; None before enough intervals were observed."""
        own = self._idle.get(self._setting_at(now_s))
        if own is not None and own.ready:
            return Idle(own.mean_w, own.std_w(now_s), own.noise_j2_per_s)
        other = next((each for each in reversed(self._idle.values()) if each.ready), None)
        if other is None:
            return None
        std_w = math.hypot(other.std_w(now_s), OTHER_SETTING_STD * other.mean_w)
        return Idle(other.mean_w, std_w, other.noise_j2_per_s)

    def reset(self) -> None:
        """Forget all idle powers, but not the frequency settings."""
        self._idle.clear()

    def _setting_at(self, now_s: float) -> Hashable:
        """Return the setting at a time; None if it is unknown."""
        return next((setting for at_s, setting in reversed(self._changes) if at_s < now_s), None)
