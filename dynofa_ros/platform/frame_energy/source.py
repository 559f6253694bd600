"""How well each source of power follows a frame."""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.platform.device import BATTERY, RAIL, RAPL


@dataclass(frozen=True)
class EnergySource:
    """What must be known of a sensor to tell the frames apart in what it measures."""

    counts: bool
    """It counts energy by itself, all the time; else its power is read now and then."""
    interval_s: float
    """Idle and work are told apart by intervals of at least this length."""
    window_s: float
    """Frames are not told apart within so long: single readings hit a short frame, or miss it."""
    guard_s: float
    """A time so close to a frame is not idle: the sensor lags, and so does the report."""

    @property
    def longest_s(self) -> float:
        """A longer interval is a gap, of which nobody knows what happened in it."""
        return max(0.5, 2 * self.interval_s)


SOURCES = {
    # RAPL's counters move every millisecond (Intel SDM vol. 3B, 15.10); a report needs a few.
    RAPL: EnergySource(counts=True, interval_s=0.02, window_s=0.0, guard_s=0.005),
    # An INA3221 converts in 1.1 ms a channel and averages some (TI SBOS576): assumed 20 ms.
    RAIL: EnergySource(counts=False, interval_s=0.02, window_s=1.0, guard_s=0.02),
    # A fuel gauge averages over seconds, often more than one: assumed 5 s.
    BATTERY: EnergySource(counts=False, interval_s=5.0, window_s=30.0, guard_s=5.0),
}
