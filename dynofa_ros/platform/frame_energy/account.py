"""The account of one frame: what intervals of measured energy gave to it, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.device import MODELLED, UNAVAILABLE
from dynofa_ros.platform.frame_energy.frame_records import FrameEnergy, FrameWork
from dynofa_ros.platform.frame_energy.intervals import Interval

COVERED = 1 - 1e-6  # of a frame's time, but for rounding


@dataclass
class FrameAccount:
    """Sums over the intervals in which a frame was at work, each with its share of it."""

    frame: FrameWork
    energy_j: float = 0.0
    _covered_s: float = 0.0
    _interval_s: float = 0.0
    _share_s: float = 0.0
    _idle_j: float = 0.0
    _common_j: float = 0.0
    _sharing_j: float = 0.0
    _variance_j2: float = 0.0

    def add(
        self,
        interval: Interval,
        *,
        above_j: float,
        share: float,
        idle_w: float,
        idle_std_w: float,
        sharing_std: float,
        variance_j2: float,
    ) -> None:
        """Give `share` of what an interval took above idle to the frame.

        `sharing_std` is the standard deviation of the share, `variance_j2` the variance of what is
        given, but for the share's and the idle power's.
        """
        passed_s = interval.passed_s
        self.energy_j += share * above_j
        self._covered_s += self.frame.overlap_s(interval.start_s, interval.end_s)
        self._interval_s += passed_s
        self._share_s += share * passed_s
        self._idle_j += idle_w * passed_s
        self._common_j += share * passed_s * idle_std_w
        # A frame that takes more than the model says does so all along: these errors add up.
        self._sharing_j += sharing_std * abs(above_j)
        self._variance_j2 += variance_j2

    @property
    def covered(self) -> bool:
        """Whether all of its time was measured."""
        return self._covered_s >= COVERED * self.frame.duration_s

    def measured(self, source: str, *, window_s: float) -> FrameEnergy:
        """Return the energy of a frame of which all was measured."""
        variance_j2 = self._common_j**2 + self._sharing_j**2 + self._variance_j2
        return FrameEnergy(
            frame=self.frame,
            energy_j=self.energy_j,
            energy_std_j=math.sqrt(variance_j2),
            energy_common_std_j=self._common_j,
            source=source,
            idle_power_w=self._idle_j / self._interval_s,
            share=min(1.0, self._share_s / self._interval_s),
            window_s=window_s,
        )


def not_measured(frame: FrameWork, *, modelled: bool) -> FrameEnergy:
    """Return the energy of a frame by the model, or that it is unavailable."""
    weight_j = frame.weight_j if modelled else math.nan
    known = math.isfinite(weight_j) and weight_j >= 0
    return FrameEnergy(
        frame=frame,
        energy_j=weight_j if known else math.nan,
        energy_std_j=math.nan,
        energy_common_std_j=math.nan,
        source=MODELLED if known else UNAVAILABLE,
        idle_power_w=math.nan,
        share=math.nan,
        window_s=0.0,
    )
