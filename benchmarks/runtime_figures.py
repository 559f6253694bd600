"""Means over seeds, and what runtime.py compares: every goal with its conditions, met or missed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from goals import Ceiling, Goal
from runtime_runs import Run

STUDENT_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Two-sided 95 % quantile of Student's t for 1 to 30 degrees of freedom; above, the last one."""
ACCURACY_POINTS = 0.5
"""Mean accuracy may differ by so many points from the reference's; the issue's figure."""
ROUNDING_DIGITS = 9


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % interval, for normally distributed means."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return that of one value per seed; of a single one nothing is known but itself."""
        if not values or any(math.isnan(each) for each in values):
            return cls(math.nan, math.nan, math.nan)
        mean = statistics.fmean(values)
        if len(values) == 1:
            return cls(mean, math.nan, math.nan)
        quantile = STUDENT_T[min(len(values) - 1, len(STUDENT_T)) - 1]
        half = quantile * statistics.stdev(values) / math.sqrt(len(values))
        return cls(mean, mean - half, mean + half)

    def text(self, *, scale: float = 1.0, digits: int = 1) -> str:
        """Return mean and half the interval, as a table shows it."""
        if math.isnan(self.mean):
            return '-'
        text = f'{self.mean * scale:.{digits}f}'
        if math.isnan(self.high):
            return text
        return f'{text} ± {(self.high - self.mean) * scale:.{digits}f}'


@dataclass(frozen=True)
class Check:
    """One condition of a goal: a figure over all seeds, and what it must reach."""

    goal: Goal
    interval: Interval
    unit: str

    @classmethod
    def of(cls, name: str, values: Sequence[float], *, unit: str, least: float) -> Check:
        """Return a condition on the mean: at least so much."""
        interval = Interval.of(values)
        return cls(Goal(name, interval.mean, least), interval, unit)

    @classmethod
    def at_most(cls, name: str, values: Sequence[float], *, unit: str, most: float) -> Check:
        """Return a condition on the mean: at most so much."""
        interval = Interval.of(values)
        # Rounding errors of a mean are no excess.
        return cls(Ceiling(name, round(interval.mean, ROUNDING_DIGITS), most), interval, unit)

    @property
    def is_ceiling(self) -> bool:
        """Whether it must stay below."""
        return isinstance(self.goal, Ceiling)

    @property
    def met(self) -> bool:
        """Whether the mean reaches it; NaN does not."""
        return self.goal.met

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON holds it."""
        return self.goal.to_dict() | {'unit': self.unit, 'interval': asdict(self.interval)}


@dataclass(frozen=True)
class Comparison:
    """A goal on one platform and scenario; met only if every condition is."""

    measure: str
    platform: str
    scenario: str
    reference: str
    checks: tuple[Check, ...]
    notes: Mapping[str, Interval]
    """Figures beside, which decide nothing."""
    limit: Interval | None = None
    """What the oracle reaches in the first condition; of the oracle itself, that without luck."""
    comparable: bool = True
    """Whether the reference is what the goal asks for: not if no static network meets it."""

    @property
    def met(self) -> bool:
        """Whether there is something to compare with, and every condition is met."""
        return self.comparable and all(each.met for each in self.checks)

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if not self.comparable:
            return 'no reference'
        return 'met' if self.met else 'missed'

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON holds it."""
        return {
            'measure': self.measure,
            'platform': self.platform,
            'scenario': self.scenario,
            'reference': self.reference,
            'met': self.met,
            'verdict': self.verdict,
            'limit': None if self.limit is None else asdict(self.limit),
            'checks': [each.to_dict() for each in self.checks],
            'notes': {name: asdict(each) for name, each in self.notes.items()},
        }


BOARD, FRAME = 'energy_per_frame_j', 'work_energy_per_frame_j'
"""Energy of the board by frame, idle power included; energy of a frame's own work, above idle."""


def percent_less(ours: Sequence[Run], theirs: Sequence[Run], energy: str) -> list[float]:
    """Return by how many percent ours takes less energy a frame, seed by seed."""
    return [
        100 * (1 - getattr(a, energy) / getattr(b, energy))
        for a, b in zip(ours, theirs, strict=True)
    ]


def points_lost(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return by how many points accuracy is lower, seed by seed: of the application most hit."""
    return [
        100 * max(b.accuracy[app] - a.accuracy[app] for app in a.accuracy)
        for a, b in zip(ours, theirs, strict=True)
    ]


def p95_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return the ratio of p95 latencies, seed by seed: of the application most hit."""
    return [
        max(a.latency_p95_s[app] / b.latency_p95_s[app] for app in a.latency_p95_s)
        for a, b in zip(ours, theirs, strict=True)
    ]


def percent_missed(runs: Sequence[Run]) -> list[float]:
    """Return the images late or dropped in percent, seed by seed."""
    return [100 * each.missed for each in runs]


def more_missed(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return how many more percent of the images are late or dropped, seed by seed."""
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
"""What is written of every policy; accuracy: mean over applications, p95: of the slowest."""


def summary(runs: Sequence[Run]) -> dict[str, Interval]:
    """Return the means over seeds of one policy."""
    return {name: Interval.of([of(each) for each in runs]) for name, of in SUMMARY.items()}
