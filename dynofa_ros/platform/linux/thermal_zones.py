# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Temperature sensors, and the temperatures at which Linux throttles.

`Documentation/driver-api/thermal/sysfs-api.rst`: thousandths of a degree. The trip point `passive`
throttles frequencies, `hot` notifies the firmware, `critical` shuts the machine down. A `passive`
one that no cooling device is bound to throttles nothing: it only notifies programs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.device import TemperatureReading
from dynofa_ros.platform.linux.sysfs import Sysfs

THERMAL = '/sys/class/thermal'
NOTIFYING = ('x86_pkg_temp', 'INT34', 'TCPU', 'B0D4', 'iwlwifi', 'pch_')
"""Zones of x86 whose trip points, whatever their type, notify a program such as thermald that sets
them (`Documentation/driver-api/thermal/x86_pkg_temperature_thermal.rst`, `intel_dptf.rst`)."""


@dataclass(frozen=True)
class TripPoint:
    """A temperature at which Linux takes an action."""

    kind: str  # passive, active, hot or critical
    temperature_c: float
    acts: bool = True  # false: Linux only notifies programs


@dataclass(frozen=True)
class TemperatureZone:
    """A temperature sensor and its trip points."""

    name: str
    folder: str
    trips: tuple[TripPoint, ...]

    @property
    def throttle_c(self) -> float:
        """Throttling starts here [degrees Celsius]; NaN: no such trip point."""
        return self._lowest('passive')

    @property
    def critical_c(self) -> float:
        """The machine shuts down here [degrees Celsius]; NaN: no such trip point."""
        return self._lowest('critical')

    def temperature_c(self, sysfs: Sysfs) -> float:
        """Return the current temperature; NaN if it cannot be read, as of an unpowered part."""
        return sysfs.number(f'{self.folder}/temp') / 1000

    def read(self, sysfs: Sysfs) -> TemperatureReading:
        """Return the current temperature, with the one at which throttling starts."""
        return TemperatureReading(self.name, self.temperature_c(sysfs), self.throttle_c)

    def _lowest(self, kind: str) -> float:
        return min(
            (trip.temperature_c for trip in self.trips if trip.kind == kind and trip.acts),
            default=math.nan,
        )


@dataclass(frozen=True)
class Throttle:
    """A cooling device that limits frequencies."""

    folder: str
    kind: str  # cpu or gpu

    def on(self, sysfs: Sysfs) -> bool:
        """Return whether it limits frequencies now."""
        return sysfs.number(f'{self.folder}/cur_state') > 0


def find_zones(sysfs: Sysfs) -> tuple[TemperatureZone, ...]:
    """Return the temperature sensors; a repeated name gets the number of its zone appended."""
    zones: dict[str, TemperatureZone] = {}
    for entry in sysfs.names(THERMAL):
        if entry.startswith('thermal_zone'):
            folder = f'{THERMAL}/{entry}'
            name = sysfs.text(f'{folder}/type') or entry
            name = f'{name}_{entry.removeprefix("thermal_zone")}' if name in zones else name
            zones[name] = TemperatureZone(name, folder, _trips(sysfs, folder))
    return tuple(zones.values())


def find_throttles(sysfs: Sysfs) -> tuple[Throttle, ...]:
    """Return the cooling devices that limit frequencies."""
    throttles = []
    for entry in sysfs.names(THERMAL):
        if entry.startswith('cooling_device'):
            folder = f'{THERMAL}/{entry}'
            kind = _throttled(sysfs.text(f'{folder}/type').lower())
            throttles += [Throttle(folder, kind)] if kind else []
    return tuple(throttles)


def _throttled(kind: str) -> str:
    """Return the kind of domain that a type of cooling device limits; empty for a fan."""
    if 'gpu' in kind or 'devfreq' in kind:
        return 'gpu'
    return 'cpu' if 'cpu' in kind or kind == 'processor' else ''


def _trips(sysfs: Sysfs, folder: str) -> tuple[TripPoint, ...]:
    trips = []
    names = sysfs.names(folder)
    cooled = _cooled_trips(sysfs, folder, names)
    for entry in names:
        match = re.fullmatch(r'trip_point_(\d+)_type', entry)
        if match:
            temperature_c = sysfs.number(f'{folder}/trip_point_{match[1]}_temp') / 1000
            # A trip point that is not configured reads 0 or far below.
            if temperature_c > 0:
                kind = sysfs.text(f'{folder}/{entry}')
                acts = kind != 'passive' or cooled is None or int(match[1]) in cooled
                trips.append(TripPoint(kind, temperature_c, acts))
    return tuple(sorted(trips, key=lambda trip: trip.temperature_c))


def _cooled_trips(sysfs: Sysfs, folder: str, names: Sequence[str]) -> set[int] | None:
    """Return the trip points to which a cooling device is bound; None: Linux does not tell."""
    if sysfs.text(f'{folder}/type').startswith(NOTIFYING):
        return set()
    bound = [name for name in names if re.fullmatch(r'cdev\d+_trip_point', name)]
    trips = [sysfs.number(f'{folder}/{name}') for name in bound]
    return {int(trip) for trip in trips if trip >= 0} if bound else None
