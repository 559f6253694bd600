"""From samples of an energy counter to intervals of which the energy is known, or is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dynofa_ros.platform.device import UNAVAILABLE
from dynofa_ros.platform.frame_energy.source import SOURCES, EnergySource

UNKNOWN_INTERVAL_S = 0.02
MOST_W = 1e6
"""No robot draws a megawatt: what says so is not a measurement."""


@dataclass(frozen=True)
class Interval:
    """The time between two samples."""

    start_s: float
    end_s: float
    energy_j: float  # 0 if it was not measured
    known: bool  # whether it may be shared: measured, and not too long

    @property
    def passed_s(self) -> float:
        """Its length [s]."""
        return self.end_s - self.start_s

    def with_next(self, after: Interval) -> Interval:
        """Return this one and the one after it as one."""
        return Interval(
            self.start_s,
            after.end_s,
            energy_j=self.energy_j + after.energy_j,
            known=self.known and after.known,
        )


@dataclass(frozen=True)
class Sample:
    """What the meter had counted at a time; `source` is `unavailable` where it is not known."""

    at_s: float
    energy_j: float
    source: str


class SampledEnergy:
    """Cuts time into intervals, from sample to sample.

    A sample that comes sooner than the source can tell apart is left out: nothing is lost, because
    energy is counted from the start.
    """

    def __init__(self, sources: Mapping[str, EnergySource] = SOURCES) -> None:
        self._sources = sources
        self.last: Sample | None = None

    def went_back(self, now_s: float) -> bool:
        """Whether a time is before that of the last sample; then everything starts again."""
        return self.last is not None and now_s < self.last.at_s

    def sample(self, now_s: float, *, energy_j: float, source: str) -> Interval | None:
        """Take a sample; return the interval that it ends, if it ends one."""
        known = source in self._sources and math.isfinite(energy_j)
        now = Sample(now_s, energy_j, source if known else UNAVAILABLE)
        before = self.last
        if before is None or now_s < before.at_s:
            self.last = now
            return None
        least_s = self._sources[source].interval_s if known else UNKNOWN_INTERVAL_S
        passed_s = now_s - before.at_s
        if passed_s == 0 or (now.source == before.source and passed_s < least_s):
            return None
        self.last = now
        return self._between(before, now)

    def _between(self, before: Sample, now: Sample) -> Interval:
        nothing = Interval(before.at_s, now.at_s, energy_j=0.0, known=False)
        if now.source == UNAVAILABLE or now.source != before.source:
            return nothing
        energy_j = now.energy_j - before.energy_j
        if not 0 <= energy_j <= MOST_W * nothing.passed_s:
            return nothing  # the counter began anew, or is not one
        source = self._sources[now.source]
        return replace(nothing, energy_j=energy_j, known=nothing.passed_s <= source.longest_s)
