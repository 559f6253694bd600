"""Batteries of the machine, as Linux shows them.

`Documentation/ABI/testing/sysfs-class-power`: millionths of volts, amperes, watts and their hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.device import BatteryReading
from dynofa_ros.platform.linux.sysfs import Sysfs

SUPPLIES = '/sys/class/power_supply'


@dataclass(frozen=True)
class SysfsBattery:
    """A battery that feeds the machine."""

    name: str

    def read(self, sysfs: Sysfs) -> BatteryReading:
        """Return how it is now; what it does not say is NaN."""
        status = self.status(sysfs)
        voltage_v = self._millionths(sysfs, 'voltage_now')
        charge_ah = self._hours(sysfs, 'now', voltage_v)
        capacity_ah = self._hours(sysfs, 'full', voltage_v)
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

    def power_w(self, sysfs: Sysfs) -> float:
        """Return what it gives the machine [W]; NaN while it does not feed it alone."""
        if self.status(sysfs) != 'Discharging':
            return math.nan
        power_w = abs(self._millionths(sysfs, 'power_now'))
        if not math.isnan(power_w):
            return power_w
        current_a = abs(self._millionths(sysfs, 'current_now'))
        return current_a * self._millionths(sysfs, 'voltage_now')

    def status(self, sysfs: Sysfs) -> str:
        """Return Charging, Discharging, Full, Not charging or Unknown."""
        return sysfs.text(self._file('status')) or 'Unknown'

    def _current_a(self, sysfs: Sysfs, voltage_v: float, status: str) -> float:
        """Return the current, negative while it discharges; some drivers give it no sign."""
        current_a = abs(self._millionths(sysfs, 'current_now'))
        if math.isnan(current_a) and voltage_v > 0:
            current_a = abs(self._millionths(sysfs, 'power_now')) / voltage_v
        return -current_a if status == 'Discharging' else current_a

    def _hours(self, sysfs: Sysfs, when: str, voltage_v: float) -> float:
        """Return a charge [Ah]; a battery that counts energy is taken at its nominal voltage."""
        charge_ah = self._millionths(sysfs, f'charge_{when}')
        if not math.isnan(charge_ah):
            return charge_ah
        nominal_v = self._millionths(sysfs, 'voltage_min_design')
        volts = nominal_v if nominal_v > 0 else voltage_v
        return self._millionths(sysfs, f'energy_{when}') / volts if volts > 0 else math.nan

    def _millionths(self, sysfs: Sysfs, name: str) -> float:
        return sysfs.number(self._file(name)) * 1e-6

    def _file(self, name: str) -> str:
        return f'{SUPPLIES}/{self.name}/{name}'


def find_batteries(sysfs: Sysfs) -> tuple[SysfsBattery, ...]:
    """Return the batteries that feed the machine, not those of a mouse or a gamepad."""
    return tuple(
        SysfsBattery(name)
        for name in sysfs.names(SUPPLIES)
        if sysfs.text(f'{SUPPLIES}/{name}/type') == 'Battery'
        and sysfs.text(f'{SUPPLIES}/{name}/scope') != 'Device'
        and sysfs.text(f'{SUPPLIES}/{name}/present') != '0'
    )
