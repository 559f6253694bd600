"""What to optimise, chosen by the battery's charge with hysteresis."""

from __future__ import annotations

import enum
import math

from dynofa_ros.runtime.checks import check_number


class Objective(str, enum.Enum):
    """What is best among the points that meet deadline and floor."""

    MAX_ACCURACY = 'max_accuracy'
    MIN_ENERGY = 'min_energy'
    WEIGHTED = 'weighted'  # most accuracy - energy_weight x energy


class BatteryObjective:
    """Least energy once the charge falls below `low`, most accuracy again above `high`.

    An unknown charge (NaN) is no reason to save: most accuracy, and the reason says so.
    """

    def __init__(self, *, low: float, high: float) -> None:
        self._saving = False
        self.set_thresholds(low=low, high=high)

    def set_thresholds(self, *, low: float, high: float) -> None:
        """Set both thresholds, fractions of the charge. Raises ValueError unless low <= high."""
        check_number('battery_low', low, low=0.0, high=1.0)
        check_number('battery_high', high, low=0.0, high=1.0)
        if low > high:
            raise ValueError(f'battery_low is {low:g}; expected up to battery_high, {high:g}')
        self._low, self._high = low, high

    def choose(self, percentage: float) -> tuple[Objective, str]:
        """Return the objective for a charge (fraction 0..1, NaN unknown), and why.

        Raises ValueError for a charge outside 0..1.
        """
        check_number('battery percentage', percentage, low=0.0, high=1.0, nan=True)
        if math.isnan(percentage):
            self._saving = False
            return Objective.MAX_ACCURACY, 'battery charge unknown'
        if percentage < self._low:
            self._saving = True
        elif percentage > self._high:
            self._saving = False
        if not self._saving:
            return Objective.MAX_ACCURACY, f'battery {percentage:.0%}, no need to save'
        if percentage < self._low:
            return Objective.MIN_ENERGY, f'battery {percentage:.0%} is below {self._low:.0%}'
        return Objective.MIN_ENERGY, f'battery {percentage:.0%} is not yet above {self._high:.0%}'
