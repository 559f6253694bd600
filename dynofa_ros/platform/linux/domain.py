# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequency domains of Linux: controls that are set together under one name.

A laptop has a cpufreq policy for each core, a Xavier NX one for each pair. A command addresses
`cpu`, so the policies of one kind of core are one domain, also if the silicon of some cores allows
a higher maximum.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.linux.frequency_control import CPUFREQ, FrequencyControl
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.settings import Limits

SAME_KIND = 1.15
"""Ratio of maxima up to which cores count as one kind, if all else is equal. Favoured cores of one
kind differ by up to 10 % (Ryzen 9 7950X3D: 5.25 and 5.75 GHz), P and E cores by 20 % or more."""
RANGE_STEP_HZ = 1e8
"""Step of the frequencies offered for a driver that lists none: the bus clock of x86."""

KINDS = {
    'gpu': ('gpu', 'gv11b', 'gp10b', 'ga10b', 'gb10b', 'gm20b', 'mali', 'kgsl'),
    'memory': ('dmc', 'emc', 'ddr', 'memory', 'mc_'),
}


@dataclass(frozen=True)
class LinuxDomain:
    """Controls that are set together."""

    name: str
    kind: str  # cpu, gpu, memory or device
    controls: tuple[FrequencyControl, ...]

    @property
    def cores(self) -> tuple[int, ...]:
        """The CPU cores of the domain, ascending."""
        return tuple(sorted(core for control in self.controls for core in control.cores))

    @property
    def has_list(self) -> bool:
        """Whether the driver lists the frequencies; otherwise its range is offered in steps."""
        return bool(self.controls[0].listed_hz)

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """The available frequencies, ascending [Hz]; a control without one gets the next it has."""
        if self.has_list:
            return tuple(sorted({each for control in self.controls for each in control.listed_hz}))
        lowest_hz = min(control.lowest_hz for control in self.controls)
        highest_hz = max(control.highest_hz for control in self.controls)
        steps = itertools.count(lowest_hz // RANGE_STEP_HZ + 1)
        between = itertools.takewhile(
            lambda each: each < highest_hz, (step * RANGE_STEP_HZ for step in steps)
        )
        return tuple(sorted({lowest_hz, *between, highest_hz}))

    def unwritable_files(self, sysfs: Sysfs) -> tuple[str, ...]:
        """Return the files this process would need to write and cannot; none: it is settable."""
        files = [file for control in self.controls for file in control.files_to_write]
        return tuple(file for file in files if not sysfs.writable(file))

    def limits(self, sysfs: Sysfs) -> Limits:
        """Return the widest limits of the controls; NaN where none can be read."""
        found = []
        for control in self.controls:
            try:
                found.append(control.limits(control.setting(sysfs)))
            except (OSError, ValueError):
                continue
        return Limits(
            min((each.min_hz for each in found), default=math.nan),
            max((each.max_hz for each in found), default=math.nan),
        )

    def frequency_hz(self, sysfs: Sysfs) -> float:
        """Return the current frequency of the fastest control [Hz]; NaN where none can be read."""
        clocks_hz = [control.frequency_hz(sysfs) for control in self.controls]
        return max((each for each in clocks_hz if not math.isnan(each)), default=math.nan)


def group_controls(controls: Sequence[FrequencyControl]) -> tuple[LinuxDomain, ...]:
    """Return the domains of a machine, those of the CPU first.

    If all cores are of one kind, their domain is `cpu`; otherwise each is named after its first
    core, as in `cpu0` and `cpu4`. A GPU is `gpu`, a memory controller `memory`; any other device
    keeps its name in Linux.
    """
    groups = _core_groups([each for each in controls if each.interface == CPUFREQ])
    domains = [
        LinuxDomain(_cpu_name(group, alone=len(groups) == 1), 'cpu', group) for group in groups
    ]
    taken = {domain.name for domain in domains}
    for control in controls:
        if control.interface != CPUFREQ:
            device = control.folder.rpartition('/')[2]
            kind = _kind(device)
            name = kind if kind != 'device' and kind not in taken else device
            taken.add(name)
            domains.append(LinuxDomain(name, kind, (control,)))
    return tuple(domains)


def _core_groups(policies: Sequence[FrequencyControl]) -> list[tuple[FrequencyControl, ...]]:
    """Return the policies by kind of core, each group and all of them in the order of Linux.

    Where Linux does not tell the kind, cores whose maxima are close are of one kind.
    """
    groups: dict[tuple[object, ...], list[FrequencyControl]] = {}
    highest_hz: dict[tuple[object, ...], float] = {}
    numbers: dict[tuple[object, ...], int] = {}
    for control in sorted(policies, key=lambda each: each.highest_hz):
        alike = (control.driver, control.governors, bool(control.listed_hz), control.core_kind)
        if control.highest_hz > SAME_KIND * highest_hz.get(alike, 0.0):
            numbers[alike] = numbers.get(alike, 0) + 1
        highest_hz[alike] = control.highest_hz
        groups.setdefault((*alike, numbers[alike]), []).append(control)
    ordered = (tuple(sorted(group, key=policies.index)) for group in groups.values())
    return sorted(ordered, key=lambda group: policies.index(group[0]))


def _cpu_name(controls: Sequence[FrequencyControl], *, alone: bool) -> str:
    if alone:
        return 'cpu'
    cores = [core for control in controls for core in control.cores]
    return f'cpu{min(cores)}' if cores else f'cpu_{controls[0].folder.rpartition("/")[2]}'


def _kind(device: str) -> str:
    for kind, parts in KINDS.items():
        if any(part in device.lower() for part in parts):
            return kind
    return 'device'
