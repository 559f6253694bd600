"""The battery that the board runs from."""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError, check_positive


@dataclass(frozen=True)
class Battery:
    """What a battery holds, and its voltage against its charge."""

    energy_j: float  # energy when full [J]; 1 Wh is 3600 J
    full_voltage_v: float
    nominal_voltage_v: float
    empty_voltage_v: float

    def __post_init__(self) -> None:
        check_positive('energy_j', self.energy_j)
        check_positive('empty_voltage_v', self.empty_voltage_v)
        if not self.empty_voltage_v <= self.nominal_voltage_v <= self.full_voltage_v:
            raise PlatformError(
                field='nominal_voltage_v',
                value=self.nominal_voltage_v,
                expected=f'from empty_voltage_v {self.empty_voltage_v:g} '
                f'to full_voltage_v {self.full_voltage_v:g}',
            )
        check_positive('full_voltage_v', self.full_voltage_v)

    @property
    def capacity_ah(self) -> float:
        """Charge when full [Ah], as sensor_msgs/BatteryState counts it: at nominal voltage."""
        return self.energy_j / (3600 * self.nominal_voltage_v)

    def voltage_v(self, percentage: float) -> float:
        """Return the voltage at a charge of 0..1 [V]: a straight line from empty to full."""
        return self.empty_voltage_v + percentage * (self.full_voltage_v - self.empty_voltage_v)
