# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Hardware inventory of a Linux machine: frequency domains, sensors and limits, found once."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from functools import cached_property

from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.platform.host import cpu_model
from dynofa_ros.platform.linux.access import explain_not_readable, explain_not_writable
from dynofa_ros.platform.linux.batteries import SysfsBattery, find_batteries
from dynofa_ros.platform.linux.confinement import Confinement, find_confinement
from dynofa_ros.platform.linux.domain import LinuxDomain, group_controls
from dynofa_ros.platform.linux.frequency_control import find_controls
from dynofa_ros.platform.linux.rails import Rail, find_rails
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.thermal_zones import (
    TemperatureZone,
    Throttle,
    find_throttles,
    find_zones,
)

CPU = 'cpu'
NVPMODEL_STATUS = '/var/lib/nvpmodel/status'
NVPMODEL_MODES = '/etc/nvpmodel.conf'


@dataclass(frozen=True)
class PowerMode:
    """The power mode of a Jetson: nvpmodel limits frequencies and switches cores off."""

    number: int
    name: str  # empty: unknown


@dataclass(frozen=True)
class LinuxMachine:
    """The hardware of a machine, and the permissions that this process lacks."""

    model: str
    architecture: str
    domains: tuple[LinuxDomain, ...]
    rails: tuple[Rail, ...]
    rapl_error: str  # why the energy counters of the CPU (RAPL) cannot be read; empty: they can
    batteries: tuple[SysfsBattery, ...]
    zones: tuple[TemperatureZone, ...]
    throttles: tuple[Throttle, ...]
    power_mode: PowerMode | None
    confinement: Confinement
    missing: tuple[str, ...]  # useful files without permission, and how to get it

    @cached_property
    def processors(self) -> dict[str, tuple[str, ...]]:
        """The processor names of each domain, as applications use them.

        Where CPU cores differ, `cpu` is the fastest group.
        """
        named: dict[str, tuple[str, ...]] = {each.name: (each.name,) for each in self.domains}
        cores = [each for each in self.domains if each.kind == CPU]
        if cores and CPU not in named:
            named[max(cores, key=lambda each: each.frequencies_hz[-1]).name] += (CPU,)
        return named

    @classmethod
    def discover(cls, sysfs: Sysfs) -> LinuxMachine:
        """Read the whole inventory; writes nothing."""
        domains = group_controls(find_controls(sysfs))
        rails = find_rails(sysfs)
        unreadable = [
            file
            for rail in rails
            if rail.of_machine
            for file in rail.files
            if not sysfs.readable(file)
        ]
        return cls(
            # The name of a board is more specific than that of its CPU.
            model=sysfs.text('/proc/device-tree/model') or cpu_model(sysfs.path('/proc')),
            architecture=platform.machine(),
            domains=domains,
            rails=rails,
            rapl_error=_rapl_error(sysfs),
            batteries=find_batteries(sysfs),
            zones=find_zones(sysfs),
            throttles=find_throttles(sysfs),
            power_mode=_power_mode(sysfs),
            confinement=find_confinement(sysfs),
            missing=(
                *(
                    explain_not_writable(sysfs, file)
                    for domain in domains
                    for file in domain.unwritable_files(sysfs)
                ),
                *(explain_not_readable(sysfs, file) for file in unreadable),
            ),
        )

    @property
    def empty(self) -> bool:
        """Whether there is neither a frequency domain nor a sensor.

        RAPL does not count: one user may have access, and another one not.
        """
        rails = any(rail.of_machine for rail in self.rails)
        return not (self.domains or rails or self.batteries or self.zones)


def _rapl_error(sysfs: Sysfs) -> str:
    try:
        EnergyMeter(sysfs.path(str(POWERCAP)))
    except EnergyUnavailable as error:
        return str(error)
    return ''


def _power_mode(sysfs: Sysfs) -> PowerMode | None:
    """Return the current mode, None without nvpmodel or permission to read its status.

    NVIDIA Jetson Linux Developer Guide, Power Management.
    """
    status = re.search(r'pmode:(\d+)', sysfs.text(NVPMODEL_STATUS))
    if not status:
        return None
    modes = sysfs.text(NVPMODEL_MODES)
    names = dict(re.findall(r'<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>', modes))
    number = int(status[1])
    return PowerMode(number, names.get(str(number), ''))
