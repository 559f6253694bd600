# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Known power monitors: whether a channel measures the board, one of its rails, or something else.

A file with a power says nothing about whose power it is: a laptop's battery driver reports the
power of the charger there, a graphics card its own. Only what this table knows counts as the board.

Sources: Jetson Linux Developer Guide, "Power Monitor" of each board; `Documentation/hwmon` of Linux
for the other drivers.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

BOARD = 'the board'
RAIL = 'a rail of the board'
PART = 'a part of the board'
SUPPLY = 'a battery or charger'
NOTHING = 'nothing'
UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Layout:
    """The channels of one board. Either one carries all power, or some add up to it."""

    boards: str
    whole: str  # label of the channel that carries the board; empty: there is none
    rails: tuple[str, ...]  # without `whole`: labels of the rails that add up to the board
    parts: tuple[str, ...]  # labels of what those supply
    optional: tuple[str, ...] = ()  # rails that some releases do not report

    def fits(self, labels: Collection[str]) -> bool:
        """Return whether a machine with these labels is such a board."""
        return all(label in labels for label in ((self.whole,) if self.whole else self.rails))

    def measures(self, label: str) -> str:
        """Return what the channel with a label measures."""
        if label == self.whole:
            return BOARD
        if label in (*self.rails, *self.optional):
            return RAIL
        return PART if label in self.parts else UNKNOWN


LAYOUTS = (
    Layout(
        'Jetson TX2 on its developer kit',
        'VDD_MUX',
        (),
        (
            'VDD_IN', 'VDD_SYS_GPU', 'VDD_SYS_SOC', 'VDD_4V0_WIFI', 'VDD_SYS_CPU', 'VDD_SYS_DDR',
            'VDD_5V0_IO_SYS', 'VDD_3V3_SYS', 'VDD_3V3_IO_SLP', 'VDD_1V8_IO', 'VDD_M2_IN',
        ),
    ),
    Layout(
        'Jetson Xavier NX, Orin NX, Orin Nano, TX2, TX2 NX',
        'VDD_IN',
        (),
        (
            'VDD_CPU_GPU_CV', 'VDD_SOC', 'VDD_SYS_GPU', 'VDD_SYS_SOC', 'VDD_4V0_WIFI',
            'VDD_SYS_CPU', 'VDD_SYS_DDR', 'VDD_CPU_GPU', 'VDD_GPU', 'VDD_CPU',
        ),
    ),
    Layout('Jetson Nano, TX1', 'POM_5V_IN', (), ('POM_5V_GPU', 'POM_5V_CPU')),
    Layout('Jetson Nano', 'VDD_5V_IN', (), ('VDD_GPU', 'VDD_CPU')),
    Layout('Jetson AGX Thor', 'VIN', (), ('VDD_GPU', 'VDD_CPU_SOC_MSS', 'VIN_SYS_5V0')),
    Layout(
        'Jetson AGX Orin',
        '',
        ('VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'),
        (),
        ('VDDQ_VDD2_1V8AO', 'VDDQ'),
    ),
    Layout('Jetson AGX Xavier', '', ('GPU', 'CPU', 'SOC', 'CV', 'VDDRQ', 'SYS5V'), ()),
)  # fmt: skip
"""In order: the first that fits is taken."""

MONITOR = 'ina3221'
"""The monitor of a Jetson, whose labels `LAYOUTS` explains."""

DRIVERS = {
    ('power_meter', ''): BOARD,  # acpi_power_meter.rst: power of the whole system
    ('macsmc_hwmon', 'Total System Power'): BOARD,
    ('corsairpsu', 'power total'): BOARD,
    ('corsairpsu', ''): PART,
    ('amdgpu', ''): PART,
    ('i915', ''): PART,
    ('xe', ''): PART,
    ('nouveau', ''): PART,
    ('radeon', ''): PART,
    ('fam15h_power', ''): PART,
    ('k10temp', ''): PART,
    ('zenpower', ''): PART,
    ('zenergy', ''): PART,
    ('nvme', ''): PART,
}
"""What other drivers of hwmon measure, by name and label; an empty label: every other channel."""

NOT_CONNECTED = re.compile(r'(?:NC|N/C|NOT[ _]CONNECTED|UNUSED|SUM OF SHUNT VOLTAGES)(?:[ _]?\d+)?')


def layout_of(labels: Collection[str]) -> Layout | None:
    """Return the board that has channels with these labels; None: no board of the table."""
    return next((each for each in LAYOUTS if each.fits(labels)), None)


def measures(monitor: str, label: str, *, layout: Layout | None, supplies: Collection[str]) -> str:
    """Return what a channel measures: one of the constants above.

    `monitor` is its driver's name, `supplies` the names of the power supplies of the machine, whose
    drivers report to hwmon too.
    """
    if NOT_CONNECTED.fullmatch(label.strip().upper()):
        return NOTHING
    if monitor in supplies:
        return SUPPLY
    if monitor == MONITOR:
        return layout.measures(label) if layout else UNKNOWN
    return DRIVERS.get((monitor, label)) or DRIVERS.get((monitor, '')) or UNKNOWN
