"""The battery as the resource manager knows it, and the objective that follows."""

from __future__ import annotations

import math

from dynofa_ros.runtime.objective import BatteryObjective, Objective
from dynofa_ros.runtime.settings import AUTO, Settings


class EnergyState:
    """Last charge heard of, and for how long to believe it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chooser = BatteryObjective(low=settings.battery_low, high=settings.battery_high)
        self._percentage = math.nan
        self._heard_s = -math.inf

    def configure(self, settings: Settings) -> None:
        """Take new settings."""
        self._settings = settings
        self._chooser.set_thresholds(low=settings.battery_low, high=settings.battery_high)

    def observe(self, percentage: float, *, now_s: float) -> None:
        """Take in a charge, a fraction.

        Raises ValueError outside 0..1, which leaves the last charge valid, and for NaN, which
        sensor_msgs/BatteryState means by unknown: the charge is unknown from then on.
        """
        if math.isnan(percentage):
            self._percentage = math.nan
        if not 0.0 <= percentage <= 1.0:
            raise ValueError(f'battery percentage is {percentage:g}; allowed: 0 to 1')
        self._percentage, self._heard_s = percentage, now_s

    def percentage(self, *, now_s: float) -> float:
        """Return the charge; NaN if unknown or stale."""
        stale = now_s - self._heard_s >= self._settings.battery_timeout_s
        return math.nan if stale else self._percentage

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
