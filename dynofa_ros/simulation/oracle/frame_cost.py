# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle's cost of a frame: one integer whose digits are compared in order.

Missed deadlines, highest priority first; by how much; accuracy below the floor; then the objective
and its tie-breaker. Integers add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Objective, OperatingPoint, Profile
from dynofa_ros.simulation.oracle.foresight import ForeseenFrame

# Resolution of a nanosecond, nanojoule and 1e-9 of accuracy. The sum of a digit must stay below its
# base: 64 bits hold 18 s x 1e9, or 18 GJ.
SCALE = 1e9
DIGIT_BITS = 64


@dataclass(frozen=True)
class OracleChoice:
    """An operating point for a frame, and its cost."""

    cost: int
    point: OperatingPoint


class FrameCost:
    """Finds the best sub-network for a frame, given a processor and a frequency."""

    def __init__(
        self,
        profile: Profile,
        platform: Platform,
        *,
        objective: Objective,
        priorities: Iterable[int],
    ) -> None:
        """`priorities` are all target priorities of the scenario."""
        self._priorities = sorted(set(priorities), reverse=True)
        self._saving = objective is Objective.MIN_ENERGY
        self._points: dict[tuple[str, float], list[OperatingPoint]] = {}
        for point in profile.points:
            self._points.setdefault((point.processor, point.frequency_hz), []).append(point)
        self.domains = {
            name: platform.processor(name).domain
            for name in sorted({point.processor for point in profile.points})
        }
        """The frequency domain of each processor."""
        self._ranked: dict[tuple[str, float, float], list[OperatingPoint]] = {}

    def best(self, frame: ForeseenFrame, processor: str, frequency_hz: float) -> OracleChoice:
        """Return the best point that is in time, or else the fastest."""
        ranked = self._rank(processor, frequency_hz, frame.target.min_accuracy)
        available_s = frame.work_s[processor]
        point = next((each for each in ranked if each.latency_s <= available_s), None)
        if point is None:
            point = min(ranked, key=lambda each: each.latency_s)
        return OracleChoice(self._cost(frame, point), point)

    def _rank(self, processor: str, frequency_hz: float, floor: float) -> list[OperatingPoint]:
        """Return the points of a processor and frequency, best first, whatever the jitter."""
        key = (processor, frequency_hz, floor)
        if key not in self._ranked:
            self._ranked[key] = sorted(
                self._points[processor, frequency_hz],
                key=lambda each: self._objective_digits(each, floor=floor, latency_factor=1.0),
            )
        return self._ranked[key]

    def _objective_digits(
        self, point: OperatingPoint, *, floor: float, latency_factor: float
    ) -> tuple[int, int, int]:
        shortfall = round(max(0.0, floor - point.accuracy) * SCALE)
        loss = round((1.0 - point.accuracy) * SCALE)
        energy = round(point.energy_j * latency_factor * SCALE)
        return (shortfall, energy, loss) if self._saving else (shortfall, loss, energy)

    def _cost(self, frame: ForeseenFrame, point: OperatingPoint) -> int:
        late_s = max(0.0, point.latency_s - frame.work_s[point.processor])
        missed = [int(late_s > 0.0 and frame.target.priority == each) for each in self._priorities]
        objective = self._objective_digits(
            point, floor=frame.target.min_accuracy, latency_factor=frame.latency_factor
        )
        cost = 0
        for digit in (*missed, round(late_s * SCALE), *objective):
            cost = (cost << DIGIT_BITS) + digit
        return cost
