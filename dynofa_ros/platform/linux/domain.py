"""Frequency domains: clocks that are turned together under one name.

A laptop has a cpufreq policy for each core and a Xavier NX one for each pair. A command asks a
frequency of `cpu`, so policies with the same frequencies are one domain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.linux.frequency_control import DEVFREQ, FrequencyControl
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.settings import Limits

RANGE_STEP_HZ = 1e8
"""What a range without a list is offered in; the bus clock that x86 multiplies."""

KINDS = {
    'gpu': ('gpu', 'gv11b', 'gp10b', 'ga10b', 'mali', 'kgsl'),
    'memory': ('dmc', 'emc', 'ddr', 'memory', 'mc_'),
}


@dataclass(frozen=True)
class ClockDomain:
    """Clocks that are turned together."""

    name: str
    kind: str  # cpu, gpu, memory or device
    controls: tuple[FrequencyControl, ...]

    @property
    def cores(self) -> tuple[int, ...]:
        """The CPU cores that it clocks, ascending."""
        return tuple(sorted(core for control in self.controls for core in control.cores))

    @property
    def in_steps(self) -> bool:
        """Whether the device has a list; else its range is offered in steps."""
        return bool(self.controls[0].listed_hz)

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """What it can be set to, ascending [Hz]."""
        control = self.controls[0]
        if control.listed_hz:
            return control.listed_hz
        steps = itertools.count(control.lowest_hz // RANGE_STEP_HZ + 1)
        between = itertools.takewhile(
            lambda each: each < control.highest_hz, (step * RANGE_STEP_HZ for step in steps)
        )
        return tuple(sorted({control.lowest_hz, *between, control.highest_hz}))


def group_controls(
    policies: Sequence[FrequencyControl], devices: Sequence[FrequencyControl]
) -> tuple[ClockDomain, ...]:
    """Return the domains of a machine.

    All cores alike are `cpu`; else `cpu0`, `cpu4`: each group by its first core. A GPU is `gpu`, a
    memory controller `memory`, all else goes by the name that Linux has for it.
    """
    groups: dict[tuple[object, ...], list[FrequencyControl]] = {}
    for control in policies:
        alike = (
            control.driver,
            control.governors,
            control.listed_hz,
            control.lowest_hz,
            control.highest_hz,
        )
        groups.setdefault(alike, []).append(control)
    domains = [
        ClockDomain(_cpu_name(controls, alone=len(groups) == 1), 'cpu', tuple(controls))
        for controls in groups.values()
    ]
    taken = {domain.name for domain in domains}
    for control in devices:
        device = control.folder.rpartition('/')[2]
        kind = _kind(device)
        name = kind if kind != 'device' and kind not in taken else device
        taken.add(name)
        domains.append(ClockDomain(name, kind, (control,)))
    return tuple(domains)


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


def load_file(domain: ClockDomain) -> str:
    """Return the file in which a Jetson's GPU says how busy it is, in thousandths."""
    control = domain.controls[0]
    return control.file('device/load') if control.interface == DEVFREQ else ''


def not_writable(sysfs: Sysfs, domain: ClockDomain) -> tuple[str, ...]:
    """Return the files that keep this process from turning a domain; none: it can be turned."""
    files = [file for control in domain.controls for file in control.files_to_write]
    return tuple(file for file in files if not sysfs.writable(file))


def limits_now(sysfs: Sysfs, domain: ClockDomain) -> Limits:
    """Return the widest limits of a domain's clocks; NaN where none can be read."""
    found = []
    for control in domain.controls:
        try:
            found.append(control.limits_hz(control.setting(sysfs)))
        except (OSError, ValueError):
            continue
    return Limits(
        min((lowest for lowest, _ in found), default=math.nan),
        max((highest for _, highest in found), default=math.nan),
    )


def frequency_now_hz(sysfs: Sysfs, domain: ClockDomain) -> float:
    """Return the fastest of a domain's clocks [Hz]; NaN where none can be read."""
    clocks_hz = [control.frequency_hz(sysfs) for control in domain.controls]
    return max((each for each in clocks_hz if not math.isnan(each)), default=math.nan)
