# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power monitors of the machine: their channels, and which of them add up to the board.

A Jetson has INA3221 monitors. JetPack 4 exposes them under iio, with power in mW; JetPack 5 and
later under hwmon (`Documentation/hwmon/ina3221.rst`), with mV and mA. Other hwmon monitors report
power in uW (`Documentation/hwmon/sysfs-interface.rst`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.linux.batteries import SUPPLIES
from dynofa_ros.platform.linux.known_monitors import (
    BOARD,
    MONITOR,
    NOTHING,
    RAIL,
    SUPPLY,
    UNKNOWN,
    layout_of,
    measures,
)
from dynofa_ros.platform.linux.sysfs import Sysfs

HWMON = '/sys/class/hwmon'
IIO = ('/sys/bus/iio/devices', '/sys/bus/i2c/drivers/ina3221x')


@dataclass(frozen=True)
class Rail:
    """One channel of a power monitor, and the files with its power."""

    name: str
    monitor: str  # name of its driver
    folder: str
    power_file: str  # empty: power is voltage times current
    power_unit_w: float
    voltage_file: str
    current_file: str
    measures: str = UNKNOWN
    """What it measures: a constant of `known_monitors`."""

    def power_w(self, sysfs: Sysfs) -> float:
        """Return the current power [W]; NaN if it cannot be read."""
        if self.power_file:
            return sysfs.number(self.power_file) * self.power_unit_w
        return sysfs.number(self.voltage_file) * sysfs.number(self.current_file) * 1e-6

    @property
    def files(self) -> tuple[str, ...]:
        """The files that must be readable."""
        return (self.power_file,) if self.power_file else (self.voltage_file, self.current_file)

    @property
    def of_machine(self) -> bool:
        """Whether it measures something that the machine consumes."""
        return self.measures not in (SUPPLY, NOTHING)


def find_rails(sysfs: Sysfs) -> tuple[Rail, ...]:
    """Return the channels of all monitors; of those with the same name and driver, the first."""
    found: dict[tuple[str, str], Rail] = {}
    for folder in _iio_folders(sysfs):
        for rail in _iio_rails(sysfs, folder):
            found.setdefault((rail.monitor, rail.name), rail)
    for name in sysfs.names(HWMON):
        for rail in _hwmon_rails(sysfs, f'{HWMON}/{name}'):
            found.setdefault((rail.monitor, rail.name), rail)
    layout = layout_of({label for monitor, label in found if monitor == MONITOR})
    # hwmon allows no hyphen in a name (`drivers/power/supply/power_supply_hwmon.c`).
    supplies = {name.replace('-', '_') for name in sysfs.names(SUPPLIES)}
    rails: dict[str, Rail] = {}
    for (monitor, label), rail in found.items():
        rail = dataclasses.replace(
            rail,
            name=label if label not in rails else f'{monitor} {label}',
            measures=measures(monitor, label, layout=layout, supplies=supplies),
        )
        rails.setdefault(rail.name, rail)
    return tuple(rails.values())


def board_rails(rails: Sequence[Rail]) -> tuple[Rail, ...]:
    """Return the channels that add up to the board; none if they are not known.

    That is the one that carries all power, or else the rails of the board. Nothing is counted
    twice: what a rail supplies is a part.
    """
    whole = tuple(rail for rail in rails if rail.measures == BOARD)
    return whole[:1] or tuple(rail for rail in rails if rail.measures == RAIL)


def _iio_folders(sysfs: Sysfs) -> list[str]:
    """Return the iio devices, which a driver has below its i2c addresses."""
    buses = [IIO[0], *(f'{IIO[1]}/{address}' for address in sysfs.names(IIO[1]))]
    return [
        f'{bus}/{name}' for bus in buses for name in sysfs.names(bus) if name.startswith('iio:')
    ]


def _iio_rails(sysfs: Sysfs, folder: str) -> list[Rail]:
    rails = []
    for channel in range(3):
        name = sysfs.text(f'{folder}/rail_name_{channel}')
        if name and sysfs.exists(f'{folder}/in_power{channel}_input'):
            power_file = f'{folder}/in_power{channel}_input'
            rails.append(Rail(name, MONITOR, folder, power_file, 1e-3, '', ''))
    return rails


def _hwmon_rails(sysfs: Sysfs, folder: str) -> list[Rail]:
    monitor = sysfs.text(f'{folder}/name') or folder.rpartition('/')[2]
    files = '\n'.join(sysfs.names(folder))
    numbers = set(re.findall(r'^(?:power|curr)(\d+)_(?:input|average)$', files, re.MULTILINE))
    found = (_hwmon_rail(sysfs, folder, monitor, int(each)) for each in sorted(numbers, key=int))
    return [rail for rail in found if rail]


def _hwmon_rail(sysfs: Sysfs, folder: str, monitor: str, number: int) -> Rail | None:
    for ending in ('input', 'average'):
        power_file = f'{folder}/power{number}_{ending}'
        if sysfs.exists(power_file):
            name = sysfs.text(f'{folder}/power{number}_label') or f'{monitor}_{number}'
            return Rail(name, monitor, folder, power_file, 1e-6, '', '')
    # A current alone is not enough, and a channel without a label is not connected.
    name = sysfs.text(f'{folder}/in{number}_label')
    voltage_file, current_file = f'{folder}/in{number}_input', f'{folder}/curr{number}_input'
    if name and sysfs.exists(voltage_file) and sysfs.exists(current_file):
        return Rail(name, monitor, folder, '', math.nan, voltage_file, current_file)
    return None
