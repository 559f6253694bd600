# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames, their energy, and the account that accumulates it (docs/energy.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError, check_finite, check_name
from dynofa_ros.platform.device import MODELLED, UNAVAILABLE
from dynofa_ros.platform.frame_energy.intervals import Interval
from dynofa_ros.platform.simulated.occupancy import MAX_BACKLOG_S

MIN_FRAME_S = 1e-6
MAX_FRAME_S = MAX_BACKLOG_S
"""Range of plausible durations; others are errors in the report."""
MIN_FRAME_J, MAX_FRAME_J = 1e-9, 1e6
"""Range of plausible modelled energies; others count as unknown."""
COVERED = 1 - 1e-6
"""Fraction of a frame that must be measured; less than 1 because of rounding errors."""


@dataclass(frozen=True)
class FrameWork:
    """The inference of one frame, in the device's steady time."""

    app: str
    sequence: int  # number of this frame in its application
    processor: str
    threads: int
    start_s: float
    end_s: float
    modelled_j: float  # modelled energy above idle [J]; NaN: unknown
    stamp_ns: int = 0  # of the image
    frame_id: str = ''  # of the image

    def __post_init__(self) -> None:
        """Raise PlatformError, with the field and the application, for impossible values."""
        try:
            check_name('app', self.app)
            check_finite('start_s', self.start_s)
            check_finite('end_s', self.end_s)
            if not MIN_FRAME_S <= self.duration_s <= MAX_FRAME_S:
                raise PlatformError(
                    field='duration_s',
                    value=self.duration_s,
                    expected=f'{MIN_FRAME_S:g} to {MAX_FRAME_S:g} s',
                )
            for field, value in (('sequence', self.sequence), ('threads', self.threads)):
                if value < 0:
                    raise PlatformError(field=field, value=value, expected='at least 0')
        except PlatformError as error:
            raise error.inside(section=f'frame of {self.app!r}') from error

    @property
    def duration_s(self) -> float:
        """Duration of the inference [s]."""
        return self.end_s - self.start_s

    @property
    def modelled_w(self) -> float:
        """Mean modelled power above idle [W]; NaN if it is unknown."""
        known = MIN_FRAME_J <= self.modelled_j <= MAX_FRAME_J
        return self.modelled_j / self.duration_s if known else math.nan

    def overlap_s(self, start_s: float, end_s: float) -> float:
        """Return the part of its duration between two times [s]."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


@dataclass(frozen=True)
class FrameEnergy:
    """The energy of one frame above idle. Unknown values are NaN."""

    frame: FrameWork
    energy_j: float  # noise can make that of a small frame negative
    energy_std_j: float  # its standard deviation
    energy_common_std_j: float  # the part common to all frames: the error of the idle power
    source: str  # measured_rail, measured_rapl, measured_battery, modelled or unavailable
    idle_power_w: float  # the power that was subtracted
    share: float  # fraction of the energy above idle that is attributed to this frame, 0..1
    window_s: float  # frames closer than this have all their errors in common; 0: none


@dataclass(frozen=True)
class EnergyTotals:
    """Attribution of the measured energy [J]: `measured_j` is the sum of the other fields."""

    measured_j: float  # from the first sample to the last
    frames_j: float  # of frames
    idle_j: float  # idle power at all times
    unattributed_j: float  # of times and frames with gaps in reports or samples
    pending_j: float  # not settled yet


@dataclass
class FrameAccount:
    """Sums over the intervals that overlap a frame, weighted with its share of each."""

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
        """Attribute `share` of the energy of an interval above idle to the frame.

        `sharing_std` is the standard deviation of the share. `variance_j2` is the variance of the
        attributed energy apart from those of the share and of the idle power.
        """
        passed_s = interval.passed_s
        self.energy_j += share * above_j
        self._covered_s += self.frame.overlap_s(interval.start_s, interval.end_s)
        self._interval_s += passed_s
        self._share_s += share * passed_s
        self._idle_j += idle_w * passed_s
        self._common_j += share * passed_s * idle_std_w
        # The deviation from the model lasts for the whole frame, so these errors add linearly.
        self._sharing_j += sharing_std * abs(above_j)
        self._variance_j2 += variance_j2

    @property
    def covered(self) -> bool:
        """Whether the whole frame was measured."""
        return self._covered_s >= COVERED * self.frame.duration_s

    def measured(self, source: str, *, window_s: float) -> FrameEnergy:
        """Return the energy of a frame that was measured as a whole."""
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
    """Return the modelled energy of a frame, if requested and known; else it is unavailable."""
    known = modelled and math.isfinite(frame.modelled_j) and frame.modelled_j >= 0
    return FrameEnergy(
        frame=frame,
        energy_j=frame.modelled_j if known else math.nan,
        energy_std_j=math.nan,
        energy_common_std_j=math.nan,
        source=MODELLED if known else UNAVAILABLE,
        idle_power_w=math.nan,
        share=math.nan,
        window_s=0.0,
    )
