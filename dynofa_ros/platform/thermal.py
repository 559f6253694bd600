# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Temperature of one sensor: first order, one resistance and one capacity (RC)."""

from __future__ import annotations

import math

from dynofa_ros.config_file import Name, Text, checked
from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.quantity import NotNegative, Number, Positive


@checked(PlatformError.of)
class ThermalZone:
    """A temperature sensor heated by the board's power, and the frequency domain it throttles."""

    name: Name
    domain: Text  # frequency domain that is throttled
    ambient_c: Number  # temperature of the air [degrees Celsius]
    resistance_k_per_w: Positive  # steady-state rise above the air per watt [K/W]
    time_constant_s: Positive  # time to 63 % of that rise [s]
    throttle_c: Number  # throttling starts above this [degrees Celsius]
    hysteresis_k: NotNegative  # and ends this far below [K]
    throttled_frequency_hz: Positive  # highest frequency while throttled [Hz]

    def steady_c(self, power_w: float) -> float:
        """Return the steady-state temperature at constant power [degrees Celsius]."""
        return self.ambient_c + self.resistance_k_per_w * power_w

    def after(self, temperature_c: float, *, power_w: float, dt_s: float) -> float:
        """Return the temperature after `dt_s` of constant power: the exact solution of the RC."""
        steady_c = self.steady_c(power_w)
        return steady_c + (temperature_c - steady_c) * math.exp(-dt_s / self.time_constant_s)

    def throttles(self, temperature_c: float, *, already: bool) -> bool:
        """Return whether the zone throttles at this temperature; `already`: it did before."""
        limit_c = self.throttle_c - self.hysteresis_k if already else self.throttle_c
        return temperature_c > limit_c
