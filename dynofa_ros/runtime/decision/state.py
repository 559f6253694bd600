# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Input and output of `decide`: plain values, no ROS."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynofa_ros.runtime.checks import check_name, check_number
from dynofa_ros.runtime.estimation.correction import EXACT, Correction
from dynofa_ros.runtime.estimation.escalation import Escalation
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.settings import Objective, check_setting
from dynofa_ros.runtime.targets import Target

# Targets that a decision can violate, in the order in which it violates them.
MIN_ACCURACY = 'min_accuracy'
DEADLINE = 'deadline'


@dataclass(frozen=True)
class ApplicationState:
    """One application: its profile, targets, estimates and last command."""

    profile: Profile
    target: Target = field(default_factory=Target)
    slowdowns: Mapping[str, Slowdown] = field(default_factory=dict)  # by processor
    # By sub-network and processor; without an entry the profile is taken as it is.
    corrections: Mapping[tuple[str, str], Correction] = field(default_factory=dict)
    # By processor: load of the other applications while its slowdown was observed, as a sum of
    # shares of its time. None: that of their current points.
    observed_loads: Mapping[str, float] | None = None
    # By cascade: how often its later stages are reached. Without an entry: as measured.
    escalations: Mapping[str, Escalation] = field(default_factory=dict)
    overhead_s: float = 0.0  # preprocessing and postprocessing
    overhead_std_s: float = 0.0
    age_s: float = 0.0  # of an image on arrival, where it counts against the deadline
    frame_period_s: float = math.nan  # between two images; NaN: unknown
    current: OperatingPoint | None = None  # last decided point, at the frequency decided then
    refused: frozenset[PointKey] = frozenset()  # points that it cannot run at present
    unready: frozenset[PointKey] = frozenset()  # points that need compilation first

    def __post_init__(self) -> None:
        check_number('overhead_s', self.overhead_s, low=0.0)
        check_number('overhead_std_s', self.overhead_std_s, low=0.0)
        check_number('age_s', self.age_s, low=0.0)
        check_number('frame_period_s', self.frame_period_s, low=0.0, above=True, nan=True)

    @property
    def app(self) -> str:
        """Name of the application."""
        return self.profile.app

    @property
    def fixed_s(self) -> float:
        """The part of a frame's latency that depends on no processor."""
        return self.overhead_s + self.age_s

    def slowdown(self, processor: str) -> Slowdown:
        """Return the slowdown on `processor`, the prior if there is no observation."""
        slowdown = self.slowdowns.get(processor)
        return Slowdown() if slowdown is None else slowdown

    def correction(self, point: OperatingPoint) -> Correction:
        """Return the correction of a point's sub-network on its processor."""
        return self.corrections.get((point.subnet_id, point.processor), EXACT)


@dataclass(frozen=True)
class Domain:
    """A frequency domain: processors that share one frequency."""

    name: str
    processors: tuple[str, ...]
    frequencies_hz: tuple[float, ...] = ()  # available; empty: unknown
    frequency_hz: float = math.nan  # now; NaN: unknown
    commanded_hz: float = math.nan  # last commanded; NaN: never
    settable: bool = True

    def __post_init__(self) -> None:
        check_name('domain', self.name)
        check_number(f'{self.name}.frequency_hz', self.frequency_hz, low=0.0, nan=True)
        check_number(f'{self.name}.commanded_hz', self.commanded_hz, low=0.0, nan=True)
        for frequency_hz in self.frequencies_hz:
            check_number(f'{self.name}.frequencies_hz', frequency_hz, low=0.0, above=True)


@dataclass(frozen=True)
class DecisionPolicy:
    """Objective, required probability, margins and power cap; ranges as in `ManagerSettings`."""

    objective: Objective = Objective.MAX_ACCURACY
    deadline_probability: float = 0.95  # of each frame
    switch_margin: float = 0.05  # relative: latency and power margin, energy saving
    accuracy_margin: float = 0.001  # absolute: gain in summed accuracy
    energy_weight: float = 0.0  # weighted objective: accuracy that a joule is worth [1/J]
    power_cap_w: float = math.inf  # of all applications together, above idle; infinite: none
    cap_name: str = 'the power cap'  # what sets it, for the reasons

    def __post_init__(self) -> None:
        for name in ('deadline_probability', 'switch_margin', 'energy_weight'):
            check_setting(name, getattr(self, name))
        check_number('accuracy_margin', self.accuracy_margin, low=0.0, high=1.0)
        if not self.power_cap_w >= 0.0:
            raise ValueError(
                f'power_cap_w is {self.power_cap_w:g}; expected a finite number from 0, or infinity'
            )


@dataclass(frozen=True)
class DecisionState:
    """The complete input of a decision."""

    applications: tuple[ApplicationState, ...]
    domains: tuple[Domain, ...] = ()
    policy: DecisionPolicy = field(default_factory=DecisionPolicy)
    # True: only estimates changed since the last decision, so a switch must gain a margin.
    # False: targets, objective or applications changed: take the best choice.
    hysteresis: bool = False
    # By processor: slowdown that one other inference on it adds, 0..1. Unknown: 1.
    contention: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a duplicate name, or a processor in two domains."""
        _check_distinct('applications', [each.app for each in self.applications])
        _check_distinct('domains', [each.name for each in self.domains])
        _check_distinct('domains', [name for each in self.domains for name in each.processors])


def _check_distinct(name: str, values: list[str]) -> None:
    """Raise ValueError for a duplicate."""
    duplicates = sorted(value for value, count in Counter(values).items() if count > 1)
    if duplicates:
        raise ValueError(f'{name} holds {", ".join(duplicates)} twice; expected once')


@dataclass(frozen=True)
class Choice:
    """The choice for one application, and its predicted performance."""

    app: str
    point: OperatingPoint  # at the frequency decided
    target: Target
    predicted_latency_s: float
    deadline_probability: float  # that a frame meets the deadline
    slowdown: Slowdown
    violated_targets: tuple[str, ...]  # of: min_accuracy, deadline
    reason: str
    correction: Correction = EXACT  # of the profile of `point`
    envelope: Envelope | None = None  # what a frame may run instead; None: nothing else
    # Of a mean frame; of a cascade with the shares that are observed and the escalations that fit.
    accuracy: float = math.nan  # expected; NaN: unknown
    predicted_energy_j: float = math.nan  # as profiled; NaN: unknown


@dataclass(frozen=True)
class Decision:
    """One joint decision for all applications."""

    choices: tuple[Choice, ...]  # by name of the application
    clocks_hz: Mapping[str, float]  # frequency of each settable domain that a chosen point uses
    exact: bool  # False: the search was not exhaustive
    # Upper bound on the optimality gap among plans within the cap in which no application violates
    # its targets more, in the objective's first key, summed over applications: accuracy [fraction],
    # energy [J], or accuracy - energy_weight x energy. The margins of `DecisionPolicy` add to it.
    loss_bound: float = 0.0
    power_w: float = 0.0  # expected of all points, above idle; without `unmetered`
    power_cap_met: bool = True
    unmetered: tuple[str, ...] = ()  # applications of unknown energy, counted as 0 W
