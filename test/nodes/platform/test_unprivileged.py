# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node runs as a plain user, with exactly the files that the udev rule gives it.

In a mount namespace a fake machine takes the place of /sys. Everything else is read-only, except
for the state folder of the service and shared memory.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from boards import BOARDS
from platform_robot import TIMEOUT_S, Robot

from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux.whitelist import DEFAULT_KINDS

USER, GROUP = 54321, 54322
GPU_HZ = 510000000.0
PROGRAMS = ('unshare', 'setpriv', 'mount')
ROOT = Path(__file__).resolve().parents[3]


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason='only root can enter a mount namespace'),
    pytest.mark.skipif(
        not all(map(shutil.which, PROGRAMS)), reason='util-linux is not installed here'
    ),
]


def shown(folders, hold):
    """Return commands that let every user reach folders, also those in a private home folder.

    An empty folder takes the place of each private one, and has only these folders.
    """
    private = {
        folder: next(p for p in reversed((folder, *folder.parents)) if not open_to_all(p))
        for folder in folders
        if not all(open_to_all(each) for each in (folder, *folder.parents))
    }
    for number, folder in enumerate(private):
        yield f'mkdir -p {hold}/{number} && mount --bind {folder} {hold}/{number}'
    for top in set(private.values()):
        yield f'mount -t tmpfs -o mode=755 tmpfs {top}'
    for number, folder in enumerate(private):
        yield f'mkdir -p {folder} && mount --bind {hold}/{number} {folder}'


def open_to_all(folder):
    return folder.stat().st_mode & stat.S_IXOTH


def enter(kernel, state):
    """Return a shell script that runs its arguments as the plain user on the fake machine."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT}
    return '\n'.join(
        [
            'set -e',
            'mount --make-rprivate /',
            *shown(needed, state.parent / 'hold'),
            f'mount --bind {kernel.path("/sys")} /sys',
            f'mount --bind {state} {state}',
            'mount -o remount,bind,ro /',
            f'exec setpriv --reuid={USER} --regid={USER} --groups={GROUP} --no-new-privs '
            '--inh-caps=-all --bounding-set=-all "$@"',
        ]
    )


def namespaces_are_allowed():
    return subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode == 0


@pytest.fixture
def machine(tmp_path):
    """A Xavier NX whose files only root can write, but for those that the rule gives."""
    if not namespaces_are_allowed():
        pytest.skip('this container may not create a mount namespace')
    kernel = BOARDS['xavier_nx_jetpack5'](tmp_path / 'root')
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path('/'):
            folder.chmod(folder.stat().st_mode | 0o055)
    for file in kernel.path('/sys').rglob('*'):
        file.chmod(0o755 if file.is_dir() else 0o644)
    return kernel


def given_by_the_rule(kernel):
    """Return the files that the node needs to write, as the test of the rule compares them."""
    domains = LinuxMachine.discover(kernel).domains
    controls = [c for each in domains if each.kind in DEFAULT_KINDS for c in each.controls]
    return [file for control in controls for file in control.files_to_write]


def give(kernel, file):
    os.chown(kernel.path(file), 0, GROUP)
    kernel.path(file).chmod(0o664)


class Service:
    """The node, as the service runs it."""

    def __init__(self, kernel, folder):
        self.state = folder / 'state'
        self.state.mkdir(exist_ok=True)
        os.chown(self.state, USER, USER)
        self.namespace = f'/test_{uuid.uuid4().hex[:8]}'
        node = [sys.executable, '-m', 'dynofa_ros.nodes.platform.node', '--ros-args']
        node += ['-r', f'__ns:={self.namespace}']
        self.process = subprocess.Popen(
            ['unshare', '--mount', 'sh', '-c', enter(kernel, self.state), 'sh', *node],
            cwd='/',
            env=os.environ
            | {
                'STATE_DIRECTORY': str(self.state),
                'ROS_LOG_DIR': str(self.state / 'log'),
                'HOME': '/nonexistent',
                'PYTHONDONTWRITEBYTECODE': '1',
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.robot = Robot(self.namespace)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=TIMEOUT_S)
        return output

    def close(self):
        self.robot.close()
        if self.process.poll() is None:
            self.process.kill()
            print(self.process.communicate()[0])


def without_shared_memory():
    """Return a profile of Fast DDS on the loopback interface only.

    Fast DDS shares memory through files of its user, and these tests are run by root.
    """
    text = (ROOT / 'config' / 'fastdds_localhost.xml').read_text()
    before, used, after = text.partition('<userTransports>')
    after = after.replace('<transport_id>shared_memory</transport_id>', '', 1)
    peers = '<locator><udpv4><address>127.0.0.1</address></udpv4></locator>'
    end = '</discovery_config>'
    after = after.replace(end, f'{end}<initialPeersList>{peers}</initialPeersList>', 1)
    return before + used + after


@pytest.fixture
def service(machine, tmp_path, monkeypatch):
    """Return a function that starts the service on the fake machine."""
    (tmp_path / 'fastdds.xml').write_text(without_shared_memory())
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', str(tmp_path / 'fastdds.xml'))
    # LOCALHOST would add shared memory to the transports of the profile.
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SYSTEM_DEFAULT')
    started = []

    def start():
        started.append(Service(machine, tmp_path))
        started[-1].robot.wait_for(lambda: started[-1].robot.state)
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_with_the_files_of_the_rule_it_sets_and_restores_frequencies(machine, service):
    original = machine.snapshot()
    for file in given_by_the_rule(machine):
        give(machine, file)
    found = service()
    status = Path(f'/proc/{found.process.pid}/status').read_text()
    assert f'Uid:\t{USER}\t{USER}\t{USER}\t{USER}' in status
    assert 'CapBnd:\t0000000000000000' in status
    state = found.robot.command(1, gpu=GPU_HZ, cpu=1190400000.0)
    assert state.command_applied, state.command_result
    assert machine.snapshot() != original
    output = found.end()
    assert 'the node ends: restored: ' in output
    assert found.process.returncode == 0, output
    assert machine.snapshot() == original


def test_each_of_these_files_is_needed(machine, service):
    files = given_by_the_rule(machine)
    for file in files[1:]:
        give(machine, file)
    found = service()
    state = found.robot.command(1, cpu=1190400000.0)
    assert not state.command_applied
    assert files[0] in state.command_result
    assert 'cannot be written' in state.command_result
    assert found.robot.command(2, gpu=GPU_HZ).command_applied
    assert found.end()
