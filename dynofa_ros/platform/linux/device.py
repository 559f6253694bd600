# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The real machine as a device: frequencies and sensors through the files of Linux."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.device import (
    CommandResult,
    DeviceState,
    DomainReading,
    DomainSetting,
    PowerSample,
)
from dynofa_ros.platform.linux.batteries import read_batteries
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.frequency_control import DEVFREQ
from dynofa_ros.platform.linux.frequency_controller import FrequencyController
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.power_meter import PowerMeter, Sampler
from dynofa_ros.platform.linux.rails import board_rails
from dynofa_ros.platform.linux.restore import RestoreResult
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed

STAT = '/proc/stat'
IDLE = (3, 4)
"""Columns of /proc/stat with idle time: idle and iowait (`Documentation/filesystems/proc.rst`)."""
COUNTED = 8
"""Columns that add up to the total; guest time follows, which user time already includes."""


class CpuLoad:
    """Utilisation of each core between two samples of /proc/stat."""

    def __init__(self, sysfs: Sysfs) -> None:
        self._sysfs = sysfs
        self._busy: dict[int, float] = {}
        self._last = self._times()

    def sample(self) -> None:
        """End a period: `utilisation` covers the time since the previous sample."""
        for core, (idle, total) in self._times().items():
            last_idle, last_total = self._last.get(core, (0, 0))
            passed = total - last_total
            # A tick of Linux is 10 ms: a shorter period may have none.
            if passed > 0:
                self._busy[core] = min(1.0, max(0.0, 1 - (idle - last_idle) / passed))
                self._last[core] = (idle, total)

    def utilisation(self, cores: Sequence[int]) -> float:
        """Return the mean utilisation of some cores, 0..1; NaN if all are unknown."""
        busy = [self._busy[core] for core in cores if core in self._busy]
        return sum(busy) / len(busy) if busy else math.nan

    def _times(self) -> dict[int, tuple[int, int]]:
        """Return idle and total time of each core, in ticks."""
        times = {}
        for line in self._sysfs.text(STAT).splitlines():
            name, *words = line.split()
            if name.startswith('cpu') and name[3:].isdigit():
                ticks = [int(word) for word in words[:COUNTED]]
                times[int(name[3:])] = (sum(ticks[each] for each in IDLE), sum(ticks))
        return times


