# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The service may use every system call that its node makes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from platform_robot import TIMEOUT_S, Robot

SERVICE = Path(__file__).resolve().parents[3] / 'config' / 'systemd' / 'dynofa-platform.service'

pytestmark = [
    pytest.mark.skipif(not shutil.which(name), reason=f'{name} is not installed here')
    for name in ('systemd-analyze', 'strace')
]


def allowed_calls():
    """Return the system calls that the service may use, as its entries say in order."""
    allowed = set()
    for value in re.findall(r'^SystemCallFilter=(.*)$', SERVICE.read_text(), re.MULTILINE):
        calls = set().union(*(expanded(each) for each in value.lstrip('~').split()))
        allowed = allowed - calls if value.startswith('~') else allowed | calls
    return allowed


def expanded(name):
    """Return the system calls of a group of systemd, or the call itself."""
    if not name.startswith('@'):
        return {name}
    command = ['systemd-analyze', 'syscall-filter', '--no-pager', name]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in text.splitlines()]
    members = [each for each in words if each and not each.startswith('#') and each != name]
    return set().union(*(expanded(each) for each in members))


def test_no_system_call_of_the_node_is_refused(tmp_path):
    trace, namespace = tmp_path / 'trace', f'/test_{uuid.uuid4().hex[:8]}'
    node = ['dynofa_ros.nodes.platform.node', '--ros-args', '-p', 'device:=simulated']
    node += ['-r', f'__ns:={namespace}']
    command = ['strace', '-f', '-qq', '-o', str(trace), sys.executable, '-m', *node]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    robot = Robot(namespace)
    try:
        robot.wait_for(lambda: robot.state and robot.status)
        # The end of strace would detach the node.
        (child,) = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        os.kill(int(child), signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT_S)
    finally:
        robot.close()
        process.kill()
    assert process.returncode == 0, output
    calls = set(re.findall(r'^\d+ +(?:<\.\.\. )?(\w+)', trace.read_text(), re.MULTILINE))
    assert {'openat', 'sendto'} <= calls
    assert calls - allowed_calls() == set()
