# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
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


def usable_cpus(sysfs: Sysfs | None = None) -> int:
    """Return how many threads can run at a time: the cores of this process, within its CPU quota.

    A quota of 2.5 CPUs is 2 threads: with a third one, Linux would halt all of them in the middle
    of a frame until the next period.
    """
    sysfs = sysfs or Sysfs()
    limit = _cpu_limit(sysfs)
    cores = len(os.sched_getaffinity(0))
    return cores if math.isnan(limit) else max(1, min(cores, math.floor(limit)))


def _enclosing(sysfs: Sysfs, controller: str) -> list[str]:
    """Return the cgroup of a controller and those around it, whose limits apply too."""
    top = f'{CGROUPS}/{controller}'.rstrip('/')
    folder = _folders(sysfs).get(controller, top)
    found = [folder]
    while folder.startswith(f'{top}/'):
        folder = folder.rpartition('/')[0]
        found.append(folder)
    return found


def _cpu_limit(sysfs: Sysfs) -> float:
    """Return the lowest CPU time quota divided by its period; NaN: none."""
    limits = []
    for folder in _enclosing(sysfs, ''):
        words = sysfs.words(f'{folder}/cpu.max')  # 'max 100000': no limit
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            limits.append(int(words[0]) / int(words[1]))
    for folder in (*_enclosing(sysfs, 'cpu'), CGROUPS):
        quota = sysfs.number(f'{folder}/cpu.cfs_quota_us')  # -1: no limit
        period = sysfs.number(f'{folder}/cpu.cfs_period_us')
        if quota > 0 and period > 0:
            limits.append(quota / period)
    return min(limits, default=math.nan)


def _memory_limit(sysfs: Sysfs) -> float:
    limits = [sysfs.number(f'{folder}/memory.max') for folder in _enclosing(sysfs, '')]
    limits += [
        sysfs.number(f'{folder}/memory.limit_in_bytes') for folder in _enclosing(sysfs, 'memory')
    ]
    return min((each for each in limits if each < UNLIMITED_BYTES), default=math.nan)
