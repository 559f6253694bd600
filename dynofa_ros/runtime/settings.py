"""Settings of the resource manager, all changeable while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.decision.state import ENERGY_WEIGHT_MAX
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.targets import Target

AUTO = 'auto'
OBJECTIVES = (AUTO, *(each.value for each in Objective))


@dataclass(frozen=True)
class ManagerSettings:
    """What the user may choose; the defaults suit a camera of 10 to 30 Hz."""

    deadline_s: float = 0.1  # of applications that no Deadline named; 0: none
    min_accuracy: float = 0.0
    objective: str = AUTO  # auto: by the battery
    energy_weight: float = 0.1  # of `weighted`: accuracy that a joule is worth [1/J]
    battery_low: float = 0.3
    battery_high: float = 0.4
    deadline_probability: float = 0.95
    switch_margin: float = 0.05
    power_cap_w: float = 0.0  # of the board, mean over time; 0: none
    thermal_margin_k: float = 2.0  # sensors stay this far below throttling
    mission_s: float = 0.0  # the battery has to last this long from when it is set; 0: none
    mission_reserve: float = 0.05  # charge that is to be left at the mission's end
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
            raise ValueError(f'objective is {self.objective!r}; expected {", ".join(OBJECTIVES)}')
        check_number('battery_low', self.battery_low, low=0.0, high=1.0)
        check_number('battery_high', self.battery_high, low=self.battery_low, high=1.0)
        check_number('deadline_probability', self.deadline_probability, low=0.5, high=0.9999)
        check_number('switch_margin', self.switch_margin, low=0.0, high=1.0)
        check_number('energy_weight', self.energy_weight, low=0.0, high=ENERGY_WEIGHT_MAX)
        check_number('power_cap_w', self.power_cap_w, low=0.0)
        check_number('thermal_margin_k', self.thermal_margin_k, low=0.0, high=50.0)
        check_number('mission_s', self.mission_s, low=0.0)
        check_number('mission_reserve', self.mission_reserve, low=0.0, high=1.0)
        check_number('acknowledge_attempts', self.acknowledge_attempts, low=1)
        for name in ('acknowledge_timeout_s', 'hold_s', 'battery_timeout_s', 'report_timeout_s'):
            check_number(name, getattr(self, name), low=0.0, above=True)

    @property
    def target(self) -> Target:
        """The target of an application that no Deadline has named."""
        deadline_s = self.deadline_s if self.deadline_s > 0.0 else math.nan
        return Target(deadline_s=deadline_s, min_accuracy=self.min_accuracy)