class LinuxDevice:
    """A real machine. Closing it restores the original frequencies."""

    def __init__(
        self,
        sysfs: Sysfs,
        machine: LinuxMachine,
        *,
        name: str,
        state_file: Path,
        clock: Callable[[], float],
        whitelist: Mapping[str, Allowed] | None = None,
        min_interval_s: float = 0.0,
    ) -> None:
        """`name` is reported in its states; `clock` returns monotonic seconds.

        `state_file`, `whitelist` and `min_interval_s` are as for `FrequencyController`. Raises
        PlatformError for a whitelist that does not fit the machine.
        """
        self.machine = machine
        self._sysfs = sysfs
        self._name = name
        self._controller = FrequencyController(
            sysfs,
            machine.domains,
            state_file=state_file,
            clock=clock,
            whitelist=whitelist,
            min_interval_s=min_interval_s,
        )
        self._load = CpuLoad(sysfs)
        self._meter = PowerMeter(sysfs, machine, clock=clock)
        self._sampler: Sampler | None = None

    @property
    def simulated(self) -> bool:
        """False: this is hardware."""
        return False

    @property
    def restored_at_start(self) -> RestoreResult:
        """The settings left behind by a crashed process, restored when this device was opened."""
        return self._controller.restored_at_start

    @property
    def power_detail(self) -> str:
        """The sensors that measure the power."""
        return self._meter.detail

    def reason_not_settable(self, domain: str) -> str:
        """Return why a domain cannot be set: the file, and how to allow it; empty: it can."""
        return self._controller.reason_not_settable(domain)

    def start_sampling(self, rate_hz: float) -> None:
        """Measure the power at this rate from now on, in a thread."""
        self._sampler = Sampler(self._meter.sample, rate_hz=rate_hz)

    def take_samples(self) -> list[PowerSample]:
        """Return the power samples since the previous call, oldest first."""
        return self._meter.take_samples()

    def add_busy(
        self,
        processor: str,
        busy_s: float,
        *,
        threads: int = 1,
        app: str = '',
        takes_turns: bool = False,
    ) -> None:
        """Ignore a frame: the load of hardware is measured."""

    def set_co_runner(self, processor: str, utilisation: float) -> None:
        """Raise PlatformError: other programs are real here."""
        raise PlatformError(
            field=f'co-runner utilisation of {processor}',
            value=utilisation,
            expected='a simulated device; this one is hardware',
        )

    def advance(self) -> None:
        """End a period, over which utilisation and power are reported."""
        self._load.sample()
        self._meter.sample()
        self._meter.end_period()

    @property
    def wait_s(self) -> float:
        """Time until the next change of frequencies is allowed [s]."""
        return self._controller.wait_s

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Apply all settings or none; the result states what was rounded."""
        return self._controller.apply(settings)

    @property
    def out_of_control(self) -> str:
        """Why no frequency can be set: another process does, or the state file is unusable."""
        return self._controller.out_of_control if self.machine.domains else ''

    @property
    def changed(self) -> bool:
        """Whether a setting may differ from the original one."""
        return self._controller.changed

    def take_control(self) -> CommandResult:
        """Try again to lock the machine, and restore what a crashed process left behind."""
        return _restored(self._controller.take_control())

    def restore_frequencies(self) -> RestoreResult:
        """Restore the original settings. Idempotent."""
        return self._controller.restore_frequencies()

    def restore(self) -> CommandResult:
        """Restore the original settings. Idempotent."""
        return _restored(self.restore_frequencies())

    def close(self) -> None:
        """Restore the original settings, and release the machine."""
        if self._sampler is not None:
            self._sampler.stop()
            self._sampler = None
        try:
            self.restore_frequencies()
        finally:
            self._controller.close()

    def state(self) -> DeviceState:
        """Return the current state; utilisation and power are those of the last period."""
        throttled = {each.kind for each in self.machine.throttles if each.on(self._sysfs)}
        domains = {each.name: self._domain(each, throttled) for each in self.machine.domains}
        batteries = self.machine.batteries
        capabilities = {
            'set_frequency': any(reading.settable for reading in domains.values()),
            'power': board_rails(self.machine.rails) or batteries or not self.machine.rapl_error,
            'temperature': self.machine.zones,
            'battery': batteries,
        }
        return DeviceState(
            platform=self._name,
            simulated=self.simulated,
            capabilities=tuple(name for name, present in capabilities.items() if present),
            domains=domains,
            rails_w={
                rail.name: rail.power_w(self._sysfs)
                for rail in self.machine.rails
                if rail.of_machine
            },
            power_w=self._meter.power_w,
            power_source=self._meter.source,
            energy_j=self._meter.energy_j,
            temperatures=tuple(zone.read(self._sysfs) for zone in self.machine.zones),
            battery=read_batteries(self._sysfs, batteries),
        )

    def _domain(self, domain: LinuxDomain, throttled: set[str]) -> DomainReading:
        limits = domain.limits(self._sysfs)
        frequency_hz = domain.frequency_hz(self._sysfs)
        changing = limits.fixed and domain.has_list and frequency_hz != limits.min_hz
        return DomainReading(
            name=domain.name,
            processors=self.machine.processors[domain.name],
            frequency_hz=frequency_hz,
            min_frequency_hz=limits.min_hz,
            max_frequency_hz=limits.max_hz,
            available_frequencies_hz=self._controller.frequencies_hz(domain.name),
            settable=not self.reason_not_settable(domain.name),
            utilisation=self._utilisation(domain),
            co_runner_utilisation=math.nan,  # Linux does not tell whose load it is
            next_frequency_hz=limits.min_hz if changing else math.nan,
            throttled=domain.kind in throttled,
        )

    def _utilisation(self, domain: LinuxDomain) -> float:
        if domain.cores:
            return self._load.utilisation(domain.cores)
        control = domain.controls[0]
        if control.interface != DEVFREQ:
            return math.nan
        return self._sysfs.number(control.file('device/load')) / 1000  # of the GPU of a Jetson


def _restored(result: RestoreResult) -> CommandResult:
    return CommandResult(applied=not result.failed, text=str(result))
