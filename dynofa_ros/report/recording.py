"""What was heard during one run, as plain values. Times are seconds since the run began."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

LATE_FRAMES = 5000
"""Energy is said of one of the latest frames, or it is too late."""


@dataclass(frozen=True)
class RecordedFrame:
    """One classified image: the fields of FrameReport.msg that a report shows."""

    time_s: float
    app: str
    subnet_id: str
    processor: str
    latency_s: float
    deadline_s: float
    deadline_met: bool
    energy_j: float
    accuracy: float
    dropped: int
    refused: int
    latency_source: str
    energy_source: str
    label: str = ''
    score: float = math.nan
    sequence: int = 0
    energy_std_j: float = math.nan
    energy_common_std_j: float = math.nan  # part of it that is the same for all frames
    energy_window_s: float = 0.0  # frames this close share the rest of it too; 0: they do not


@dataclass(frozen=True)
class MeasuredEnergy:
    """What a frame took, as FrameEnergy.msg says it after the frame's report."""

    app: str
    sequence: int
    energy_j: float
    energy_std_j: float
    energy_common_std_j: float
    source: str
    window_s: float


@dataclass(frozen=True)
class PlatformSample:
    """Clocks and power of the platform."""

    time_s: float
    platform: str
    simulated: bool
    frequencies_hz: dict[str, float]
    power_w: float
    power_source: str
    temperature_c: float


@dataclass(frozen=True)
class BatterySample:
    """Charge, a fraction 0..1."""

    time_s: float
    percentage: float


@dataclass
class RecordedCommand:
    """A command, and when it was acknowledged; None as long as it was not."""

    time_s: float
    receiver: str
    sequence: int
    what: str
    reason: str
    acknowledged_s: float | None = None
    applied: bool = False
    result: str = ''


@dataclass(frozen=True)
class RecordedObjective:
    """What the manager optimises from now on."""

    time_s: float
    objective: str
    reason: str


@dataclass(frozen=True)
class PowerCap:
    """What the board may draw, as the manager said it."""

    time_s: float
    power_w: float  # NaN: no cap
    reason: str


@dataclass
class Recording:
    """Everything of one run, in the order it was heard."""

    frames: list[RecordedFrame] = field(default_factory=list)
    platform: list[PlatformSample] = field(default_factory=list)
    battery: list[BatterySample] = field(default_factory=list)
    commands: list[RecordedCommand] = field(default_factory=list)
    objectives: list[RecordedObjective] = field(default_factory=list)
    power_caps: list[PowerCap] = field(default_factory=list)
    decisions_s: list[float] = field(default_factory=list)

    def add_energy(self, measured: MeasuredEnergy) -> None:
        """Let a frame that was heard have its measured energy; if that is unknown, nothing."""
        if math.isnan(measured.energy_j):
            return
        oldest = max(0, len(self.frames) - LATE_FRAMES)
        for index in range(len(self.frames) - 1, oldest - 1, -1):
            frame = self.frames[index]
            if (frame.app, frame.sequence) == (measured.app, measured.sequence):
                self.frames[index] = replace(
                    frame,
                    energy_j=measured.energy_j,
                    energy_std_j=measured.energy_std_j,
                    energy_common_std_j=measured.energy_common_std_j,
                    energy_window_s=measured.window_s,
                    energy_source=measured.source,
                )
                return

    def acknowledge(
        self, receiver: str, sequence: int, *, time_s: float, applied: bool, result: str
    ) -> None:
        """Note that a receiver has seen its commands up to ``sequence``."""
        for command in self.commands:
            waiting = command.acknowledged_s is None and command.receiver == receiver
            if waiting and command.sequence <= sequence:
                command.acknowledged_s = time_s
                # Only the last one's outcome is known; those before it were overtaken.
                latest = command.sequence == sequence
                command.applied = applied if latest else True
                command.result = result if latest else 'overtaken by a later command'

    @property
    def unacknowledged(self) -> list[RecordedCommand]:
        """Commands that nobody acknowledged so far."""
        return [command for command in self.commands if command.acknowledged_s is None]
