"""Power monitors: what each supply rail carries.

A Jetson has INA3221 monitors. JetPack 4 shows them under iio, a rail's power in milliwatt; JetPack
5 and later under hwmon (`Documentation/hwmon/ina3221.rst`), its volts and amperes in thousandths.
Other monitors of hwmon give power in microwatt (`Documentation/hwmon/sysfs-interface.rst`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dynofa_ros.platform.linux.sysfs import Sysfs

HWMON = '/sys/class/hwmon'
IIO = ('/sys/bus/iio/devices', '/sys/bus/i2c/drivers/ina3221x')
WHOLE_BOARD = ('VDD_IN', 'POM_5V_IN', 'VIN', 'VDD_5V_IN')
"""Rails through which all of a board's power goes, as Jetsons name them."""


@dataclass(frozen=True)
class Rail:
    """One supply rail, and the files that say what it carries."""

    name: str
    monitor: str  # folder of the monitor
    power_file: str  # empty: power is volts times amperes
    power_unit_w: float
    voltage_file: str
    current_file: str

    def power_w(self, sysfs: Sysfs) -> float:
        """Return the power now [W]; NaN where it cannot be read."""
        if self.power_file:
            return sysfs.number(self.power_file) * self.power_unit_w
        return sysfs.number(self.voltage_file) * sysfs.number(self.current_file) * 1e-6

    @property
    def files(self) -> tuple[str, ...]:
        """The files that reading it needs."""
        return (self.power_file,) if self.power_file else (self.voltage_file, self.current_file)


def find_rails(sysfs: Sysfs) -> tuple[Rail, ...]:
    """Return the rails of all monitors, each name once."""
    rails: dict[str, Rail] = {}
    for folder in _iio_folders(sysfs):
        for rail in _iio_rails(sysfs, folder):
            rails.setdefault(rail.name, rail)
    for name in sysfs.names(HWMON):
        for rail in _hwmon_rails(sysfs, f'{HWMON}/{name}'):
            rails.setdefault(rail.name, rail)
    return tuple(rails.values())


def board_rails(rails: tuple[Rail, ...]) -> tuple[Rail, ...]:
    """Return the rails that add up to the board: the one that carries it all, else every one."""
    for name in WHOLE_BOARD:
        whole = tuple(rail for rail in rails if rail.name == name)
        if whole:
            return whole
    return rails


def _iio_folders(sysfs: Sysfs) -> list[str]:
    """Return the folders of iio devices; a driver's folder has them below its i2c addresses."""
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
            rails.append(Rail(name, folder, power_file, 1e-3, '', ''))
    return rails


def _hwmon_rails(sysfs: Sysfs, folder: str) -> list[Rail]:
    monitor = sysfs.text(f'{folder}/name') or folder.rpartition('/')[2]
    numbers = [
        int(match[1])
        for match in (
            re.fullmatch(r'(?:power|curr)(\d+)_(?:input|average)', each)
            for each in sysfs.names(folder)
        )
        if match
    ]
    found = (_hwmon_rail(sysfs, folder, monitor, number) for number in sorted(set(numbers)))
    return [rail for rail in found if rail]


def _hwmon_rail(sysfs: Sysfs, folder: str, monitor: str, number: int) -> Rail | None:
    for ending in ('input', 'average'):
        power_file = f'{folder}/power{number}_{ending}'
        if sysfs.exists(power_file):
            name = sysfs.text(f'{folder}/power{number}_label') or f'{monitor}_{number}'
            return Rail(name, folder, power_file, 1e-6, '', '')
    # A current alone says nothing, and a rail without a label is not connected to anything known.
    name = sysfs.text(f'{folder}/in{number}_label')
    voltage_file, current_file = f'{folder}/in{number}_input', f'{folder}/curr{number}_input'
    if name and sysfs.exists(voltage_file) and sysfs.exists(current_file):
        return Rail(name, folder, '', math.nan, voltage_file, current_file)
    return None
