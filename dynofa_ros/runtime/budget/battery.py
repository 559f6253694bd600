# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Charge and energy of the battery, and the objective that follows from the charge."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.budget.charge_filter import ChargeFilter
from dynofa_ros.runtime.checks import check_number, check_range
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX, BATTERY_ENERGY_J
from dynofa_ros.runtime.settings import AUTO, ManagerSettings, Objective

SECONDS_PER_HOUR = 3600.0
# A charge from here to 100 is in percent; one slightly above 1 is a rounded or calibrated fraction.
PERCENT_FROM = 2.0
# Saving energy lasts at least this long, so that no noise makes the objective change more than
# twice in this time; saving begins without a wait.
SAVING_S = 60.0


@dataclass(frozen=True)
class BatteryObservation:
    """Fields of sensor_msgs/BatteryState. Unknown is NaN, or 0 where 0 is impossible.

    Many drivers leave unknown fields at 0, although BatteryState asks for NaN.
    """

    percentage: float  # charge, a fraction 0..1
    voltage_v: float = math.nan
    charge_ah: float = math.nan  # left
    capacity_ah: float = math.nan  # when full, as of now
    design_capacity_ah: float = math.nan  # when full, as new

    @property
    def full_ah(self) -> float:
        """Charge when full [Ah], from the present or else the design capacity; NaN: unknown."""
        known = (each for each in (self.capacity_ah, self.design_capacity_ah) if _positive(each))
        return next(known, math.nan)

    @property
    def charge(self) -> float:
        """Charge, a fraction; computed from charge and capacity if not reported."""
        if math.isnan(self.percentage) and _positive(self.charge_ah):
            return self.charge_ah / self.full_ah
        return self.percentage

    @property
    def energy_j(self) -> float:
        """Energy left [J] at the present voltage, from charge or else capacity; NaN: unknown."""
        if not _positive(self.voltage_v):
            return math.nan
        if self.percentage == 0.0:
            return 0.0
        left_ah = self.charge_ah if _positive(self.charge_ah) else self.percentage * self.full_ah
        return left_ah * self.voltage_v * SECONDS_PER_HOUR


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0.0


class BatteryObjective:
    """Objective by charge with hysteresis: saves energy below `low`, until above `high`.

    With an unknown charge (NaN) the last objective holds: a battery that was low does not become
    full by its silence. Before the first charge it is maximum accuracy.
    """

    def __init__(self, *, low: float, high: float) -> None:
        self._saving = self._known = False
        self.set_thresholds(low=low, high=high)

    def set_thresholds(self, *, low: float, high: float) -> None:
        """Set both thresholds, fractions of the charge. Raises ValueError unless low <= high."""
        check_number('battery_high', high, low=0.0, high=1.0)
        check_number('battery_low', low, low=0.0, high=high)
        self._low, self._high = low, high

    def choose(self, percentage: float, *, hold: bool = False) -> tuple[Objective, str]:
        """Return the objective for a charge (fraction 0..1, NaN unknown), and its reason.

        With `hold`, it goes on saving energy at any charge. Raises ValueError for a charge outside
        0..1.
        """
        check_number('battery percentage', percentage, low=0.0, high=1.0, nan=True)
        if math.isnan(percentage):
            objective = Objective.MIN_ENERGY if self._saving else Objective.MAX_ACCURACY
            last = ', the last objective holds' if self._known else ''
            return objective, f'battery charge unknown{last}'
        self._known = True
        if percentage < self._low:
            self._saving = True
        elif percentage > self._high and not hold:
            self._saving = False
        if not self._saving:
            return Objective.MAX_ACCURACY, f'battery {percentage:.0%} is sufficient'
        if percentage < self._low:
            return Objective.MIN_ENERGY, f'battery {percentage:.0%} is below {self._low:.0%}'
        if percentage > self._high:
            return Objective.MIN_ENERGY, f'battery {percentage:.0%} was below {self._low:.0%}'
        return Objective.MIN_ENERGY, f'battery {percentage:.0%} is not yet above {self._high:.0%}'


