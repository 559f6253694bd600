"""Everything that Linux shows of a machine's clocks, power, heat and limits, found once."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cached_property

from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.platform.host import cpu_model
from dynofa_ros.platform.linux.access import FileAccess
from dynofa_ros.platform.linux.batteries import SysfsBattery, find_batteries
from dynofa_ros.platform.linux.confinement import Confinement, find_confinement
from dynofa_ros.platform.linux.domain import ClockDomain, group_controls, not_writable
from dynofa_ros.platform.linux.frequency_control import find_devices, find_policies
from dynofa_ros.platform.linux.power_mode import PowerMode, find_power_mode
from dynofa_ros.platform.linux.rails import Rail, find_rails
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.thermal_zones import (
    TemperatureZone,
    Throttle,
    find_throttles,
    find_zones,
)

CPU = 'cpu'


@dataclass(frozen=True)
class LinuxMachine:
    """What a machine has, and what this process may not do with it."""

    model: str
    architecture: str
    domains: tuple[ClockDomain, ...]
    rails: tuple[Rail, ...]
    counters: str  # why the CPU's energy counters (RAPL) are of no use; empty: they can be read
    batteries: tuple[SysfsBattery, ...]
    zones: tuple[TemperatureZone, ...]
    throttles: tuple[Throttle, ...]
    power_mode: PowerMode | None
    confinement: Confinement
    missing: tuple[str, ...]  # files that would help, and what is missing to use them

    @cached_property
    def processors(self) -> dict[str, tuple[str, ...]]:
        """What applications call the processors of each domain, by its name.

        Where CPU cores differ, `cpu` is the fastest group.
        """
        named: dict[str, tuple[str, ...]] = {each.name: (each.name,) for each in self.domains}
        cores = [each for each in self.domains if each.kind == CPU]
        if cores and CPU not in named:
            named[max(cores, key=lambda each: each.frequencies_hz[-1]).name] += (CPU,)
        return named

    @classmethod
    def discover(cls, sysfs: Sysfs) -> LinuxMachine:
        """Look at everything; nothing is written."""
        domains = group_controls(find_policies(sysfs), find_devices(sysfs))
        rails = find_rails(sysfs)
        return cls(
            model=_model(sysfs),
            architecture=platform.machine(),
            domains=domains,
            rails=rails,
            counters=_counters(sysfs),
            batteries=find_batteries(sysfs),
            zones=find_zones(sysfs),
            throttles=find_throttles(sysfs),
            power_mode=find_power_mode(sysfs),
            confinement=find_confinement(sysfs),
            missing=_missing(sysfs, domains, rails),
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to turn and nothing to read.

        Energy counters do not tell: they may be there for one user, and not for another.
        """
        return not (self.domains or self.rails or self.batteries or self.zones)


def _model(sysfs: Sysfs) -> str:
    """Return the board's name, which says more than its CPU's."""
    return sysfs.text('/proc/device-tree/model') or cpu_model(sysfs.path('/proc'))


def _counters(sysfs: Sysfs) -> str:
    try:
        EnergyMeter(sysfs.path(str(POWERCAP)))
    except EnergyUnavailable as error:
        return str(error)
    return ''


def _missing(
    sysfs: Sysfs, domains: tuple[ClockDomain, ...], rails: tuple[Rail, ...]
) -> tuple[str, ...]:
    write = [file for domain in domains for file in not_writable(sysfs, domain)]
    read = [file for rail in rails for file in rail.files if not sysfs.readable(file)]
    return (
        *(FileAccess.of(sysfs, file).to_write for file in write),
        *(FileAccess.of(sysfs, file).to_read for file in read),
    )
