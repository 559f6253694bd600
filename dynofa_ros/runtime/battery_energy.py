"""Charge and energy of a battery, from what sensor_msgs/BatteryState says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
