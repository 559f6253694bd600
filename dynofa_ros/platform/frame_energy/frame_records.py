"""What the sharing of energy (docs/energy.md) takes and gives: frames, and their energy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError, check_finite, check_name
from dynofa_ros.platform.simulated.occupancy import MAX_BACKLOG_S

LEAST_FRAME_S = 1e-6
MAX_FRAME_S = MAX_BACKLOG_S
"""What is shorter or longer is a wrong report, not work."""
LEAST_J, MOST_J = 1e-9, 1e6
"""A model that says less or more of a frame says nothing."""


@dataclass(frozen=True)
class FrameWork:
    """The inference of one frame, and when it was worked on by the device's steady clock."""

    app: str
    sequence: int  # of the application's frames, this one included
    processor: str
    threads: int
    start_s: float
    end_s: float
    weight_j: float  # energy above idle by the platform's description [J]; NaN: it says nothing
    stamp_ns: int = 0  # of the image
    frame_id: str = ''  # of the image

    def __post_init__(self) -> None:
        """Raise PlatformError, which names the field and the application, for impossible work."""
        try:
            check_name('app', self.app)
            check_finite('start_s', self.start_s)
            check_finite('end_s', self.end_s)
            if not LEAST_FRAME_S <= self.duration_s <= MAX_FRAME_S:
                raise PlatformError(
                    field='duration_s',
                    value=self.duration_s,
                    expected=f'{LEAST_FRAME_S:g} to {MAX_FRAME_S:g} s',
                )
            for field, value in (('sequence', self.sequence), ('threads', self.threads)):
                if value < 0:
                    raise PlatformError(field=field, value=value, expected='at least 0')
        except PlatformError as error:
            raise error.inside(section=f'frame of {self.app!r}') from error

    @property
    def duration_s(self) -> float:
        """How long it was worked on [s]."""
        return self.end_s - self.start_s

    @property
    def modelled_w(self) -> float:
        """Power above idle while it was worked on, by the model [W]; NaN if that says nothing."""
        known = LEAST_J <= self.weight_j <= MOST_J
        return self.weight_j / self.duration_s if known else math.nan

    def overlap_s(self, start_s: float, end_s: float) -> float:
        """Return how much of its time lies between two times [s]."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


@dataclass(frozen=True)
class FrameEnergy:
    """What one frame took above idle. Unknown values are NaN."""

    frame: FrameWork
    energy_j: float  # noise can take that of a small frame below 0
    energy_std_j: float  # standard deviation of it
    energy_common_std_j: float  # part of that which all frames share: the error of idle
    source: str  # measured_rail, measured_rapl, measured_battery, modelled or unavailable
    idle_power_w: float  # what was subtracted
    share: float  # part that it was given of the energy above idle around it, 0..1
    window_s: float  # frames this close together share the rest of their errors too; 0: they do not


@dataclass(frozen=True)
class EnergyTotals:
    """Where the measured energy went [J]: `measured_j` is the sum of all the others."""

    measured_j: float  # between the first sample and the last
    frames_j: float  # given to frames
    idle_j: float  # while nobody worked, and the idle power while somebody did
    unattributed_j: float  # of times and frames of which not enough is known
    pending_j: float  # not settled yet
