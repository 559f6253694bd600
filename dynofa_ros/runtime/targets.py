# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of the applications, including those that have not announced a profile yet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_name, check_number, check_range
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX, DURATION_S

PRIORITY_RANGE = (-(2**31), 2**31 - 1)  # int32 of msg/Deadline


@dataclass(frozen=True)
class Target:
    """Targets of one application; those of the lower priority are violated first."""

    deadline_s: float = math.nan  # maximum latency of a frame; NaN: none
    min_accuracy: float = 0.0
    priority: int = 0

    def __post_init__(self) -> None:
        check_range('deadline_s', self.deadline_s, DURATION_S, nan=True)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0)
        check_number('priority', self.priority, low=PRIORITY_RANGE[0], high=PRIORITY_RANGE[1])


@dataclass(frozen=True)
class TargetRequest:
    """A request for new targets; mirrors msg/Deadline."""

    app: str  # empty: all applications, including those that join later
    deadline_s: float
    min_accuracy: float = math.nan  # NaN: unchanged
    priority: int = 0

    def __post_init__(self) -> None:
        check_name('app', self.app, empty=True)
        check_range('deadline_s', self.deadline_s, DURATION_S)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0, nan=True)
        check_number('priority', self.priority, low=PRIORITY_RANGE[0], high=PRIORITY_RANGE[1])

    def apply_to(self, target: Target) -> Target:
        """Return the new target of an application that had `target`."""
        unchanged = math.isnan(self.min_accuracy)
        return Target(
            deadline_s=self.deadline_s,
            min_accuracy=target.min_accuracy if unchanged else self.min_accuracy,
            priority=self.priority,
        )


class TargetBook:
    """The target of each application, after requests for one or for all (empty name)."""

    def __init__(self, default: Target) -> None:
        self._default = default
        self._requested_for_all = False
        self._targets: dict[str, Target] = {}
        self._joined: set[str] = set()
        self._requested: dict[str, None] = {}  # the names of requests, the oldest first

    def target(self, app: str) -> Target:
        """Return the target of `app`, without what it has seen."""
        return self._targets.get(app, self._default)

    def join(self, app: str) -> None:
        """Register `app`: later requests for all applications apply to it."""
        self._joined.add(app)
        self._targets.setdefault(app, self._default)

    def leave(self, app: str) -> None:
        """Forget that `app` has joined; a request for it is kept, in case that it returns."""
        self._joined.discard(app)
        if app not in self._requested:
            self._targets.pop(app, None)

    def request(self, request: TargetRequest) -> None:
        """Apply a request.

        At most `APPLICATIONS_MAX` names are remembered in addition to those of the applications
        that have joined, so that misspelt names cannot fill the memory. The oldest is dropped.
        """
        if request.app:
            self._targets[request.app] = request.apply_to(self.target(request.app))
            self._requested.pop(request.app, None)
            self._requested[request.app] = None
            absent = [each for each in self._requested if each not in self._joined]
            if len(absent) > APPLICATIONS_MAX:
                del self._targets[absent[0]], self._requested[absent[0]]
            return
        self._requested_for_all = True
        self._default = request.apply_to(self._default)
        for app, target in self._targets.items():
            self._targets[app] = request.apply_to(target)

    def set_default(self, default: Target) -> None:
        """Change the target of the applications without a request."""
        if self._requested_for_all:
            return
        self._default = default
        for app in self._targets.keys() - self._requested.keys():
            self._targets[app] = default
