# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Settings of the resource manager: default, range and description of each, in one place.

The ROS parameters are declared from the fields' metadata.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, fields
from typing import Any

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.targets import Target


class Objective(str, enum.Enum):
    """The quantity to optimise among the points that meet deadline and accuracy floor."""

    MAX_ACCURACY = 'max_accuracy'
    MIN_ENERGY = 'min_energy'
    WEIGHTED = 'weighted'  # maximises accuracy - energy_weight x energy


AUTO = 'auto'  # by the battery's charge
OBJECTIVES = (AUTO, *(each.value for each in Objective))


def _number(default: float, description: str, *, low: float = 0.0, high: float = 1.0) -> Any:
    """Return a field for a number in `low`..`high`."""
    return field(default=default, metadata={'description': description, 'low': low, 'high': high})


@dataclass(frozen=True)
class ManagerSettings:
    """Settings of the resource manager, all changeable at run time; for cameras of 10 to 30 Hz."""

    deadline_s: float = _number(
        0.1, 'deadline of applications without a Deadline message [s]; 0: none', high=3600.0
    )
    min_accuracy: float = _number(
        0.0, 'accuracy floor of applications without a Deadline message, 0..1'
    )
    objective: str = field(
        default=AUTO,
        metadata={
            'description': 'quantity to optimise; auto: chosen by the battery charge',
            'choices': OBJECTIVES,
        },
    )
    energy_weight: float = _number(
        0.1, 'weighted objective: accuracy that one joule is worth [1/J]', high=1000.0
    )
    battery_low: float = _number(
        0.3, 'charge below which the objective becomes min_energy, 0..battery_high'
    )
    battery_high: float = _number(
        0.4, 'charge above which the objective returns to max_accuracy, battery_low..1'
    )
    deadline_probability: float = _number(
        0.95, 'probability with which each frame has to meet its deadline', low=0.5, high=0.9999
    )
    switch_margin: float = _number(
        0.05, 'relative energy saving, and latency and power margin, required for a switch'
    )
    power_cap_w: float = _number(
        0.0, 'cap on the mean power of the board [W]; 0: no cap', high=10_000.0
    )
    thermal_margin_k: float = _number(
        2.0, 'distance that sensors keep from their throttling temperature [K]', high=50.0
    )
    mission_s: float = _number(
        0.0, 'time that the battery has to last, from when it is set [s]; 0: no mission', high=1e7
    )
    mission_reserve: float = _number(0.05, 'charge left at the end of a mission, 0..1')
    # A Jetson Xavier NX takes 0.8 s to change a frequency.
    acknowledge_timeout_s: float = _number(
        2.0, 'time after which an unacknowledged command is sent again [s]', low=0.01, high=600.0
    )
    acknowledge_attempts: int = _number(
        3, 'attempts after which an unacknowledged command raises a warning', low=1, high=1000
    )
    hold_s: float = _number(
        10.0, 'time for which a refused command is not repeated [s]', low=0.1, high=3600.0
    )
    battery_timeout_s: float = _number(
        30.0, 'age at which a battery charge becomes unknown [s]', low=0.1, high=86_400.0
    )
    report_timeout_s: float = _number(
        5.0,
        'silence after which an application is idle and the platform state is stale [s]',
        low=0.1,
        high=3600.0,
    )
    release_s: float = _number(
        10.0,
        'silence of all applications after which the frequencies are restored [s]',
        low=0.1,
        high=3600.0,
    )
    forget_s: float = _number(
        60.0,
        'silence after which an application is forgotten if its profile has no publisher [s]',
        low=0.1,
        high=86_400.0,
    )
    cascades: bool = field(
        default=True,
        metadata={'description': 'whether to choose cascades of sub-networks where they pay'},
    )
    dvfs: bool = field(
        default=True,
        metadata={'description': 'whether to set frequencies at all; false restores them'},
    )

    def __post_init__(self) -> None:
        for name in NUMBERS:
            check_setting(name, getattr(self, name))
        check_number('battery_high', self.battery_high, low=self.battery_low, high=1.0)
        _ = self.target
        if self.objective not in OBJECTIVES:
            raise ValueError(f'objective is {self.objective!r}; expected {", ".join(OBJECTIVES)}')

    @property
    def target(self) -> Target:
        """The target of an application without a Deadline message."""
        deadline_s = self.deadline_s if self.deadline_s > 0.0 else math.nan
        return Target(deadline_s=deadline_s, min_accuracy=self.min_accuracy)


NUMBERS = {each.name: each.metadata for each in fields(ManagerSettings) if 'low' in each.metadata}


def check_setting(name: str, value: float) -> None:
    """Raise ValueError if a numeric setting is out of its range."""
    check_number(name, value, low=NUMBERS[name]['low'], high=NUMBERS[name]['high'])
