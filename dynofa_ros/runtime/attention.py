# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets that follow the scene: raised for a while once something important was seen.

The application says what it saw and for how long that holds; the manager keeps the time, so that an
application that hangs, leaves or dies cannot hold its targets up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dynofa_ros.runtime.checks import check_name, check_number, shortened
from dynofa_ros.runtime.ranges import HOLD_S
from dynofa_ros.runtime.targets import PRIORITY_RANGE, Target


@dataclass(frozen=True)
class Attention:
    """What raises the targets of an application, and for how long; part of msg/SubnetState."""

    label: str
    score: float  # with which it was seen
    left_s: float  # of the hold, when this is observed
    min_accuracy: float = 0.0  # the floor is at least this
    priority: int = 0  # added to that of the application

    def __post_init__(self) -> None:
        check_name('attention_label', self.label)
        check_number('attention_score', self.score, low=0.0, high=1.0)
        check_number('attention_until', self.left_s, low=0.0, above=True, high=HOLD_S.high)
        check_number('attention_min_accuracy', self.min_accuracy, low=0.0, high=1.0)
        low, high = PRIORITY_RANGE
        check_number('attention_priority', self.priority, low=low, high=high)

    def raised(self, target: Target) -> Target:
        """Return a target with the higher of both floors, and with both priorities."""
        low, high = PRIORITY_RANGE
        return replace(
            target,
            min_accuracy=max(target.min_accuracy, self.min_accuracy),
            priority=min(max(target.priority + self.priority, low), high),
        )

    def effect_on(self, target: Target, *, left_s: float) -> str:
        """Return what is raised and until when, for manager_state; empty: nothing."""
        raised = self.raised(target)
        effects = []
        if raised.min_accuracy > target.min_accuracy:
            effects.append(f'floor {raised.min_accuracy:.4g}')
        if raised.priority != target.priority:
            effects.append(f'priority {raised.priority - target.priority:+d}')
        if not effects:
            return ''
        seen = f'{shortened(self.label)} {self.score:.2f} seen'
        return f'{seen}: {", ".join(effects)} for {left_s:.1f} s more'


class Attentions:
    """What holds at present, by application."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, Attention]] = {}  # until when

    def observe(self, app: str, attention: Attention | None, *, now_s: float) -> bool:
        """Hold what an application reports, None: nothing; True if that changes its targets."""
        _, before = self._held.pop(app, (now_s, None))
        if attention is not None:
            self._held[app] = (now_s + attention.left_s, attention)
        return _raise(before) != _raise(attention)

    def forget(self, app: str) -> None:
        """Forget an application that has left."""
        self._held.pop(app, None)

    def over(self, *, now_s: float) -> list[str]:
        """Return the applications whose hold is over, before `end` forgets them."""
        return [app for app, (until_s, _) in self._held.items() if until_s <= now_s]

    def end(self, *, now_s: float) -> bool:
        """Forget each hold that is over; True if there was one."""
        over = self.over(now_s=now_s)
        for app in over:
            self.forget(app)
        return bool(over)

    def raised(self, app: str, target: Target) -> Target:
        """Return the target of an application while what it saw holds."""
        held = self._held.get(app)
        return target if held is None else held[1].raised(target)

    def effect_on(self, app: str, target: Target, *, now_s: float) -> str:
        """Return what is raised and until when, for manager_state; empty: nothing."""
        if app not in self._held:
            return ''
        until_s, attention = self._held[app]
        return attention.effect_on(target, left_s=max(until_s - now_s, 0.0))


def _raise(attention: Attention | None) -> tuple[float, int]:
    """Return the floor, and what is added to the priority."""
    return (0.0, 0) if attention is None else (attention.min_accuracy, attention.priority)
