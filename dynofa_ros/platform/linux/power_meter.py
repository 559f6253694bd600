# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power and energy from the best sensor of a machine: supply rails, RAPL or the battery."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable

from dynofa_ros.platform.checks import check_positive
from dynofa_ros.platform.device import BATTERY, RAIL, RAPL, UNAVAILABLE, PowerSample
from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.platform.linux.batteries import SysfsBattery
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.rails import board_rails
from dynofa_ros.platform.linux.sysfs import Sysfs

MAX_SAMPLES = 256
"""More than are taken in one period; bounds the memory if nobody reads them."""
JITTER = 0.3
"""Fraction by which a sampling period varies. At exactly 20 Hz, every frame of a 10 Hz camera would
be sampled at the same two phases, which can bias its energy by up to 100 %."""


class PowerMeter:
    """Samples one source; the power is taken to change linearly between two samples.

    RAPL counts in hardware, so it loses nothing between samples. One thread may sample while
    another one ends periods.
    """

    def __init__(self, sysfs: Sysfs, machine: LinuxMachine, *, clock: Callable[[], float]) -> None:
        self._sysfs = sysfs
        self._clock = clock
        self._rails = board_rails(machine.rails)
        self._rapl = None if self._rails else _rapl(sysfs, machine)
        self._batteries: tuple[SysfsBattery, ...] = ()
        if not self._rails and self._rapl is None:
            self._batteries = machine.batteries
        self.energy_j = 0.0  # since the start
        self.power_w = math.nan  # mean of the last period
        self._last_s = self._period_s = clock()
        self._period_j = 0.0  # energy at the start of the period
        self._gap = False  # whether the power was unknown in a part of the period
        self._samples: deque[PowerSample] = deque(maxlen=MAX_SAMPLES)
        self._lock = threading.Lock()
        self._last_w = self._read_w()

    @property
    def source(self) -> str:
        """The source of the power; unavailable while it is unknown, as on the charger."""
        return UNAVAILABLE if math.isnan(self.power_w) else self._sensor

    @property
    def _sensor(self) -> str:
        return RAIL if self._rails else RAPL if self._rapl else BATTERY

    @property
    def detail(self) -> str:
        """The sensors that are read."""
        if self._rails:
            return f'rails {", ".join(rail.name for rail in self._rails)}'
        if self._rapl:
            return 'RAPL, CPU packages only'
        names = ', '.join(battery.name for battery in self._batteries)
        return f'battery {names}, while it discharges' if names else 'no power sensor'

    def sample(self) -> None:
        """Add the energy since the previous sample."""
        with self._lock:
            self._sample()

    def _sample(self) -> None:
        now_s = self._clock()
        passed_s = now_s - self._last_s
        if passed_s <= 0:
            return
        if self._rapl:
            energy_j = self._counted_j(self._rapl)
        else:
            now_w = self._read_w()
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
        """Return the samples since the previous call, oldest first."""
        with self._lock:
            taken = list(self._samples)
            self._samples.clear()
            return taken

    def end_period(self) -> None:
        """Set `power_w` to the mean of the period; NaN if the power was unknown in a part of it."""
        with self._lock:
            passed_s = self._last_s - self._period_s
            if passed_s <= 0:
                return
            power_w = (self.energy_j - self._period_j) / passed_s
            self.power_w = math.nan if self._gap else power_w
            self._period_s, self._period_j, self._gap = self._last_s, self.energy_j, False

    def _read_w(self) -> float:
        """Return the current power [W]; NaN if a part of it is unknown."""
        if self._rails:
            return sum(rail.power_w(self._sysfs) for rail in self._rails)
        # A machine with two batteries discharges one at a time.
        powers_w = [battery.power_w(self._sysfs) for battery in self._batteries]
        known_w = [power_w for power_w in powers_w if not math.isnan(power_w)]
        return sum(known_w) if known_w else math.nan

    def _counted_j(self, rapl: EnergyMeter) -> float:
        try:
            return rapl.read_j() - self.energy_j
        except EnergyUnavailable:
            return math.nan


def _rapl(sysfs: Sysfs, machine: LinuxMachine) -> EnergyMeter | None:
    if machine.rapl_error:
        return None
    try:
        return EnergyMeter(sysfs.path(str(POWERCAP)))
    except EnergyUnavailable:
        return None


class Sampler:
    """Calls a function at a mean rate, with jitter, until it is stopped.

    It has its own thread, because a timer of rclpy rebuilds its wait set for each call, which costs
    more than a sample.
    """

    def __init__(self, sample: Callable[[], object], *, rate_hz: float, seed: int = 0) -> None:
        """Start sampling; raises PlatformError unless the rate is above 0."""
        check_positive('rate_hz', rate_hz)
        self._sample = sample
        self._period_s = 1 / rate_hz
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name='power sampler', daemon=True)
        self._thread.start()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stopped.wait(max(0.0, next_s - time.monotonic())):
            self._sample()
            # After the machine was suspended, missed samples are not made up for.
            period_s = self._period_s * self._random.uniform(1 - JITTER, 1 + JITTER)
            next_s = max(next_s + period_s, time.monotonic())

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopped.set()
        self._thread.join()
