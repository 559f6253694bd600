# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power at which no sensor reaches its throttling temperature; the thermal path is learned.

Each sensor is modelled as first order: `dT/dt = (A + R P - T) / TIME_CONSTANT_S`, as in
`platform/thermal.py`, with the board's power P. A linear Kalman filter (Kalman, 1960) estimates
T, A and R. The apparent ambient temperature A is a random walk, which absorbs model errors: warming
air, other heat sources, another time constant.

The cap is the barrier condition `dT/dt <= rate(limit - T)`, solved for P (Ames et al., Control
barrier functions: theory and applications, European Control Conference 2019): the closer to the
limit, the slower the temperature may rise, and not at all at the limit. Within NEAR_K the rate is
`(limit - T) / TIME_CONSTANT_S`, so the cap is the power of the steady state at the limit, which is
constant for constant R and A.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from dynofa_ros.runtime.budget.cap import Cap
from dynofa_ros.runtime.observation import TemperatureObservation
from dynofa_ros.runtime.operating_points.table import Floats

# Tuning, ours: no board of 1.5 to 10 K/W and 8 to 400 s exceeds the limit or flaps, with sensors of
# 0.5 K resolution (test/runtime/budget/test_thermal.py).
TIME_CONSTANT_S = 60.0
NEAR_K = 4.0  # below this distance the approach is slow
FAR_S = 20.0  # time in which the distance beyond NEAR_K may be heated
RESISTANCE_K_PER_W = 3.0  # prior mean
RESISTANCE_STD_K_PER_W = 2.0  # prior uncertainty
RESISTANCE_MIN_K_PER_W = 0.3
AIR_STD_K = 30.0
SENSOR_STD_K = 0.3
DRIFT_STD = (0.02, 0.1, 0.02)  # of T [K], A [K] and R [K/W], per square root of a second


class ThermalPath:
    """Kalman filter of one sensor: temperature, apparent air temperature, thermal resistance."""

    def __init__(self, temperature_c: float, *, power_w: float) -> None:
        air_c = temperature_c - RESISTANCE_K_PER_W * power_w
        self._mean: Floats = np.array([temperature_c, air_c, RESISTANCE_K_PER_W])
        self._covariance: Floats = np.diag(
            np.square([SENSOR_STD_K, AIR_STD_K, RESISTANCE_STD_K_PER_W])
        )

    def advance(self, dt_s: float, *, power_w: float) -> None:
        """Predict the state after `dt_s` at a mean power."""
        share = -math.expm1(-dt_s / TIME_CONSTANT_S)
        step = np.array([[1.0 - share, share, share * power_w], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        self._mean = step @ self._mean
        drift = np.diag(np.square(DRIFT_STD) * dt_s)
        self._covariance = step @ self._covariance @ step.T + drift

    def observe(self, temperature_c: float) -> None:
        """Update with a temperature [degrees Celsius]."""
        column = self._covariance[:, 0]
        gain = column / (column[0] + SENSOR_STD_K**2)
        self._mean = self._mean + gain * (temperature_c - self._mean[0])
        self._covariance = self._covariance - np.outer(gain, column)
        self._mean[2] = max(self._mean[2], RESISTANCE_MIN_K_PER_W)

    def power_w(self, limit_c: float) -> float:
        """Return the maximum power that approaches `limit_c` without overshoot [W]."""
        temperature_c, air_c, resistance_k_per_w = (float(each) for each in self._mean)
        left_k = limit_c - temperature_c
        rate_k_per_s = left_k / TIME_CONSTANT_S + max(0.0, left_k - NEAR_K) / FAR_S
        steady_c = temperature_c + rate_k_per_s * TIME_CONSTANT_S
        return max(0.0, (steady_c - air_c) / resistance_k_per_w)


class ThermalCap:
    """The lowest cap of all sensors whose throttling temperature is known."""

    def __init__(self) -> None:
        self._paths: dict[str, ThermalPath] = {}
        self._throttle_c: dict[str, float] = {}
        self._unread: tuple[str, ...] = ()

    def observe(
        self, sensors: Iterable[TemperatureObservation], *, power_w: float, dt_s: float
    ) -> None:
        """Update with temperatures after `dt_s` at a mean power [W].

        A sensor that is no longer read is predicted from the power alone.
        """
        read = {each.name: each for each in sensors if each.limited}
        for path in self._paths.values():
            path.advance(dt_s, power_w=power_w)
        for name, each in read.items():
            self._throttle_c[name] = each.throttle_c
            if name in self._paths:
                self._paths[name].observe(each.temperature_c)
            else:
                self._paths[name] = ThermalPath(each.temperature_c, power_w=power_w)
        self._unread = tuple(name for name in self._paths if name not in read)

    def cap(self, *, margin_k: float) -> Cap:
        """Return the cap that stays `margin_k` below throttling; none without sensors."""
        caps = [
            Cap(
                path.power_w(self._throttle_c[name] - margin_k),
                f'{name} throttles at {self._throttle_c[name]:.4g} degrees',
                f'the thermal limit of {name}',
            )
            for name, path in self._paths.items()
        ]
        return min(caps, key=lambda each: each.power_w, default=Cap())

    def warnings(self) -> list[str]:
        """Return a warning for each sensor that is no longer read."""
        return [f'temperature of {name} unknown: predicted from power' for name in self._unread]
