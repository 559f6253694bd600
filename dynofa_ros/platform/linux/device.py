"""The machine itself as a device: its clocks, its sensors, by what Linux shows of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.device import (
    CommandResult,
    DeviceState,
    DomainReading,
    DomainSetting,
)
from dynofa_ros.platform.linux.cpu_load import CpuLoad
from dynofa_ros.platform.linux.domain import ClockDomain, frequency_now_hz, limits_now, load_file
from dynofa_ros.platform.linux.frequency_controller import FrequencyController
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.power_meter import PowerMeter, PowerSample
from dynofa_ros.platform.linux.restore import RestoreResult
from dynofa_ros.platform.linux.sampler import Sampler
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed

PER_THOUSAND = 1e-3


class LinuxDevice:
    """A real machine. Close it, or leave its `with`, and its clocks are as they were found."""

    def __init__(
        self,
        sysfs: Sysfs,
        machine: LinuxMachine,
        *,
        name: str,
        record_file: Path,
        clock: Callable[[], float],
        whitelist: Mapping[str, Allowed] | None = None,
        min_interval_s: float = 0.0,
    ) -> None:
        """`name` goes into its states; `clock` returns seconds and never goes back.

        `record_file`, `whitelist` and `min_interval_s` are as for `FrequencyController`. Raises
        PlatformError for a whitelist that does not fit the machine.
        """
        self.machine = machine
        self._sysfs = sysfs
        self._name = name
        self._controller = FrequencyController(
            sysfs,
            machine.domains,
            record_file=record_file,
            clock=clock,
            whitelist=whitelist,
            min_interval_s=min_interval_s,
        )
        self._load = CpuLoad(sysfs)
        self._meter = PowerMeter(sysfs, machine, clock=clock)
        self._sampler: Sampler | None = None

    @property
    def left_by_another(self) -> RestoreResult:
        """What a process that died had left turned, and was put back when this one started."""
        return self._controller.left_by_another

    @property
    def power_detail(self) -> str:
        """Which sensors the power comes from, in words."""
        return self._meter.detail

    def why_not(self, domain: str) -> str:
        """Return why a domain cannot be turned: which file, and what would help; empty: it can."""
        return self._controller.why_not(domain)

    def start_sampling(self, rate_hz: float) -> None:
        """Measure the power at this rate from now on, beside what else is done."""
        self._sampler = Sampler(self._meter.sample, rate_hz=rate_hz)

    def take_samples(self) -> list[PowerSample]:
        """Return the power samples since they were taken last, the oldest first."""
        return self._meter.take_samples()

    def advance(self) -> None:
        """End a period, over which utilisation and power are reported."""
        self._load.sample()
        self._meter.sample()
        self._meter.end_period()

    @property
    def wait_s(self) -> float:
        """Time until clocks may be turned again [s]; 0: now."""
        return self._controller.wait_s

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Set clocks, all or nothing; what was rounded is in the text."""
        return self._controller.apply(settings)

    def restore_frequencies(self) -> RestoreResult:
        """Put the clocks back to how they were found, and say what came of it.

        Raises PlatformError if the state file cannot be read or written.
        """
        return self._controller.restore_frequencies()

    def restore(self) -> CommandResult:
        """Put the clocks back to how they were found; doing it twice is no harm."""
        try:
            done = self.restore_frequencies()
        except PlatformError as error:
            return CommandResult(applied=False, text=str(error))
        return CommandResult(applied=not done.failed, text=str(done))

    def close(self) -> None:
        """Put the clocks back, and let another process turn them.

        Raises PlatformError if the state file cannot be read or written.
        """
        if self._sampler is not None:
            self._sampler.stop()
            self._sampler = None
        try:
            self.restore_frequencies()
        finally:
            self._controller.close()

    def __enter__(self) -> LinuxDevice:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def state(self) -> DeviceState:
        """Read everything; utilisation and power are of the last period."""
        hot = {each.kind for each in self.machine.throttles if each.on(self._sysfs)}
        domains = {each.name: self._domain(each, hot) for each in self.machine.domains}
        settable = any(reading.settable for reading in domains.values())
        batteries = self.machine.batteries
        return DeviceState(
            platform=self._name,
            simulated=False,
            capabilities=self._capabilities(settable=settable),
            domains=domains,
            rails_w={rail.name: rail.power_w(self._sysfs) for rail in self.machine.rails},
            power_w=self._meter.power_w,
            power_source=self._meter.source,
            energy_j=self._meter.energy_j,
            temperatures=tuple(zone.read(self._sysfs) for zone in self.machine.zones),
            battery=batteries[0].read(self._sysfs) if batteries else None,
        )

    def _capabilities(self, *, settable: bool) -> tuple[str, ...]:
        power = self.machine.rails or self.machine.batteries or not self.machine.counters
        found = {
            'set_frequency': settable,
            'power': power,
            'temperature': self.machine.zones,
            'battery': self.machine.batteries,
        }
        return tuple(name for name, there in found.items() if there)

    def _domain(self, domain: ClockDomain, hot: set[str]) -> DomainReading:
        limits = limits_now(self._sysfs, domain)
        frequency_hz = frequency_now_hz(self._sysfs, domain)
        follows = limits.fixed and domain.in_steps and frequency_hz != limits.min_hz
        return DomainReading(
            name=domain.name,
            processors=self.machine.processors[domain.name],
            frequency_hz=frequency_hz,
            min_frequency_hz=limits.min_hz,
            max_frequency_hz=limits.max_hz,
            available_frequencies_hz=self._controller.frequencies_hz(domain.name),
            settable=not self._controller.why_not(domain.name),
            utilisation=self._utilisation(domain),
            co_runner_utilisation=math.nan,  # Linux does not say whose work it is
            next_frequency_hz=limits.min_hz if follows else math.nan,
            throttled=domain.kind in hot,
        )

    def _utilisation(self, domain: ClockDomain) -> float:
        if domain.cores:
            return self._load.utilisation(domain.cores)
        return self._sysfs.number(load_file(domain)) * PER_THOUSAND
