"""What an application needs: a deadline, an accuracy floor, and who gives way first."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number

PRIORITY_RANGE = (-(2**31), 2**31 - 1)  # int32 of msg/Deadline


@dataclass(frozen=True)
class Target:
    """Targets of one application; the lower priority gives way first."""

    deadline_s: float = math.nan  # longest latency of a frame; NaN: none
    min_accuracy: float = 0.0
    priority: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('deadline_s', self.deadline_s, low=0.0, above=True, nan=True)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0)
        check_number('priority', self.priority, low=PRIORITY_RANGE[0], high=PRIORITY_RANGE[1])


@dataclass(frozen=True)
class TargetRequest:
    """A wish for new targets, as it arrives from outside."""

    app: str  # empty: all applications, also those that join later
    deadline_s: float
    min_accuracy: float = math.nan  # NaN: keep
    priority: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('deadline_s', self.deadline_s, low=0.0, above=True)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0, nan=True)
        check_number('priority', self.priority, low=PRIORITY_RANGE[0], high=PRIORITY_RANGE[1])

    def apply_to(self, target: Target) -> Target:
        """Return `target` with this wish granted."""
        keep = math.isnan(self.min_accuracy)
        return Target(
            deadline_s=self.deadline_s,
            min_accuracy=target.min_accuracy if keep else self.min_accuracy,
            priority=self.priority,
        )
