# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle's cost of a frame: one integer whose digits are compared in order.

Missed deadlines, highest priority first; by how much; accuracy below the floor; then the objective
and its tie-breaker. Integers add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Cascade, CascadePoint, Objective, OperatingPoint, Profile
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.oracle.foresight import ForeseenFrame
from dynofa_ros.simulation.scene import Scene

# Resolution of a nanosecond, nanojoule and 1e-9 of accuracy. The sum of a digit must stay below its
# base: 64 bits hold 18 s x 1e9, or 18 GJ.
SCALE = 1e9
DIGIT_BITS = 64


@dataclass(frozen=True)
class _Answer:
    """A sub-network that may answer a frame: by itself, or as the stage of a cascade.

    As a stage it answers only the pictures that the cascade would leave to it, without the stages
    before it. These pictures are so much easier for it that the accuracy is that of the cascade.
    """

    point: OperatingPoint  # of the sub-network
    key: PointKey  # of the sub-network or cascade
    accuracy: float
    cascade: Cascade | None = None
    stage: int = 0


@dataclass(frozen=True)
class OracleChoice:
    """What runs for a frame, and its cost."""

    cost: int
    point: OperatingPoint  # of the sub-network that answers it
    key: PointKey  # of that, or of the cascade that it is a stage of


class FrameCost:
    """Finds the best sub-network for a frame, given a processor and a frequency."""

    def __init__(
        self,
        profile: Profile,
        platform: Platform,
        *,
        objective: Objective,
        priorities: Iterable[int],
        scene: Scene,
    ) -> None:
        """`priorities` are all target priorities of the scenario."""
        self._scene = scene
        self._priorities = sorted(set(priorities), reverse=True)
        self._saving = objective is Objective.MIN_ENERGY
        self._answers: dict[tuple[str, float], list[_Answer]] = {}
        for point in profile.every_point:
            here = self._answers.setdefault((point.processor, point.frequency_hz), [])
            here.extend(_answers(point))
        self.domains = {
            name: platform.processor(name).domain
            for name in sorted({point.processor for point in profile.points})
        }
        """The frequency domain of each processor."""
        self._ranked: dict[tuple[str, float, float], list[_Answer]] = {}

    def best(self, frame: ForeseenFrame, processor: str, frequency_hz: float) -> OracleChoice:
        """Return the best point that is in time, or else the fastest."""
        ranked = self._rank(processor, frequency_hz, frame.target.min_accuracy)
        possible = (each for each in ranked if self._answers_it(each, frame.picture))
        available_s = frame.work_s[processor]
        answer = next((each for each in possible if each.point.latency_s <= available_s), None)
        if answer is None:
            plain = (each for each in ranked if each.cascade is None)
            answer = min(plain, key=lambda each: each.point.latency_s)
        return OracleChoice(self._cost(frame, answer), answer.point, answer.key)

    def _answers_it(self, answer: _Answer, picture: int) -> bool:
        """Whether a sub-network answers a picture, as the stage of a cascade."""
        cascade = answer.cascade
        return cascade is None or self._scene.answering(picture, cascade) == answer.stage

    def _rank(self, processor: str, frequency_hz: float, floor: float) -> list[_Answer]:
        """Return the answers of a processor and frequency, best first, whatever the jitter."""
        key = (processor, frequency_hz, floor)
        if key not in self._ranked:
            self._ranked[key] = sorted(
                self._answers[processor, frequency_hz],
                key=lambda each: self._order(each, floor=floor),
            )
        return self._ranked[key]

    def _order(self, answer: _Answer, *, floor: float) -> tuple[int, ...]:
        """Return the sort key of an answer, whatever the jitter.

        The accuracy of a sub-network by itself is that on all pictures. Where it costs as much as
        the stage of a cascade does, which is the same, it is not taken for its higher accuracy: it
        would be for the pictures that are hard.
        """
        *first, last = self._objective_digits(answer, floor=floor, latency_factor=1.0)
        return (*first, answer.cascade is None, last)

    def _objective_digits(
        self, answer: _Answer, *, floor: float, latency_factor: float
    ) -> tuple[int, int, int]:
        shortfall = round(max(0.0, floor - answer.accuracy) * SCALE)
        loss = round((1.0 - answer.accuracy) * SCALE)
        energy = round(answer.point.energy_j * latency_factor * SCALE)
        return (shortfall, energy, loss) if self._saving else (shortfall, loss, energy)

    def _cost(self, frame: ForeseenFrame, answer: _Answer) -> int:
        point = answer.point
        late_s = max(0.0, point.latency_s - frame.work_s[point.processor])
        missed = [int(late_s > 0.0 and frame.target.priority == each) for each in self._priorities]
        objective = self._objective_digits(
            answer, floor=frame.target.min_accuracy, latency_factor=frame.latency_factor
        )
        cost = 0
        for digit in (*missed, round(late_s * SCALE), *objective):
            cost = (cost << DIGIT_BITS) + digit
        return cost


def _answers(point: OperatingPoint) -> Iterator[_Answer]:
    """Yield the sub-network of a point, or each stage of a cascade."""
    if not isinstance(point, CascadePoint):
        yield _Answer(point, point.key, point.accuracy)
        return
    for stage, each in enumerate(point.stages):
        yield _Answer(each, point.key, point.accuracy, point.cascade, stage)
