# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Wait for a hot machine to cool, so that no measurement is taken while it throttles."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from dynofa_ros.platform.linux import LinuxDevice

MARGIN_K = 5.0
"""Measurements wait while a sensor is closer than this to its throttle point (assumed)."""
POLL_PERIOD_S = 1.0


class CalibrationError(ValueError):
    """The machine cannot be calibrated; the message states why and what helps."""


def wait_until_cool(
    device: LinuxDevice,
    *,
    max_wait_s: float,
    throttle_c: Callable[[str], float] = lambda zone: math.nan,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
    log: Callable[[str], object] = print,
) -> None:
    """Block while a sensor is near its throttle point; raise CalibrationError on timeout.

    `throttle_c(zone)`: throttle point where Linux reports none [degC]; NaN: unknown.
    """
    start_s = clock()
    if hot := _hot_sensor(device, throttle_c):
        log(f'{hot}: waiting up to {max_wait_s:g} s for it to cool')
    while hot:
        if clock() - start_s >= max_wait_s:
            raise CalibrationError(
                f'{hot} after {max_wait_s:g} s without load; expected {MARGIN_K:g} K below it. '
                'Cool the machine, or allow more time with --cool-seconds'
            )
        sleep(POLL_PERIOD_S)
        hot = _hot_sensor(device, throttle_c)


def _hot_sensor(device: LinuxDevice, unreported_c: Callable[[str], float]) -> str:
    """Describe the first sensor that is near its throttle point; empty if there is none."""
    for reading in device.state().temperatures:
        unknown = math.isnan(reading.throttle_c)
        throttle_c = unreported_c(reading.name) if unknown else reading.throttle_c
        if reading.temperature_c > throttle_c - MARGIN_K:
            return (
                f'{reading.name} is at {reading.temperature_c:.1f} degrees Celsius and '
                f'throttles at {throttle_c:.1f}'
            )
    return ''
