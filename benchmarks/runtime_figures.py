# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Means over seeds, and the comparisons of runtime.py: goals with all their conditions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from goals import Ceiling, Goal
from runtime_runs import Run

STUDENT_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Two-sided 95 % quantile of Student's t for 1 to 30 degrees of freedom; above, the last one."""
ACCURACY_POINTS = 0.5
"""Allowed loss of mean accuracy against the reference, in percentage points."""
ROUNDING_DIGITS = 9


class Interval(NamedTuple):
    """A mean over seeds and half the width of its 95 % interval, for normally distributed means."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the interval of one value per seed; that of a single value has unknown width."""
        if not values or any(math.isnan(each) for each in values):
            return cls(math.nan, math.nan)
        mean = statistics.fmean(values)
        if len(values) == 1:
            return cls(mean, math.nan)
        quantile = STUDENT_T[min(len(values) - 1, len(STUDENT_T)) - 1]
        return cls(mean, quantile * statistics.stdev(values) / math.sqrt(len(values)))

    @classmethod
    def from_json(cls, values: Sequence[float | None]) -> Interval:
        """Return the interval of a JSON array, in which unknown numbers are null."""
        return cls(*(math.nan if each is None else each for each in values))

    def text(self, *, scale: float = 1.0, digits: int = 1) -> str:
        """Return the interval as `mean ± half`."""
        if math.isnan(self.mean):
            return '-'
        text = f'{self.mean * scale:.{digits}f}'
        return text if math.isnan(self.half) else f'{text} ± {self.half * scale:.{digits}f}'


@dataclass(frozen=True)
class Check:
    """One condition of a goal: a figure over all seeds and the value it should reach."""

    goal: Goal
    interval: Interval
    unit: str

    @classmethod
    def at_least(cls, name: str, values: Sequence[float], *, unit: str, least: float) -> Check:
        """Return a lower limit of the mean."""
        interval = Interval.of(values)
        return cls(Goal(name, interval.mean, least), interval, unit)

    @classmethod
    def at_most(cls, name: str, values: Sequence[float], *, unit: str, most: float) -> Check:
        """Return an upper limit of the mean."""
        interval = Interval.of(values)
        # Rounding errors of a mean must not exceed the limit.
        return cls(Ceiling(name, round(interval.mean, ROUNDING_DIGITS), most), interval, unit)

    @property
    def is_ceiling(self) -> bool:
        """Whether the goal is an upper limit."""
        return isinstance(self.goal, Ceiling)

    @property
    def met(self) -> bool:
        """Whether the mean reaches the goal; NaN does not."""
        return self.goal.met

    def to_dict(self) -> dict[str, Any]:
        """Return the condition as a JSON object."""
        added = {'at_most': self.is_ceiling, 'unit': self.unit, 'interval': self.interval}
        return self.goal.to_dict() | added


@dataclass(frozen=True)
class Comparison:
    """A goal on one platform and scenario; it is met if all conditions are."""

    measure: str
    platform: str
    scenario: str
    reference: str
    checks: tuple[Check, ...]
    notes: Mapping[str, Interval]
    """Additional figures without a goal."""
    limit: Interval | None = None
    """The oracle's value of the first condition; for the oracle itself, that without jitter."""
    comparable: bool = True
    """False if no static network meets the deadline, so that there is no valid reference."""

    @property
    def met(self) -> bool:
        """Whether there is a reference and every condition is met."""
        return self.comparable and all(each.met for each in self.checks)

    @property
    def verdict(self) -> str:
        """The outcome: `met`, `missed` or `no reference`."""
        if not self.comparable:
            return 'no reference'
        return 'met' if self.met else 'missed'

    def to_dict(self) -> dict[str, Any]:
        """Return the goal as a JSON object."""
        return {
            'measure': self.measure,
            'platform': self.platform,
            'scenario': self.scenario,
            'reference': self.reference,
            'met': self.met,
            'verdict': self.verdict,
            'limit': self.limit,
            'checks': [each.to_dict() for each in self.checks],
            'notes': dict(self.notes),
        }


BOARD, FRAME = 'energy_per_frame_j', 'work_energy_per_frame_j'
"""Board energy per frame, including idle power; energy of a frame's own work above idle."""


def percent_saved(ours: Sequence[Run], theirs: Sequence[Run], energy: str) -> list[float]:
    """Return the energy per frame that ours saves, in percent, by seed."""
    return [
        100 * (1 - getattr(a, energy) / getattr(b, energy))
        for a, b in zip(ours, theirs, strict=True)
    ]


def points_lost(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return the largest loss of accuracy of an application, in percentage points, by seed."""
    return [
        100 * max(b.accuracy[app] - a.accuracy[app] for app in a.accuracy)
        for a, b in zip(ours, theirs, strict=True)
    ]


def p95_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return the largest ratio of p95 latencies of an application, by seed."""
    return [
        max(a.latency_p95_s[app] / b.latency_p95_s[app] for app in a.latency_p95_s)
        for a, b in zip(ours, theirs, strict=True)
    ]


def percent_missed(runs: Sequence[Run]) -> list[float]:
    """Return the late or dropped images in percent, by seed."""
    return [100 * each.missed for each in runs]


def more_missed(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return the difference of late or dropped images in percentage points, by seed."""
    pairs = zip(percent_missed(ours), percent_missed(theirs), strict=True)
    return [a - b for a, b in pairs]


SUMMARY: dict[str, Callable[[Run], float]] = {
    'energy_per_frame_j': lambda run: run.energy_per_frame_j,
    'work_energy_per_frame_j': lambda run: run.work_energy_per_frame_j,
    'accuracy': lambda run: statistics.fmean(run.accuracy.values()),
    'latency_p95_s': lambda run: max(run.latency_p95_s.values()),
    'missed': lambda run: run.missed,
    'steady_missed': lambda run: run.steady_missed,
    'compliance_images': lambda run: run.compliance_images,
    'compliance_s': lambda run: run.compliance_s,
    'switches': lambda run: float(run.switches),
    'clock_changes': lambda run: float(run.clock_changes),
}
"""Figures of every policy; accuracy is the mean over applications, p95 that of the slowest."""


def summary(runs: Sequence[Run]) -> dict[str, Interval]:
    """Return the means over seeds of one policy."""
    return {name: Interval.of([of(each) for each in runs]) for name, of in SUMMARY.items()}
