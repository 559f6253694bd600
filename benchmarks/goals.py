# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Goals of a benchmark: a figure, the value it should reach, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A figure that should be at least `goal`."""

    name: str
    value: float
    goal: float

    @property
    def met(self) -> bool:
        """Whether the goal is reached; NaN never is."""
        return self.value >= self.goal

    def line(self) -> str:
        """Return the goal as a line of the report."""
        verdict = 'met' if self.met else 'missed'
        return f'{self.name}: {self.value:.2f}; goal: at least {self.goal:.2f}: {verdict}'

    def to_dict(self) -> dict[str, Any]:
        """Return the goal as a JSON object."""
        return asdict(self) | {'met': self.met}


@dataclass(frozen=True)
class Ceiling(Goal):
    """A figure that should be at most `goal`."""

    @property
    def met(self) -> bool:
        """Whether the figure stays at or below the goal; NaN never does."""
        return self.value <= self.goal

    def line(self) -> str:
        """Return the goal as a line of the report."""
        verdict = 'met' if self.met else 'missed'
        return f'{self.name}: {self.value:.3g}; goal: at most {self.goal:.3g}: {verdict}'


def judge(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    """Print all goals; return them as JSON objects."""
    for each in goals:
        print(each.line())
    return [each.to_dict() for each in goals]