class _Units:
    """Publishers that send percent, although BatteryState asks for a fraction.

    A charge of 0.9 from one of them is 0.9 % or 90 %: it is refused like 87. Its battery counts as
    unknown, which `BatteryMonitor.warnings` says, until a publisher of fractions comes.
    """

    def __init__(self) -> None:
        self._percent: dict[str, float] = {}  # the charge that gave each away, the oldest first

    def check(self, percentage: float, *, publisher: str) -> None:
        """Raise ValueError unless `percentage` is a fraction from a publisher of fractions."""
        if PERCENT_FROM <= percentage <= 100.0:
            self._percent.setdefault(publisher, percentage)
            if len(self._percent) > APPLICATIONS_MAX:
                del self._percent[next(iter(self._percent))]
        check_number('battery percentage', percentage, low=0.0, high=1.0)
        if publisher in self._percent:
            raise ValueError(
                f'battery percentage is {percentage:g} from a publisher that has sent '
                f'{self._percent[publisher]:g}; expected a fraction, 0 to 1, in all messages'
            )


class BatteryMonitor:
    """The last charge and energy received, their timeout, and the objective that follows."""

    def __init__(self, settings: ManagerSettings) -> None:
        self._settings = settings
        self._chooser = BatteryObjective(low=settings.battery_low, high=settings.battery_high)
        self._units = _Units()
        self._filter = ChargeFilter()
        self._saving_since_s = math.nan  # NaN: it does not save
        self._percentage = self._energy_j = math.nan
        self._received_s = -math.inf

    def configure(self, settings: ManagerSettings) -> None:
        """Apply new settings; new thresholds apply at once."""
        before = (self._settings.battery_low, self._settings.battery_high)
        if before != (settings.battery_low, settings.battery_high):
            self._saving_since_s = math.nan
        self._settings = settings
        self._chooser.set_thresholds(low=settings.battery_low, high=settings.battery_high)

    def observe(
        self, percentage: float, *, energy_j: float, now_s: float, publisher: str = ''
    ) -> None:
        """Update with a charge, a fraction, and the energy left [J]; NaN: unknown.

        Raises ValueError outside 0..1, for a charge of NaN, for an impossible energy, or for a
        `publisher` that sends percent, and keeps the last values.
        """
        self._units.check(percentage, publisher=publisher)
        check_range('battery energy_j', energy_j, BATTERY_ENERGY_J, nan=True)
        if math.isnan(self.percentage(now_s=now_s)):
            self._filter.reset()  # what it had before the silence tells nothing
        self._filter.observe(percentage, now_s=now_s)
        self._percentage, self._energy_j, self._received_s = percentage, energy_j, now_s

    def percentage(self, *, now_s: float) -> float:
        """Return the charge; NaN if unknown or stale."""
        stale = now_s - self._received_s >= self._settings.battery_timeout_s
        return math.nan if stale else self._percentage

    def energy_j(self, *, now_s: float) -> float:
        """Return the energy left [J]; NaN if unknown or stale."""
        return math.nan if math.isnan(self.percentage(now_s=now_s)) else self._energy_j

    def usable_j(self, *, now_s: float) -> float:
        """Return the energy above the mission's reserve [J]; NaN if unknown or stale."""
        percentage = self.percentage(now_s=now_s)
        if not percentage > self._settings.mission_reserve:
            return percentage if math.isnan(percentage) else 0.0
        return self._energy_j * (1.0 - self._settings.mission_reserve / percentage)

    def objective(self, *, now_s: float) -> tuple[Objective, str]:
        """Return the objective and its reason."""
        if self._settings.objective != AUTO:
            return Objective(self._settings.objective), 'set by parameter'
        known = not math.isnan(self.percentage(now_s=now_s))
        objective, reason = self._chooser.choose(
            self._filter.charge() if known else math.nan,
            hold=now_s - self._saving_since_s < SAVING_S,
        )
        if objective is not Objective.MIN_ENERGY:
            self._saving_since_s = math.nan
        elif math.isnan(self._saving_since_s):
            self._saving_since_s = now_s
        return objective, reason

    def warnings(self, *, now_s: float) -> list[str]:
        """Return a warning if the objective depends on an unknown charge."""
        if self._settings.objective != AUTO or not math.isnan(self.percentage(now_s=now_s)):
            return []
        return [
            f'battery charge unknown or stale: objective {self.objective(now_s=now_s)[0].value}'
        ]
