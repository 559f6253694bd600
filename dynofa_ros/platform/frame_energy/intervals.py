# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Intervals between samples of an energy counter, and the time resolution of each source."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dynofa_ros.platform.device import BATTERY, RAIL, RAPL, UNAVAILABLE, PowerSample

UNKNOWN_INTERVAL_S = 0.02
MAX_POWER_W = 1e6
"""No robot draws a megawatt: a higher value is not a measurement."""


@dataclass(frozen=True)
class EnergySource:
    """The time resolution of a power sensor."""

    counts: bool
    """It integrates energy continuously; otherwise its power is sampled."""
    interval_s: float
    """Minimum length of an interval in which idle and work can be distinguished."""
    window_s: float
    """Frames within this time are distinguished only by the model: a sample can miss a frame."""
    guard_s: float
    """Time around a frame that does not count as idle: sensor and report are delayed."""

    @property
    def longest_s(self) -> float:
        """Length from which an interval is a gap."""
        return max(0.5, 2 * self.interval_s)


SOURCES = {
    # RAPL's counters move every millisecond (Intel SDM vol. 3B, 15.10); a report takes longer.
    RAPL: EnergySource(counts=True, interval_s=0.02, window_s=0.0, guard_s=0.005),
    # An INA3221 converts in 1.1 ms per channel and averages (TI SBOS576): assumed 20 ms.
    RAIL: EnergySource(counts=False, interval_s=0.02, window_s=1.0, guard_s=0.02),
    # A fuel gauge averages over one or more seconds: assumed 5 s.
    BATTERY: EnergySource(counts=False, interval_s=5.0, window_s=30.0, guard_s=5.0),
}


@dataclass(frozen=True)
class Interval:
    """The time between two samples."""

    start_s: float
    end_s: float
    energy_j: float  # 0 if it was not measured
    known: bool  # measured and not too long, so that it may be attributed

    @property
    def passed_s(self) -> float:
        """Its length [s]."""
        return self.end_s - self.start_s

    def with_next(self, after: Interval) -> Interval:
        """Return the union with the adjacent interval after it."""
        return Interval(
            self.start_s,
            after.end_s,
            energy_j=self.energy_j + after.energy_j,
            known=self.known and after.known,
        )


class SampledEnergy:
    """Divides time into intervals between samples.

    A sample that arrives sooner than the resolution of the source is skipped. Nothing is lost,
    because the counter is cumulative.
    """

    def __init__(self) -> None:
        self.last: PowerSample | None = None
        """Its source is `unavailable` unless its energy is known."""

    def is_before_last(self, at_s: float) -> bool:
        """Whether a time is before the last sample: the clock was reset."""
        return self.last is not None and at_s < self.last.at_s

    def add(self, sample: PowerSample) -> Interval | None:
        """Add a sample; return the interval that it completes, if any."""
        known = sample.source in SOURCES and math.isfinite(sample.energy_j)
        now = sample if known else replace(sample, source=UNAVAILABLE)
        before = self.last
        if before is None or self.is_before_last(now.at_s):
            self.last = now
            return None
        min_s = SOURCES[now.source].interval_s if known else UNKNOWN_INTERVAL_S
        passed_s = now.at_s - before.at_s
        if passed_s == 0 or (now.source == before.source and passed_s < min_s):
            return None
        self.last = now
        unknown = Interval(before.at_s, now.at_s, energy_j=0.0, known=False)
        if not known or now.source != before.source:
            return unknown
        passed_j = now.energy_j - before.energy_j
        if not 0 <= passed_j <= MAX_POWER_W * passed_s:
            return unknown  # the counter was reset, or is invalid
        return replace(unknown, energy_j=passed_j, known=passed_s <= SOURCES[now.source].longest_s)
