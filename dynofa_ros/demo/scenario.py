"""What happens in the demo, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.report.summary import RunPhase
from dynofa_ros.supernet import SubnetRecord

PREPARATION_S = 0.004
"""Time for a frame's way in and its resizing, which no platform models (assumed)."""


@dataclass(frozen=True)
class Act:
    """One phase of the demo: what the application needs, and who else wants the processor."""

    name: str
    share: float
    """Part of the demo's time, 0..1."""
    deadline_rank: float
    """Deadline, from what the fastest (0) to what the slowest (1) sub-network needs at the highest
    clock beside the competitor; above 1 there is time to clock down."""
    min_accuracy_rank: float
    """Accuracy floor, from the least (0) to the most (1) accurate sub-network."""
    co_runner_utilisation: float
    """Part of every processor that a simulated program takes, 0..1."""


ACTS = (
    Act('calm', 0.2, 2.4, 0.0, 0.0),
    Act('tight deadline', 0.2, 0.2, 0.0, 0.0),
    Act('relaxed', 0.15, 2.4, 0.0, 0.0),
    Act('competitor', 0.2, 0.4, 0.0, 0.6),
    Act('low battery', 0.25, 2.4, 0.3, 0.0),
)
# The charge at which the manager saves energy is 30 % (battery_low): the simulated battery is
# small enough to fall below it at the start of the last act, at the mean power of the acts before.
BATTERY_INITIAL = 0.60
BATTERY_LOW = 0.30
MEAN_POWER_W = 8.8


@dataclass(frozen=True)
class DemoScenario:
    """The acts laid out over a number of seconds."""

    seconds: float

    def __post_init__(self) -> None:
        """Refuse a length in which nothing can be seen.

        Raises:
            ValueError: naming the value and what is allowed.
        """
        if not (math.isfinite(self.seconds) and 15 <= self.seconds <= 3600):
            raise ValueError(f'--seconds is {self.seconds:g}; expected 15 to 3600')

    @property
    def phases(self) -> tuple[RunPhase, ...]:
        """When each act is on."""
        phases, start = [], 0.0
        for act in ACTS:
            end = start + act.share * self.seconds
            phases.append(RunPhase(act.name, start, end))
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


def latencies_s(kept: Sequence[SubnetRecord], platform: Platform, processor: str) -> list[float]:
    """Return what each sub-network takes on a processor at its highest clock, undisturbed [s]."""
    highest_hz = platform.domains[platform.processor(processor).domain].frequencies_hz[-1]
    return [
        platform.latency_s(
            processor=processor,
            frequency_hz=highest_hz,
            flops=each.flops,
            layers=each.layers,
            threads=1,
        )
        for each in kept
    ]


def deadline_s(latencies_s: Sequence[float], *, rank: float, slowdown: float) -> float:
    """Return the deadline of an act [s], whatever the model: it follows the model's latencies."""
    fastest_s, slowest_s = min(latencies_s), max(latencies_s)
    return PREPARATION_S + slowdown * (fastest_s + rank * (slowest_s - fastest_s))


def accuracy_floor(accuracies: Sequence[float], rank: float) -> float:
    """Return the accuracy at ``rank`` of the way from the worst to the best, 0..1."""
    return min(accuracies) + rank * (max(accuracies) - min(accuracies))
