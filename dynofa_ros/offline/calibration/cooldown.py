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


class Cooldown:
    """Waits until all temperature sensors of a device are well below their throttle points."""

    def __init__(
        self,
        device: LinuxDevice,
        *,
        max_wait_s: float,
        throttle_c: Callable[[str], float] = lambda zone: math.nan,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
        log: Callable[[str], object] = print,
    ) -> None:
        """`throttle_c(zone)`: throttle point where Linux reports none [degC]; NaN: unknown."""
        if not 0 < max_wait_s < math.inf:
            raise CalibrationError(f'cool-seconds is {max_wait_s!r}; expected above 0')
        self._device = device
        self._max_wait_s = max_wait_s
        self._throttle_c = throttle_c
        self._clock = clock
        self._sleep = sleep
        self._log = log

    def wait(self) -> None:
        """Block while a sensor is near its throttle point; raise CalibrationError on timeout."""
        start_s = self._clock()
        if hot := self._hot_sensor():
            self._log(f'{hot}: waiting up to {self._max_wait_s:g} s for it to cool')
        while hot:
            if self._clock() - start_s >= self._max_wait_s:
                raise CalibrationError(
                    f'{hot} after {self._max_wait_s:g} s without load; expected {MARGIN_K:g} K '
                    'below it. Cool the machine, or allow more time with --cool-seconds'
                )
            self._sleep(POLL_PERIOD_S)
            hot = self._hot_sensor()

    def _hot_sensor(self) -> str:
        """Describe the first sensor that is near its throttle point; empty if there is none."""
        for reading in self._device.state().temperatures:
            throttle_c = reading.throttle_c
            if math.isnan(throttle_c):
                throttle_c = self._throttle_c(reading.name)
            if reading.temperature_c > throttle_c - MARGIN_K:
                return (
                    f'{reading.name} is at {reading.temperature_c:.1f} degrees Celsius and '
                    f'throttles at {throttle_c:.1f}'
                )
        return ''
