"""Limits around this process: a virtual machine, a container, its cgroup.

`Documentation/admin-guide/cgroup-v2.rst`; version 1: `Documentation/scheduler/sched-bwc.rst` and
`Documentation/admin-guide/cgroup-v1/cpusets.rst`.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from dynofa_ros.platform.linux.sysfs import Sysfs

CGROUPS = '/sys/fs/cgroup'
CONTAINERS = {
    '/.dockerenv': 'docker',
    '/run/.containerenv': 'podman',
    '/run/systemd/container': 'systemd-nspawn',
}
UNLIMITED_BYTES = 1 << 62
"""Version 1 reports almost 2^63 if there is no limit."""


@dataclass(frozen=True)
class Confinement:
    """Limits around this process; NaN: none."""

    virtual_machine: bool
    container: str  # its kind; empty: none was recognised
    cpu_limit: float  # number of CPUs
    memory_limit_bytes: float
    cores: tuple[int, ...]  # that this process may run on


def find_confinement(sysfs: Sysfs) -> Confinement:
    """Return the limits around this process."""
    container = next((kind for file, kind in CONTAINERS.items() if sysfs.exists(file)), '')
    return Confinement(
        virtual_machine=' hypervisor' in sysfs.text('/proc/cpuinfo'),
        container=container,
        cpu_limit=_cpu_limit(sysfs),
        memory_limit_bytes=_memory_limit(sysfs),
        cores=tuple(sorted(os.sched_getaffinity(0))),
    )


def _folders(sysfs: Sysfs) -> dict[str, str]:
    """Return the cgroup of this process by controller; version 2 has one, under an empty name.

    Inside a container the path is that of the host and does not exist, and the cgroup is the root.
    """
    folders = {}
    for line in sysfs.text('/proc/self/cgroup').splitlines():
        _, _, rest = line.partition(':')
        controllers, _, path = rest.partition(':')
        for controller in controllers.split(','):
            top = f'{CGROUPS}/{controller}'.rstrip('/')
            folder = f'{top}{path}'.rstrip('/')
            folders[controller] = folder if sysfs.exists(folder) else top
    return folders


def _cpu_limit(sysfs: Sysfs) -> float:
    """Return the CPU time quota divided by its period."""
    folders = _folders(sysfs)
    words = sysfs.words(f'{folders.get("", CGROUPS)}/cpu.max')
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
        return int(words[0]) / int(words[1])
    folder = folders.get('cpu', CGROUPS)
    quota = sysfs.number(f'{folder}/cpu.cfs_quota_us')  # -1: no limit
    return quota / sysfs.number(f'{folder}/cpu.cfs_period_us') if quota > 0 else math.nan


def _memory_limit(sysfs: Sysfs) -> float:
    folders = _folders(sysfs)
    limit = sysfs.number(f'{folders.get("", CGROUPS)}/memory.max')  # NaN for 'max'
    if math.isnan(limit):
        limit = sysfs.number(f'{folders.get("memory", CGROUPS)}/memory.limit_in_bytes')
    return limit if limit < UNLIMITED_BYTES else math.nan
