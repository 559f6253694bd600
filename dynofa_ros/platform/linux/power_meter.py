"""Power and energy by the best source that a machine has: rails, RAPL, the battery."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dynofa_ros.platform.device import BATTERY, RAIL, RAPL, UNAVAILABLE
from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.platform.linux.batteries import SysfsBattery
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.rails import board_rails
from dynofa_ros.platform.linux.sysfs import Sysfs

KEPT_SAMPLES = 256
"""More than are taken between two periods; who does not ask for them shall not fill the memory."""


@dataclass(frozen=True)
class PowerSample:
    """The energy so far, at one moment."""

    now_s: float
    energy_j: float  # NaN: it could not be measured
    source: str


class PowerMeter:
    """Samples one source; between two samples the power is taken to change evenly.

    The CPU's counters count by themselves, and nothing is lost between samples. One thread may
    sample while another one ends periods.
    """

    def __init__(self, sysfs: Sysfs, machine: LinuxMachine, *, clock: Callable[[], float]) -> None:
        self._sysfs = sysfs
        self._clock = clock
        self._rails = board_rails(machine.rails)
        self._counters = None if self._rails else _counters(sysfs, machine)
        self._batteries: tuple[SysfsBattery, ...] = ()
        if not self._rails and self._counters is None:
            self._batteries = machine.batteries
        self.energy_j = 0.0  # since the first sample; no sample, no energy
        self.power_w = math.nan  # mean of the last period
        self._last_s = self._period_s = clock()
        self._before_j = 0.0  # at the start of the period
        self._gap = False  # whether a part of the period is unknown
        self._samples: deque[PowerSample] = deque(maxlen=KEPT_SAMPLES)
        self._lock = threading.Lock()
        self._last_w = self._now_w()

    @property
    def source(self) -> str:
        """Where the power comes from; unavailable while there is none, as on the charger."""
        return UNAVAILABLE if math.isnan(self.power_w) else self._sensor

    @property
    def _sensor(self) -> str:
        return RAIL if self._rails else RAPL if self._counters else BATTERY

    @property
    def detail(self) -> str:
        """Say which sensors it is that are read."""
        if self._rails:
            return f'rails {", ".join(rail.name for rail in self._rails)}'
        if self._counters:
            return 'RAPL, CPU packages only'
        names = ', '.join(battery.name for battery in self._batteries)
        return f'battery {names}, while it discharges' if names else 'no power sensor'

    def sample(self) -> None:
        """Add the energy since the sample before."""
        with self._lock:
            self._sample()

    def _sample(self) -> None:
        now_s = self._clock()
        passed_s = now_s - self._last_s
        if passed_s <= 0:
            return
        if self._counters:
            energy_j = self._counted_j(self._counters)
        else:
            now_w = self._now_w()
            energy_j = (self._last_w + now_w) / 2 * passed_s
            self._last_w = now_w
        self._last_s = now_s
        if math.isnan(energy_j):
            self._gap = True
            self._samples.append(PowerSample(now_s, math.nan, UNAVAILABLE))
        else:
            self.energy_j += energy_j
            self._samples.append(PowerSample(now_s, self.energy_j, self._sensor))

    def take_samples(self) -> list[PowerSample]:
        """Return the samples since they were taken last, the oldest first."""
        with self._lock:
            taken = list(self._samples)
            self._samples.clear()
            return taken

    def end_period(self) -> None:
        """Let `power_w` be the mean since the period before; unknown if a part of it is."""
        with self._lock:
            self._end_period()

    def _end_period(self) -> None:
        passed_s = self._last_s - self._period_s
        if passed_s <= 0:
            return
        power_w = (self.energy_j - self._before_j) / passed_s
        self.power_w = math.nan if self._gap else power_w
        self._period_s, self._before_j, self._gap = self._last_s, self.energy_j, False

    def _now_w(self) -> float:
        """Return the power now [W]; NaN if a part of it is unknown."""
        if self._rails:
            return sum(rail.power_w(self._sysfs) for rail in self._rails)
        if self._batteries:
            # One battery at a time feeds a machine with two.
            powers_w = [battery.power_w(self._sysfs) for battery in self._batteries]
            known_w = [power_w for power_w in powers_w if not math.isnan(power_w)]
            return sum(known_w) if known_w else math.nan
        return math.nan

    def _counted_j(self, counters: EnergyMeter) -> float:
        try:
            return counters.read_j() - self.energy_j
        except EnergyUnavailable:
            return math.nan


def _counters(sysfs: Sysfs, machine: LinuxMachine) -> EnergyMeter | None:
    if machine.counters:
        return None
    try:
        return EnergyMeter(sysfs.path(str(POWERCAP)))
    except EnergyUnavailable:
        return None
