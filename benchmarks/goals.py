"""A figure that a benchmark is to reach, and whether it does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A figure with the least value that is good enough."""

    name: str
    value: float
    goal: float

    @property
    def met(self) -> bool:
        """Whether it is reached; NaN is not."""
        return self.value >= self.goal

    def line(self) -> str:
        """Return it as a line of the report."""
        verdict = 'met' if self.met else 'missed'
        return f'{self.name}: {self.value:.2f}; goal: at least {self.goal:.2f}: {verdict}'

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON holds it."""
        return asdict(self) | {'met': self.met}


@dataclass(frozen=True)
class Ceiling(Goal):
    """A figure with the largest value that is good enough."""

    @property
    def met(self) -> bool:
        """Whether it stays below or at it; NaN does not."""
        return self.value <= self.goal

    def line(self) -> str:
        """Return it as a line of the report."""
        verdict = 'met' if self.met else 'missed'
        return f'{self.name}: {self.value:.3g}; goal: at most {self.goal:.3g}: {verdict}'
