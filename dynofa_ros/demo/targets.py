# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of the demo over time: those of its acts, until somebody changes them with a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from dynofa_ros.demo.scenario import Act, DemoScenario
from dynofa_ros.report.summary import RunPhase

QUIT = 'q'
KEYS = (
    'keys: d/D deadline shorter/longer, a/A accuracy floor lower/higher, '
    f'p/P power cap lower/higher, o objective, c competing program, {QUIT} end'
)
BY_HAND = 'by hand'

OBJECTIVES = ('auto', 'max_accuracy', 'min_energy', 'weighted')
DEADLINE_FACTOR = 1.25
DEADLINES_S = (0.001, 10.0)
ACCURACY_STEP = 0.02
CAP_STEP_W = 1.0
CAPS_W = (1.0, 20.0)
NO_CAP_W = 0.0
COMPETITOR = 0.6
"""Utilisation of every processor by the competing program while it runs, 0..1."""


@dataclass(frozen=True)
class Targets:
    """What the demo asks of the manager, and the load of its competing program."""

    deadline_s: float
    min_accuracy: float
    co_runner_utilisation: float = 0.0
    objective: str = OBJECTIVES[0]
    power_cap_w: float = NO_CAP_W

    def after(self, key: str) -> Targets:
        """Return the targets after a key; the same ones for a key without a meaning."""
        match key:
            case 'd' | 'D':
                factor = DEADLINE_FACTOR if key == 'D' else 1.0 / DEADLINE_FACTOR
                return replace(self, deadline_s=_within(self.deadline_s * factor, DEADLINES_S))
            case 'a' | 'A':
                step = ACCURACY_STEP if key == 'A' else -ACCURACY_STEP
                return replace(self, min_accuracy=_within(self.min_accuracy + step, (0.0, 1.0)))
            case 'p' | 'P':
                return replace(self, power_cap_w=_next_cap_w(self.power_cap_w, raised=key == 'P'))
            case 'o':
                index = OBJECTIVES.index(self.objective) + 1
                return replace(self, objective=OBJECTIVES[index % len(OBJECTIVES)])
            case 'c':
                busy = self.co_runner_utilisation > 0.0
                return replace(self, co_runner_utilisation=0.0 if busy else COMPETITOR)
        return self

    @property
    def manager_parameters(self) -> Mapping[str, Any]:
        """Parameters of the resource manager; deadline and accuracy floor are a message."""
        return {'objective': self.objective, 'power_cap_w': self.power_cap_w}

    def __str__(self) -> str:
        """Return the targets in one line."""
        parts = [
            f'deadline {self.deadline_s * 1e3:.0f} ms',
            f'top-1 from {self.min_accuracy:.1%}',
            self.objective,
        ]
        if self.power_cap_w != NO_CAP_W:
            parts.append(f'up to {self.power_cap_w:.0f} W')
        if self.co_runner_utilisation:
            parts.append(f'competing program {self.co_runner_utilisation:.0%}')
        return ', '.join(parts)


class Direction:
    """The targets at each time of a run. The first key that changes them ends the acts."""

    def __init__(self, scenario: DemoScenario, targets_of: Callable[[Act], Targets]) -> None:
        """Begin with the first act; `targets_of` returns the targets of an act."""
        self._scenario = scenario
        self._targets_of = targets_of
        self._starts: list[tuple[str, float]] = []
        self.targets = targets_of(scenario.act(0.0))

    @property
    def by_hand(self) -> bool:
        """Whether a key has changed the targets."""
        return bool(self._starts) and self._starts[-1][0] == BY_HAND

    @property
    def shown(self) -> str:
        """The present act, or the targets that were set by hand."""
        if self.by_hand:
            return f'{BY_HAND}: {self.targets}'
        return self._starts[-1][0] if self._starts else ''

    def at(self, time_s: float, pressed: str = '') -> Targets:
        """Return the targets at a time, after the keys that were pressed since the last call."""
        if not self.by_hand:
            act = self._scenario.act(time_s)
            if not self._starts or act.name != self._starts[-1][0]:
                self._starts.append((act.name, time_s))
                self.targets = self._targets_of(act)
        changed = reduce(Targets.after, pressed, self.targets)
        if changed != self.targets and not self.by_hand:
            self._starts.append((BY_HAND, time_s))
        self.targets = changed
        return changed

    def phases(self, end_s: float) -> tuple[RunPhase, ...]:
        """Return the phases of a run that ended at a time."""
        ends = [start_s for _, start_s in self._starts[1:]] + [end_s]
        return tuple(
            RunPhase(name, start_s, phase_end_s)
            for (name, start_s), phase_end_s in zip(self._starts, ends, strict=True)
            if start_s < phase_end_s
        )


def _within(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return min(max(value, low), high)


def _next_cap_w(cap_w: float, *, raised: bool) -> float:
    """Return the next cap [W]. Above the highest there is none; below the lowest it stays."""
    low, high = CAPS_W
    if cap_w == NO_CAP_W:
        return NO_CAP_W if raised else high
    next_w = cap_w + (CAP_STEP_W if raised else -CAP_STEP_W)
    return NO_CAP_W if next_w > high else max(next_w, low)
