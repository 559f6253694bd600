"""The mean power of a machine over a time, sampled between frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dynofa_ros.platform.linux.power_meter import PowerMeter

SAMPLE_S = 0.05


@dataclass(frozen=True)
class MeasuredPower:
    """A mean power and where it comes from."""

    power_w: float  # NaN: unknown
    source: str  # as in `DeviceState.power_source`


class PowerWindow:
    """A time over which the power is averaged, from when it is made until `end`."""

    def __init__(self, meter: PowerMeter, *, clock: Callable[[], float]) -> None:
        self._meter = meter
        self._clock = clock
        self._looked_s = clock()
        self._end_period()

    def look(self) -> None:
        """Take a sample if the last one is old enough."""
        now_s = self._clock()
        if now_s - self._looked_s >= SAMPLE_S:
            self._looked_s = now_s
            self._meter.sample()

    def end(self) -> MeasuredPower:
        """Return the mean since the start."""
        self._end_period()
        return MeasuredPower(self._meter.power_w, self._meter.source)

    def _end_period(self) -> None:
        self._meter.sample()
        self._meter.end_period()
