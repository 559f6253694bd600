"""Wait for a hot machine to cool, so that no clock is measured while it is held back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from dynofa_ros.platform.linux import LinuxDevice

MARGIN_K = 5.0
"""Nearer to a throttle point it waits (assumed)."""
LOOK_S = 1.0


class CalibrationError(ValueError):
    """A machine that cannot be calibrated; the text says why, and what helps."""


class Cooling:
    """Watches the temperatures of a device."""

    def __init__(
        self,
        device: LinuxDevice,
        *,
        longest_s: float,
        throttle_c: Callable[[str], float] = lambda zone: math.nan,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
        say: Callable[[str], object] = print,
    ) -> None:
        """`longest_s`: how long to wait at most.

        `throttle_c`: of a sensor by its name, where Linux does not say it; NaN: unknown.
        """
        if not 0 < longest_s < math.inf:
            raise CalibrationError(f'cool-seconds is {longest_s!r}; expected above 0')
        self._device = device
        self._longest_s = longest_s
        self._throttle_c = throttle_c
        self._clock = clock
        self._sleep = sleep
        self._say = say

    def wait(self) -> None:
        """Wait while a sensor is near its throttle point; raises CalibrationError if it stays."""
        start_s, said = self._clock(), False
        while hot := self._hot():
            if self._clock() - start_s >= self._longest_s:
                raise CalibrationError(
                    f'{hot} after {self._longest_s:g} s without work; expected {MARGIN_K:g} K '
                    'below it. Cool the machine, or allow more time with --cool-seconds'
                )
            if not said:
                self._say(f'{hot}: waiting up to {self._longest_s:g} s for it to cool')
                said = True
            self._sleep(LOOK_S)

    def _hot(self) -> str:
        """Return the first sensor that is near its throttle point, in words; empty: none is."""
        for each in self._device.state().temperatures:
            known = not math.isnan(each.throttle_c)
            throttle_c = each.throttle_c if known else self._throttle_c(each.name)
            if each.temperature_c > throttle_c - MARGIN_K:
                return (
                    f'{each.name} is at {each.temperature_c:.1f} degrees Celsius and throttles at '
                    f'{throttle_c:.1f}'
                )
        return ''
