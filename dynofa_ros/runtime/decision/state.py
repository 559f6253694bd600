"""What `decide` is given, and what it answers: plain values, no ROS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynofa_ros.runtime.checks import check_name, check_number
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.targets import Target

# What a decision can give up, in the order of giving up.
MIN_ACCURACY = 'min_accuracy'
DEADLINE = 'deadline'
# [1/J]: a millijoule is worth all the accuracy there is.
ENERGY_WEIGHT_MAX = 1000.0


@dataclass(frozen=True)
class ApplicationState:
    """One application: what it can run, what it needs, and how it fares."""

    profile: Profile
    target: Target = field(default_factory=Target)
    slowdowns: Mapping[str, Slowdown] = field(default_factory=dict)  # by processor
    overhead_s: float = 0.0  # around the inference: preprocessing, postprocessing
    overhead_std_s: float = 0.0
    frame_period_s: float = math.nan  # between two images; NaN: unknown
    current: OperatingPoint | None = None  # what was last decided, at the clock decided then
    meanwhile: PointKey | None = None  # what it was told to run until that clock is there
    refused: frozenset[PointKey] = frozenset()  # what it cannot run at present
    unready: frozenset[PointKey] = frozenset()  # what it would have to compile first

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('overhead_s', self.overhead_s, low=0.0)
        check_number('overhead_std_s', self.overhead_std_s, low=0.0)
        check_number('frame_period_s', self.frame_period_s, low=0.0, above=True, nan=True)

    @property
    def app(self) -> str:
        """Name of the application."""
        return self.profile.app

    def slowdown(self, processor: str) -> Slowdown:
        """Return the slowdown on `processor`, the prior where nothing was observed."""
        slowdown = self.slowdowns.get(processor)
        return Slowdown() if slowdown is None else slowdown


@dataclass(frozen=True)
class Domain:
    """Processors that share one clock, and the clocks to choose from."""

    name: str
    processors: tuple[str, ...]
    frequencies_hz: tuple[float, ...] = ()  # available; empty: unknown
    frequency_hz: float = math.nan  # now; NaN: unknown
    commanded_hz: float = math.nan  # last commanded; NaN: never
    settable: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_name('domain', self.name)
        check_number(f'{self.name}.frequency_hz', self.frequency_hz, low=0.0, nan=True)
        check_number(f'{self.name}.commanded_hz', self.commanded_hz, low=0.0, nan=True)
        for frequency_hz in self.frequencies_hz:
            check_number(f'{self.name}.frequencies_hz', frequency_hz, low=0.0, above=True)


@dataclass(frozen=True)
class DecisionPolicy:
    """How sure a deadline must be, and when a change pays."""

    objective: Objective = Objective.MAX_ACCURACY
    deadline_probability: float = 0.95  # of each frame
    switch_margin: float = 0.05  # relative: latency to spare and energy to save
    accuracy_margin: float = 0.001  # absolute: summed accuracy to gain
    energy_weight: float = 0.0  # of `weighted`: accuracy that a joule is worth [1/J]
    power_cap_w: float = math.inf  # of all applications together, above idle; infinite: none

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('deadline_probability', self.deadline_probability, low=0.5, high=0.9999)
        check_number('switch_margin', self.switch_margin, low=0.0, high=1.0)
        check_number('accuracy_margin', self.accuracy_margin, low=0.0, high=1.0)
        check_number('energy_weight', self.energy_weight, low=0.0, high=ENERGY_WEIGHT_MAX)
        if not self.power_cap_w >= 0.0:
            raise ValueError(
                f'power_cap_w is {self.power_cap_w:g}; expected a finite number from 0, or infinity'
            )


@dataclass(frozen=True)
class DecisionState:
    """Everything a decision depends on."""

    applications: tuple[ApplicationState, ...]
    domains: tuple[Domain, ...] = ()
    policy: DecisionPolicy = field(default_factory=DecisionPolicy)
    # True: only estimates moved since the last decision, so keep what runs unless a change pays.
    # False: targets, objective or applications changed; what is best now is what is wanted.
    settled: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a name twice, or a processor in two domains."""
        _check_distinct('applications', [each.app for each in self.applications])
        _check_distinct('domains', [each.name for each in self.domains])
        _check_distinct('domains', [name for each in self.domains for name in each.processors])


def _check_distinct(name: str, values: list[str]) -> None:
    """Raise ValueError if a value is there twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f'{name} holds {", ".join(twice)} twice; expected once')


@dataclass(frozen=True)
class Choice:
    """What one application is to run, and what to expect of it."""

    app: str
    point: OperatingPoint  # from now on
    goal: OperatingPoint  # once the clocks are turned; `point` where that makes no difference
    target: Target
    predicted_latency_s: float
    deadline_probability: float  # that a frame meets the deadline
    slowdown: Slowdown
    violated_targets: tuple[str, ...]  # of: min_accuracy, deadline
    reason: str


@dataclass(frozen=True)
class Decision:
    """One joint decision for all applications."""

    choices: tuple[Choice, ...]  # by name of the application
    clocks_hz: Mapping[str, float]  # frequency of each settable domain that a chosen point uses
    exact: bool  # False: too many combinations to be sure that the best was found
    # How much better in the objective's first key, summed over applications, any plan within the
    # cap can be in which no application gives up more of its targets: accuracy [fraction], energy
    # [J], or accuracy - energy_weight x energy. What the margins of
    # `DecisionPolicy` hold back is extra.
    loss_bound: float = 0.0
    power_w: float = 0.0  # expected of all goals together, above idle; without `unmetered`
    power_cap_met: bool = True
    unmetered: tuple[str, ...] = ()  # applications that say no energy: they count as 0 W
