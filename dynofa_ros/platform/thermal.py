"""Temperature of one sensor: first order, one resistance and one capacity (RC)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.checks import check_finite, check_name, check_not_negative, check_positive


@dataclass(frozen=True)
class ThermalZone:
    """A temperature sensor heated by the board's power, and the clock that it holds back."""

    name: str
    domain: str  # frequency domain that is throttled
    ambient_c: float  # temperature of the air [degrees Celsius]
    resistance_k_per_w: float  # rise above the air per watt, in the steady state [K/W]
    time_constant_s: float  # time to 63 % of that rise [s]
    throttle_c: float  # above this the clock is held back [degrees Celsius]
    hysteresis_k: float  # and until it has fallen this far below [K]
    throttled_frequency_hz: float  # highest clock while throttled [Hz]

    def __post_init__(self) -> None:
        check_name('name', self.name)
        check_name('domain', self.domain)
        check_finite('ambient_c', self.ambient_c)
        check_finite('throttle_c', self.throttle_c)
        check_positive('resistance_k_per_w', self.resistance_k_per_w)
        check_positive('time_constant_s', self.time_constant_s)
        check_not_negative('hysteresis_k', self.hysteresis_k)
        check_positive('throttled_frequency_hz', self.throttled_frequency_hz)

    def steady_c(self, power_w: float) -> float:
        """Return the temperature reached under constant power [degrees Celsius]."""
        return self.ambient_c + self.resistance_k_per_w * power_w

    def after(self, temperature_c: float, *, power_w: float, dt_s: float) -> float:
        """Return the temperature after `dt_s` of constant power: the exact solution of the RC."""
        steady_c = self.steady_c(power_w)
        return steady_c + (temperature_c - steady_c) * math.exp(-dt_s / self.time_constant_s)

    def throttles(self, temperature_c: float, *, already: bool) -> bool:
        """Whether the clock is held back at this temperature; `already`: whether it was before."""
        limit_c = self.throttle_c - self.hysteresis_k if already else self.throttle_c
        return temperature_c > limit_c
