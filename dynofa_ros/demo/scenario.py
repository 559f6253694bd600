"""What happens in the demo, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.report.summary import Phase


@dataclass(frozen=True)
class Act:
    """One phase of the demo: what the application needs, and who else wants the processor."""

    name: str
    share: float
    """Part of the demo's time, 0..1."""
    deadline_s: float
    min_accuracy_rank: float
    """Accuracy floor, from the least (0) to the most (1) accurate sub-network."""
    co_runner_utilisation: float
    """Part of every processor that a simulated program takes, 0..1."""


ACTS = (
    Act('calm', 0.2, 0.100, 0.0, 0.0),
    Act('tight deadline', 0.2, 0.040, 0.0, 0.0),
    Act('relaxed', 0.15, 0.100, 0.0, 0.0),
    Act('competitor', 0.2, 0.070, 0.0, 0.6),
    Act('low battery', 0.25, 0.100, 0.3, 0.0),
)
# The charge at which the manager saves energy is 30 % (battery_low): the simulated battery is
# small enough to fall below it at the start of the last act, at the mean power of the acts before.
BATTERY_INITIAL = 0.60
BATTERY_LOW = 0.30
MEAN_POWER_W = 8.8


@dataclass(frozen=True)
class Scenario:
    """The acts laid out over a number of seconds."""

    seconds: float

    def __post_init__(self) -> None:
        """Refuse a length in which nothing can be seen.

        Raises:
            ValueError: naming the value and what is allowed.
        """
        if not (math.isfinite(self.seconds) and 15 <= self.seconds <= 3600):
            raise ValueError(f'--seconds is {self.seconds:g}; allowed: 15 to 3600')

    @property
    def phases(self) -> tuple[Phase, ...]:
        """When each act is on."""
        phases, start = [], 0.0
        for act in ACTS:
            end = start + act.share * self.seconds
            phases.append(Phase(act.name, start, end))
            start = end
        return tuple(phases)

    def act(self, time_s: float) -> Act:
        """Return the act that is on; after the end, the last."""
        for act, phase in zip(ACTS, self.phases, strict=True):
            if phase.holds(time_s):
                return act
        return ACTS[-1]

    @property
    def battery_energy_j(self) -> float:
        """Capacity of the simulated battery [J]."""
        until_low_s = sum(act.share for act in ACTS[:-1]) * self.seconds
        return MEAN_POWER_W * until_low_s / (BATTERY_INITIAL - BATTERY_LOW)


def accuracy_floor(accuracies: list[float], rank: float) -> float:
    """Return the accuracy at ``rank`` of the way from the worst to the best, 0..1."""
    return min(accuracies) + rank * (max(accuracies) - min(accuracies))
