# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Scenario of the demo: targets and competing load over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.report.summary import RunPhase
from dynofa_ros.supernet import SubnetRecord

PREPARATION_S = 0.004
"""Time to receive and resize a frame, which platforms do not model (assumed)."""


@dataclass(frozen=True)
class Act:
    """A phase of the demo: targets of the application, and load of a competing program."""

    name: str
    share: float
    """Fraction of the demo's duration, 0..1."""
    deadline_rank: float
    """Deadline between the latency of the fastest (0) and the slowest (1) sub-network, at the
    highest frequency with the competing load; above 1 there is time to lower the frequency."""
    min_accuracy_rank: float
    """Accuracy floor between the least (0) and the most (1) accurate sub-network."""
    co_runner_utilisation: float
    """Fraction of every processor used by the competing simulated program, 0..1."""


ACTS = (
    Act('calm', 0.2, 2.4, 0.0, 0.0),
    Act('tight deadline', 0.2, 0.2, 0.0, 0.0),
    Act('relaxed', 0.15, 2.4, 0.0, 0.0),
    Act('competitor', 0.2, 0.4, 0.0, 0.6),
    Act('low battery', 0.25, 2.4, 0.3, 0.0),
)
# The simulated battery is sized to fall below 30 % (battery_low), where the manager starts to save
# energy, before the last act, given the mean power of the previous acts. The manager believes a
# charge after some seconds, so that noise does not change the objective.
BATTERY_INITIAL = 0.60
BATTERY_LOW = 0.30
MEAN_POWER_W = 8.8
CHARGE_LAG_S = 6.0


@dataclass(frozen=True)
class DemoScenario:
    """The acts, scaled to a duration."""

    seconds: float

    def __post_init__(self) -> None:
        """Raise ValueError unless the duration is 15 s to 1 h."""
        if not (math.isfinite(self.seconds) and 15 <= self.seconds <= 3600):
            raise ValueError(f'--seconds is {self.seconds:g}; expected 15 to 3600')

    @property
    def phases(self) -> tuple[RunPhase, ...]:
        """Start and end of each act."""
        phases, start = [], 0.0
        for act in ACTS:
            end = start + act.share * self.seconds
            phases.append(RunPhase(act.name, start, end))
            start = end
        return tuple(phases)

    def act(self, time_s: float) -> Act:
        """Return the act at a time; the last one after the end."""
        for act, phase in zip(ACTS, self.phases, strict=True):
            if phase.contains(time_s):
                return act
        return ACTS[-1]

    @property
    def battery_energy_j(self) -> float:
        """Capacity of the simulated battery [J]."""
        until_low_s = sum(act.share for act in ACTS[:-1]) * self.seconds - CHARGE_LAG_S
        return MEAN_POWER_W * until_low_s / (BATTERY_INITIAL - BATTERY_LOW)


def latencies_s(kept: Sequence[SubnetRecord], platform: Platform, processor: str) -> list[float]:
    """Return the latency of each sub-network at the highest frequency, without co-runners [s]."""
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
    """Return the deadline of an act [s], scaled to the latencies of the model."""
    fastest_s, slowest_s = min(latencies_s), max(latencies_s)
    return PREPARATION_S + slowdown * (fastest_s + rank * (slowest_s - fastest_s))


def accuracy_floor(accuracies: Sequence[float], rank: float) -> float:
    """Return the accuracy at a fraction ``rank`` of the range from the worst to the best, 0..1."""
    return min(accuracies) + rank * (max(accuracies) - min(accuracies))
