"""The battery as the resource manager knows it, and the objective that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.objective import BatteryObjective, Objective
from dynofa_ros.runtime.settings import AUTO, ManagerSettings

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class BatteryObservation:
    """A battery as it reports itself. NaN is unknown, and so is a 0 where 0 cannot be.

    Drivers leave fields that they do not know at 0, though BatteryState asks for NaN.
    """

    percentage: float  # charge, a fraction 0..1
    voltage_v: float = math.nan
    charge_ah: float = math.nan  # left
    capacity_ah: float = math.nan  # when full, as it is now
    design_capacity_ah: float = math.nan  # when full, as it was new

    @property
    def full_ah(self) -> float:
        """Charge when full [Ah]: of the battery as it is, else as it was new; NaN: unknown."""
        known = (each for each in (self.capacity_ah, self.design_capacity_ah) if _positive(each))
        return next(known, math.nan)

    @property
    def charge(self) -> float:
        """Charge, a fraction; where the battery does not say it, charge over capacity."""
        if math.isnan(self.percentage) and _positive(self.charge_ah):
            return self.charge_ah / self.full_ah
        return self.percentage

    @property
    def energy_j(self) -> float:
        """Energy left [J] at the voltage now: charge, else share of the capacity; NaN: unknown."""
        if not _positive(self.voltage_v):
            return math.nan
        if self.percentage == 0.0:
            return 0.0
        left_ah = self.charge_ah if _positive(self.charge_ah) else self.percentage * self.full_ah
        return left_ah * self.voltage_v * SECONDS_PER_HOUR


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0.0


class EnergyState:
    """Last charge heard of, and for how long to believe it."""

    def __init__(self, settings: ManagerSettings) -> None:
        self._settings = settings
        self._chooser = BatteryObjective(low=settings.battery_low, high=settings.battery_high)
        self._percentage = self._energy_j = math.nan
        self._heard_s = -math.inf

    def configure(self, settings: ManagerSettings) -> None:
        """Take new settings."""
        self._settings = settings
        self._chooser.set_thresholds(low=settings.battery_low, high=settings.battery_high)

    def observe(self, percentage: float, *, energy_j: float, now_s: float) -> None:
        """Take in a charge, a fraction, and the energy left [J]; NaN: unknown.

        Raises ValueError outside 0..1 or for an energy below 0, which leave the last charge valid,
        and for a charge of NaN, which sensor_msgs/BatteryState means by unknown: both are
        unknown from then on.
        """
        if math.isnan(percentage):
            self._percentage = self._energy_j = math.nan
        if not 0.0 <= percentage <= 1.0:
            raise ValueError(f'battery percentage is {percentage:g}; expected 0 to 1')
        check_number('battery energy_j', energy_j, low=0.0, nan=True)
        self._percentage, self._energy_j, self._heard_s = percentage, energy_j, now_s

    def percentage(self, *, now_s: float) -> float:
        """Return the charge; NaN if unknown or stale."""
        stale = now_s - self._heard_s >= self._settings.battery_timeout_s
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
        """Return the objective, and why."""
        if self._settings.objective != AUTO:
            return Objective(self._settings.objective), 'set by parameter'
        return self._chooser.choose(self.percentage(now_s=now_s))

    def warnings(self, *, now_s: float) -> list[str]:
        """Say so where the objective should follow a battery that is not known."""
        if self._settings.objective != AUTO or not math.isnan(self.percentage(now_s=now_s)):
            return []
        return ['battery charge unknown or stale: objective max_accuracy']
