"""Who needs what: the targets of all applications, also of those that have not joined yet."""

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


# Requests kept for applications that have not announced a profile; a wrong name must not fill
# the memory.
WAITING_MAX = 64


class TargetBook:
    """Grants requests for targets: one application's, or all applications' (empty name)."""

    def __init__(self, default: Target) -> None:
        self._for_new = default
        self._all_asked = False
        self._targets: dict[str, Target] = {}
        self._asked: set[str] = set()

    def target(self, app: str) -> Target:
        """Return the target of `app`."""
        return self._targets.get(app, self._for_new)

    def join(self, app: str) -> None:
        """Take `app` in: from now on requests for all reach it."""
        self._targets.setdefault(app, self._for_new)

    def request(self, request: TargetRequest) -> None:
        """Grant a request. Raises ValueError if too many applications are waited for."""
        if request.app:
            if request.app not in self._targets and len(self._targets) >= WAITING_MAX:
                raise ValueError(
                    f'deadline for application {request.app!r}: {WAITING_MAX} applications have '
                    'targets already; expected no more'
                )
            self._targets[request.app] = request.apply_to(self.target(request.app))
            self._asked.add(request.app)
            return
        self._all_asked = True
        self._for_new = request.apply_to(self._for_new)
        for app, target in self._targets.items():
            self._targets[app] = request.apply_to(target)

    def set_default(self, default: Target) -> None:
        """Change the target of the applications that no request has reached."""
        if self._all_asked:
            return
        self._for_new = default
        for app in self._targets:
            if app not in self._asked:
                self._targets[app] = default
