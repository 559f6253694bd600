"""Settings of the resource manager, all changeable while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.target import Target

AUTO = 'auto'
OBJECTIVES = (AUTO, Objective.MAX_ACCURACY.value, Objective.MIN_ENERGY.value)


@dataclass(frozen=True)
class Settings:
    """What the user may choose; the defaults suit a camera of 10 to 30 Hz."""

    deadline_s: float = 0.1  # of applications that no Deadline named; 0: none
    min_accuracy: float = 0.0
    objective: str = AUTO  # auto: by the battery
    battery_low: float = 0.3
    battery_high: float = 0.4
    deadline_probability: float = 0.95
    switch_margin: float = 0.05
    acknowledge_timeout_s: float = 2.0  # a Jetson Xavier NX takes 0.8 s to change a clock
    acknowledge_attempts: int = 3  # sent this often before a command is given up for hold_s
    hold_s: float = 10.0  # what was refused is not asked for again for this long
    battery_timeout_s: float = 30.0
    report_timeout_s: float = 5.0
    dvfs: bool = True  # command clocks at all

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('deadline_s', self.deadline_s, low=0.0)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0)
        if self.objective not in OBJECTIVES:
            raise ValueError(
                f'objective is {self.objective!r}; allowed: {", ".join(OBJECTIVES)}'
            )
        check_number('battery_low', self.battery_low, low=0.0, high=1.0)
        check_number('battery_high', self.battery_high, low=self.battery_low, high=1.0)
        check_number('deadline_probability', self.deadline_probability, low=0.5, high=0.9999)
        check_number('switch_margin', self.switch_margin, low=0.0, high=1.0)
        check_number('acknowledge_attempts', self.acknowledge_attempts, low=1)
        for name in ('acknowledge_timeout_s', 'hold_s', 'battery_timeout_s', 'report_timeout_s'):
            check_number(name, getattr(self, name), low=0.0, above=True)

    @property
    def target(self) -> Target:
        """The target of an application that no Deadline has named."""
        deadline_s = self.deadline_s if self.deadline_s > 0.0 else math.nan
        return Target(deadline_s=deadline_s, min_accuracy=self.min_accuracy)
