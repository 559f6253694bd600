# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Segments of dead processes are removed, and no others."""

import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dynofa_ros.node_environment import SHARED_MEMORY
from dynofa_ros.nodes.shared_memory import remove_dead_segments

OLD_S = 3600.0


def segment(folder, name, *, age_s=OLD_S):
    """Create a segment and its lock file, both last changed some time ago."""
    for path in (folder / name, folder / f'{name}_el'):
        path.write_bytes(b'')
        os.utime(path, (time.time() - age_s,) * 2)
    return name


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize('prefix', ['fastdds', 'fastrtps'])
def test_a_segment_whose_lock_is_free_is_removed(tmp_path, prefix):
    dead = segment(tmp_path, f'{prefix}_0123456789abcdef')
    assert remove_dead_segments(tmp_path) == [dead]
    assert names(tmp_path) == []


def test_a_segment_whose_owner_holds_the_lock_stays(tmp_path):
    alive = segment(tmp_path, 'fastdds_0123456789abcdef')
    with (tmp_path / f'{alive}_el').open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_dead_segments(tmp_path) == []
    assert names(tmp_path) == [alive, f'{alive}_el']
    assert remove_dead_segments(tmp_path) == [alive]


def test_a_segment_that_is_being_created_stays(tmp_path):
    segment(tmp_path, 'fastdds_0123456789abcdef', age_s=1.0)
    assert remove_dead_segments(tmp_path) == []


@pytest.mark.parametrize(
    'name', ['fastdds_port7411', 'fastdds_0123', 'other_0123456789abcdef', 'sem.fastdds_port1']
)
def test_ports_and_files_of_others_stay(tmp_path, name):
    segment(tmp_path, name)
    assert remove_dead_segments(tmp_path) == []
    assert names(tmp_path) == sorted([name, f'{name}_el'])


def test_links_are_not_followed(tmp_path):
    victim = tmp_path / 'victim'
    victim.write_text('kept')
    (tmp_path / 'fastdds_0123456789abcdef_el').symlink_to(victim)
    assert remove_dead_segments(tmp_path) == []
    assert victim.read_text() == 'kept'


def test_a_machine_without_shared_memory_has_none(tmp_path):
    assert remove_dead_segments(tmp_path / 'missing') == []


NODE = """
import time
import rclpy
rclpy.init()
node = rclpy.create_node('victim')
print('ready', flush=True)
time.sleep(600)
"""


def test_the_segments_of_a_killed_node_are_removed_and_those_of_a_living_one_stay():
    pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

    def start():
        process = subprocess.Popen([sys.executable, '-c', NODE], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b'ready\n'
        return process

    def segments(process):
        """Return the segments whose lock files a process has open."""
        opened = [str(link.readlink()) for link in Path(f'/proc/{process.pid}/fd').iterdir()]
        found = re.findall(r'/dev/shm/(fast(?:dds|rtps)_[0-9a-f]{16})_el\b', ' '.join(opened))
        if not found:
            pytest.skip('this middleware has no shared memory')
        return set(found)

    dead, alive = start(), start()
    try:
        of_dead, of_alive = segments(dead), segments(alive)
        for name in of_dead | of_alive:
            os.utime(SHARED_MEMORY / f'{name}_el', (time.time() - OLD_S,) * 2)
        dead.kill()
        dead.wait()
        removed = set(remove_dead_segments())
        assert of_dead <= removed
        assert not removed & of_alive
        assert all((SHARED_MEMORY / name).exists() for name in of_alive)
    finally:
        for process in (dead, alive):
            process.kill()
            process.communicate()
