# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Messages received during a run, as plain values. Times are seconds since its start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

LATE_FRAMES = 5000
"""Measured energy is matched with one of this many latest frames."""


@dataclass(frozen=True)
class RecordedFrame:
    """A classified image: the fields of FrameReport.msg that a report uses."""

    time_s: float
    app: str
    subnet_id: str  # or cascade
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
    energy_common_std_j: float = math.nan  # part of it that is common to all frames
    energy_window_s: float = 0.0  # frames within it share the rest of the error; 0: independent
    stages: Sequence[str] = ()  # sub-networks that ran


@dataclass(frozen=True)
class MeasuredEnergy:
    """Energy of a frame, published as FrameEnergy.msg after the frame's report."""

    app: str
    sequence: int
    energy_j: float
    energy_std_j: float
    energy_common_std_j: float
    source: str
    window_s: float


@dataclass(frozen=True)
class PlatformSample:
    """Frequencies, power and temperature of the platform."""

    time_s: float
    platform: str
    simulated: bool
    frequencies_hz: dict[str, float]
    power_w: float
    power_source: str
    temperature_c: float


@dataclass(frozen=True)
class BatterySample:
    """Battery charge, a fraction 0..1."""

    time_s: float
    percentage: float


@dataclass
class RecordedCommand:
    """A command and its acknowledgement; None: not acknowledged yet."""

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
    """A change of the manager's objective."""

    time_s: float
    objective: str
    reason: str


@dataclass(frozen=True)
class PowerCap:
    """A change of the manager's power cap."""

    time_s: float
    power_w: float  # NaN: no cap
    reason: str


@dataclass
class Recording:
    """All records of a run, in order of arrival."""

    frames: list[RecordedFrame] = field(default_factory=list)
    platform: list[PlatformSample] = field(default_factory=list)
    battery: list[BatterySample] = field(default_factory=list)
    commands: list[RecordedCommand] = field(default_factory=list)
    objectives: list[RecordedObjective] = field(default_factory=list)
    power_caps: list[PowerCap] = field(default_factory=list)
    decisions_s: list[float] = field(default_factory=list)

    def add_energy(self, measured: MeasuredEnergy) -> None:
        """Set the measured energy of the latest matching frame; unknown energy is ignored."""
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
        """Mark the commands of a receiver up to ``sequence`` as acknowledged."""
        for command in self.commands:
            waiting = command.acknowledged_s is None and command.receiver == receiver
            if waiting and command.sequence <= sequence:
                command.acknowledged_s = time_s
                # The outcome is known of the last one only; earlier ones were superseded.
                latest = command.sequence == sequence
                command.applied = applied if latest else True
                command.result = result if latest else 'superseded by a later command'

    @property
    def unacknowledged(self) -> list[RecordedCommand]:
        """Commands without an acknowledgement so far."""
        return [command for command in self.commands if command.acknowledged_s is None]
