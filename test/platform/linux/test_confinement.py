# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Threads respect the CPU quota of a container."""

import math
import os

import boards
import pytest

from dynofa_ros.platform.linux.confinement import find_confinement, usable_cpus


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)))


@pytest.mark.parametrize(
    ('quota', 'threads'),
    [('200000 100000', 2), ('250000 100000', 2), ('50000 100000', 1), ('max 100000', 8),
     ('1600000 100000', 8), ('100000 0', 8), ('nonsense', 8)],
)  # fmt: skip
def test_threads_do_not_exceed_the_quota(tmp_path, eight_cores, quota, threads):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '0::/')
    kernel.put('/sys/fs/cgroup/cpu.max', quota)
    assert usable_cpus(kernel) == threads


def test_the_quotas_of_enclosing_groups_apply_too(tmp_path, eight_cores):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '0::/robot.slice/dynofa.service')
    kernel.put('/sys/fs/cgroup/robot.slice/dynofa.service/cpu.max', '600000 100000')
    kernel.put('/sys/fs/cgroup/robot.slice/cpu.max', '300000 100000')
    kernel.put('/sys/fs/cgroup/robot.slice/memory.max', 1 << 30)
    assert usable_cpus(kernel) == 3
    limits = find_confinement(kernel)
    assert (limits.cpu_limit, limits.memory_limit_bytes) == (3.0, 1 << 30)


def test_a_period_of_zero_in_version_1_is_no_limit(tmp_path, eight_cores):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '1:cpu,cpuacct:/app')
    kernel.put('/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us', 150000)
    kernel.put('/sys/fs/cgroup/cpu/app/cpu.cfs_period_us', 0)
    assert usable_cpus(kernel) == 8


def test_affinity_is_a_limit_too(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {3})
    kernel = boards.base(tmp_path)
    kernel.put('/sys/fs/cgroup/cpu.max', '400000 100000')
    assert usable_cpus(kernel) == 1


@pytest.mark.parametrize(
    ('file', 'kind'),
    [
        ('/.dockerenv', 'docker'),
        ('/run/.containerenv', 'podman'),
        ('/run/systemd/container', 'systemd-nspawn'),
        ('/etc/hostname', ''),
    ],
)
def test_the_kind_of_container_is_found_by_its_file(tmp_path, file, kind):
    kernel = boards.base(tmp_path)
    kernel.put(file, '')
    assert find_confinement(kernel).container == kind


@pytest.mark.parametrize(('flags', 'virtual'), [('sse hypervisor', True), ('sse', False)])
def test_a_virtual_machine_has_the_flag_of_a_hypervisor(tmp_path, flags, virtual):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/cpuinfo', f'flags\t\t: {flags}')
    assert find_confinement(kernel).virtual_machine == virtual


def test_the_cores_are_those_of_this_process(tmp_path, monkeypatch):
    asked = []

    def affinity(pid):
        asked.append(pid)
        return {5, 1, 3}

    monkeypatch.setattr(os, 'sched_getaffinity', affinity)
    assert find_confinement(boards.base(tmp_path)).cores == (1, 3, 5)
    usable_cpus(boards.base(tmp_path / 'other'))
    assert set(asked) == {0}


@pytest.mark.parametrize(
    ('text', 'limit'), [((1 << 63) - 4096, math.nan), (1 << 62, math.nan), (1 << 30, 1 << 30)]
)
def test_version_1_reports_almost_2_to_63_without_a_limit(tmp_path, text, limit):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '7:memory:/app/part\n2:cpu:/')
    kernel.path('/sys/fs/cgroup/memory/app/part').mkdir(parents=True)
    kernel.put('/sys/fs/cgroup/memory/app/memory.limit_in_bytes', text)
    assert find_confinement(kernel).memory_limit_bytes == pytest.approx(limit, nan_ok=True)


def test_a_quota_of_version_1_is_read_where_the_group_is_the_root(tmp_path, eight_cores):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '1:cpu:/of/the/host')
    kernel.put('/sys/fs/cgroup/cpu.cfs_quota_us', 300000)
    kernel.put('/sys/fs/cgroup/cpu.cfs_period_us', 100000)
    assert usable_cpus(kernel) == 3
