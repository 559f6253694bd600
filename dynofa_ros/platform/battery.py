# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The battery that powers the board."""

from __future__ import annotations

from dynofa_ros.config_file import checked
from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.quantity import Positive


@checked(PlatformError.of)
class Battery:
    """Energy content of a battery, and its voltage as a function of its charge."""

    energy_j: Positive  # energy when full [J]; 1 Wh is 3600 J
    full_voltage_v: Positive
    nominal_voltage_v: Positive
    empty_voltage_v: Positive

    def __post_init__(self) -> None:
        """Raise PlatformError for a nominal voltage outside of the range."""
        if not self.empty_voltage_v <= self.nominal_voltage_v <= self.full_voltage_v:
            raise PlatformError(
                field='nominal_voltage_v',
                value=self.nominal_voltage_v,
                expected=f'from empty_voltage_v {self.empty_voltage_v:g} '
                f'to full_voltage_v {self.full_voltage_v:g}',
            )

    @property
    def capacity_ah(self) -> float:
        """Charge when full [Ah], at nominal voltage as in sensor_msgs/BatteryState."""
        return self.energy_j / (3600 * self.nominal_voltage_v)

    def voltage_v(self, percentage: float) -> float:
        """Return the voltage at a charge of 0..1 [V], linear from empty to full."""
        return self.empty_voltage_v + percentage * (self.full_voltage_v - self.empty_voltage_v)
