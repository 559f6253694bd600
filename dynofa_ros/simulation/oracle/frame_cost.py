"""What a frame costs an oracle: one whole number whose digits are compared in order.

Deadlines missed, of the highest priority first; by how much; accuracy below the floor; then the
objective, and what breaks its ties. As whole numbers they add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Objective, OperatingPoint, Profile
from dynofa_ros.simulation.oracle.foresight import ForeseenFrame

# Of a nanosecond, nanojoule and 1e-9 of accuracy. Summed, a digit must stay below its base: 64 bits
# hold 18 s x 1e9, or 18 GJ.
SCALE = 1e9
DIGIT_BITS = 64


@dataclass(frozen=True)
class OracleChoice:
    """What to run for a frame, and what that costs."""

    cost: int
    point: OperatingPoint


class FrameCost:
    """Finds the best sub-network for a frame on a processor at a clock."""

    def __init__(
        self,
        profile: Profile,
        platform: Platform,
        *,
        objective: Objective,
        priorities: Iterable[int],
    ) -> None:
        """`priorities`: all that occur."""
        self._priorities = sorted(set(priorities), reverse=True)
        self._saving = objective is Objective.MIN_ENERGY
        self._points: dict[tuple[str, float], list[OperatingPoint]] = {}
        for point in profile.points:
            self._points.setdefault((point.processor, point.frequency_hz), []).append(point)
        self.processors = sorted({point.processor for point in profile.points})
        self._domain = {name: platform.processor(name).domain for name in self.processors}
        self._ordered: dict[tuple[str, float, float], list[OperatingPoint]] = {}

    def domain(self, processor: str) -> str:
        """Return the frequency domain of a processor."""
        return self._domain[processor]

    def best(self, frame: ForeseenFrame, processor: str, frequency_hz: float) -> OracleChoice:
        """Return the best that is in time; where nothing is, the fastest."""
        floor = frame.target.min_accuracy
        ordered = self._in_order(processor, frequency_hz, floor)
        fits_s = frame.work_s[processor]
        point = next((each for each in ordered if each.latency_s <= fits_s), None)
        if point is None:
            point = min(ordered, key=lambda each: each.latency_s)
        return OracleChoice(self._cost(frame, point), point)

    def _in_order(self, processor: str, frequency_hz: float, floor: float) -> list[OperatingPoint]:
        """Return the points of a processor and clock, the best first; luck changes nothing."""
        place = (processor, frequency_hz, floor)
        if place not in self._ordered:
            self._ordered[place] = sorted(
                self._points[processor, frequency_hz],
                key=lambda each: self._tail(each, floor=floor, spread=1.0),
            )
        return self._ordered[place]

    def _tail(self, point: OperatingPoint, *, floor: float, spread: float) -> tuple[int, int, int]:
        shortfall = round(max(0.0, floor - point.accuracy) * SCALE)
        loss = round((1.0 - point.accuracy) * SCALE)
        energy = round(point.energy_j * spread * SCALE)
        return (shortfall, energy, loss) if self._saving else (shortfall, loss, energy)

    def _cost(self, frame: ForeseenFrame, point: OperatingPoint) -> int:
        late_s = max(0.0, point.latency_s - frame.work_s[point.processor])
        missed = [int(late_s > 0.0 and frame.target.priority == each) for each in self._priorities]
        tail = self._tail(point, floor=frame.target.min_accuracy, spread=frame.spread)
        cost = 0
        for digit in (*missed, round(late_s * SCALE), *tail):
            cost = (cost << DIGIT_BITS) + digit
        return cost
