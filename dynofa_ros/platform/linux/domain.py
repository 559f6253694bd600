"""Frequency domains: clocks that are turned together under one name.

A laptop has a cpufreq policy for each core and a Xavier NX one for each pair. A command asks a
frequency of `cpu`, so policies with the same frequencies are one domain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.linux.frequency_control import DEVFREQ, Knob
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
    knobs: tuple[Knob, ...]

    @property
    def cores(self) -> tuple[int, ...]:
        """The CPU cores that it clocks, ascending."""
        return tuple(sorted(core for knob in self.knobs for core in knob.cores))

    @property
    def in_steps(self) -> bool:
        """Whether the device has a list; else its range is offered in steps."""
        return bool(self.knobs[0].listed_hz)

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """What it can be set to, ascending [Hz]."""
        knob = self.knobs[0]
        if knob.listed_hz:
            return knob.listed_hz
        steps = itertools.count(knob.lowest_hz // RANGE_STEP_HZ + 1)
        between = itertools.takewhile(
            lambda each: each < knob.highest_hz, (step * RANGE_STEP_HZ for step in steps)
        )
        return tuple(sorted({knob.lowest_hz, *between, knob.highest_hz}))


def group_knobs(policies: Sequence[Knob], devices: Sequence[Knob]) -> tuple[ClockDomain, ...]:
    """Return the domains of a machine.

    All cores alike are `cpu`; else `cpu0`, `cpu4`: each group by its first core. A GPU is `gpu`, a
    memory controller `memory`, all else goes by the name that Linux has for it.
    """
    groups: dict[tuple[object, ...], list[Knob]] = {}
    for knob in policies:
        alike = (knob.driver, knob.governors, knob.listed_hz, knob.lowest_hz, knob.highest_hz)
        groups.setdefault(alike, []).append(knob)
    domains = [
        ClockDomain(_cpu_name(knobs, alone=len(groups) == 1), 'cpu', tuple(knobs))
        for knobs in groups.values()
    ]
    taken = {domain.name for domain in domains}
    for knob in devices:
        device = knob.folder.rpartition('/')[2]
        kind = _kind(device)
        name = kind if kind != 'device' and kind not in taken else device
        taken.add(name)
        domains.append(ClockDomain(name, kind, (knob,)))
    return tuple(domains)


def _cpu_name(knobs: Sequence[Knob], *, alone: bool) -> str:
    if alone:
        return 'cpu'
    cores = [core for knob in knobs for core in knob.cores]
    return f'cpu{min(cores)}' if cores else f'cpu_{knobs[0].folder.rpartition("/")[2]}'


def _kind(device: str) -> str:
    for kind, parts in KINDS.items():
        if any(part in device.lower() for part in parts):
            return kind
    return 'device'


def load_file(domain: ClockDomain) -> str:
    """Return the file in which a Jetson's GPU says how busy it is, in thousandths."""
    knob = domain.knobs[0]
    return knob.file('device/load') if knob.interface == DEVFREQ else ''


def not_writable(sysfs: Sysfs, domain: ClockDomain) -> tuple[str, ...]:
    """Return the files that keep this process from turning a domain; none: it can be turned."""
    files = [file for knob in domain.knobs for file in knob.files_to_write]
    return tuple(file for file in files if not sysfs.writable(file))


def limits_now(sysfs: Sysfs, domain: ClockDomain) -> Limits:
    """Return the widest limits of a domain's clocks; NaN where none can be read."""
    found = []
    for knob in domain.knobs:
        try:
            found.append(knob.limits_hz(knob.setting(sysfs)))
        except (OSError, ValueError):
            continue
    return Limits(
        min((lowest for lowest, _ in found), default=math.nan),
        max((highest for _, highest in found), default=math.nan),
    )


def frequency_now_hz(sysfs: Sysfs, domain: ClockDomain) -> float:
    """Return the fastest of a domain's clocks [Hz]; NaN where none can be read."""
    clocks_hz = [knob.frequency_hz(sysfs) for knob in domain.knobs]
    return max((each for each in clocks_hz if not math.isnan(each)), default=math.nan)
