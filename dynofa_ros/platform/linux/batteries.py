# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Batteries of the machine.

`Documentation/ABI/testing/sysfs-class-power`: values in uV, uA, uW, uAh and uWh.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

from dynofa_ros.platform.device import BatteryReading
from dynofa_ros.platform.linux.sysfs import Sysfs

SUPPLIES = '/sys/class/power_supply'


@dataclass(frozen=True)
class SysfsBattery:
    """A battery that powers the machine."""

    name: str

    def read(self, sysfs: Sysfs) -> BatteryReading:
        """Return its current state; values that its driver does not report are NaN."""
        status = self.status(sysfs)
        voltage_v = self._micro(sysfs, 'voltage_now')
        charge_ah = self._charge_ah(sysfs, 'now', voltage_v)
        capacity_ah = self._charge_ah(sysfs, 'full', voltage_v)
        percentage = sysfs.number(self._file('capacity')) / 100
        if math.isnan(percentage) and capacity_ah > 0:
            percentage = charge_ah / capacity_ah
        return BatteryReading(
            percentage=percentage if math.isnan(percentage) else min(1.0, max(0.0, percentage)),
            voltage_v=voltage_v,
            current_a=self._current_a(sysfs, voltage_v, status),
            charge_ah=charge_ah,
            capacity_ah=capacity_ah,
            status=status,
        )

    def full_wh(self, sysfs: Sysfs) -> float:
        """Return its energy when full [Wh]; NaN if it is unknown."""
        return self._energy_wh(sysfs, 'full')

    def left_wh(self, sysfs: Sysfs) -> float:
        """Return the energy left [Wh]; NaN if it is unknown."""
        return self._energy_wh(sysfs, 'now')

    def power_w(self, sysfs: Sysfs) -> float:
        """Return the power that the machine draws from it [W]; NaN unless it discharges."""
        if self.status(sysfs) != 'Discharging':
            return math.nan
        power_w = abs(self._micro(sysfs, 'power_now'))
        if not math.isnan(power_w):
            return power_w
        current_a = abs(self._micro(sysfs, 'current_now'))
        return current_a * self._micro(sysfs, 'voltage_now')

    def status(self, sysfs: Sysfs) -> str:
        """Return Charging, Discharging, Full, Not charging or Unknown."""
        return sysfs.text(self._file('status')) or 'Unknown'

    def _current_a(self, sysfs: Sysfs, voltage_v: float, status: str) -> float:
        """Return the current, negative while it discharges, which not all drivers report."""
        current_a = abs(self._micro(sysfs, 'current_now'))
        if math.isnan(current_a) and voltage_v > 0:
            current_a = abs(self._micro(sysfs, 'power_now')) / voltage_v
        return -current_a if status == 'Discharging' else current_a

    def _charge_ah(self, sysfs: Sysfs, when: str, voltage_v: float) -> float:
        """Return a charge [Ah]; an energy is converted at the nominal voltage."""
        charge_ah = self._micro(sysfs, f'charge_{when}')
        if not math.isnan(charge_ah):
            return charge_ah
        nominal_v = self._micro(sysfs, 'voltage_min_design')
        volts = nominal_v if nominal_v > 0 else voltage_v
        return self._micro(sysfs, f'energy_{when}') / volts if volts > 0 else math.nan

    def _energy_wh(self, sysfs: Sysfs, when: str) -> float:
        """Return an energy [Wh]; a charge is converted at the nominal voltage."""
        energy_wh = self._micro(sysfs, f'energy_{when}')
        if not math.isnan(energy_wh):
            return energy_wh
        nominal_v = self._micro(sysfs, 'voltage_min_design')
        volts = nominal_v if nominal_v > 0 else self._micro(sysfs, 'voltage_now')
        return self._micro(sysfs, f'charge_{when}') * volts

    def _micro(self, sysfs: Sysfs, name: str) -> float:
        return sysfs.number(self._file(name)) * 1e-6

    def _file(self, name: str) -> str:
        return f'{SUPPLIES}/{self.name}/{name}'


def find_batteries(sysfs: Sysfs) -> tuple[SysfsBattery, ...]:
    """Return the batteries that power the machine, not those of a mouse or a gamepad."""
    return tuple(
        SysfsBattery(name)
        for name in sysfs.names(SUPPLIES)
        if sysfs.text(f'{SUPPLIES}/{name}/type') == 'Battery'
        and sysfs.text(f'{SUPPLIES}/{name}/scope') != 'Device'
        and sysfs.text(f'{SUPPLIES}/{name}/present') != '0'
    )


def read_batteries(sysfs: Sysfs, batteries: Sequence[SysfsBattery]) -> BatteryReading | None:
    """Return all batteries as one, weighted by their energy when full; None: there are none.

    Its voltage times its charge is the energy of them all. Without their energies, each counts the
    same.
    """
    if len(batteries) < 2:
        return batteries[0].read(sysfs) if batteries else None
    readings = [each.read(sysfs) for each in batteries]
    full_wh = [each.full_wh(sysfs) for each in batteries]
    charge_ah = math.fsum(each.charge_ah for each in readings)
    energy_wh = math.fsum(each.charge_ah * each.voltage_v for each in readings)
    known_v = [each.voltage_v for each in readings if not math.isnan(each.voltage_v)]
    currents_a = [each.current_a for each in readings if not math.isnan(each.current_a)]
    return BatteryReading(
        percentage=_percentage([each.left_wh(sysfs) for each in batteries], full_wh, readings),
        voltage_v=energy_wh / charge_ah if charge_ah > 0 else max(known_v, default=math.nan),
        current_a=math.fsum(currents_a) if currents_a else math.nan,
        charge_ah=charge_ah,
        capacity_ah=math.fsum(each.capacity_ah for each in readings),
        status=_status({each.status for each in readings}),
    )


def _percentage(
    left_wh: Sequence[float], full_wh: Sequence[float], readings: Sequence[BatteryReading]
) -> float:
    """Return the charge of several batteries, 0..1; NaN if none is known."""
    if math.fsum(full_wh) > 0 and math.fsum(left_wh) >= 0:
        return min(1.0, math.fsum(left_wh) / math.fsum(full_wh))
    known = [each.percentage for each in readings if not math.isnan(each.percentage)]
    return sum(known) / len(known) if known else math.nan


def _status(found: Set[str]) -> str:
    """Return the state of several batteries: one that discharges powers the machine."""
    for status in ('Discharging', 'Charging', 'Unknown', 'Not charging'):
        if status in found:
            return status
    return next(iter(found))
