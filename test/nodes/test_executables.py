# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The installed executables: help, unknown arguments, and signals during the start."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from dynofa_ros.demo.processes import executable
from dynofa_ros.nodes.executable import parameter_section

NODES = ['perception', 'resource_manager', 'platform']
TIMEOUT_S = 60.0
SIMULATED = ('-p', 'device:=simulated', '-p', 'platform:=jetson_xavier_nx')
DELAYS_S = (0.0, 0.2, 0.5, 0.9, 1.4, 2.0)


def run(name, *arguments):
    return subprocess.run(
        [executable(name), *arguments], capture_output=True, text=True, timeout=TIMEOUT_S
    )


@pytest.mark.parametrize('node', NODES)
@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help_names_purpose_and_parameters(node, option):
    ended = run(f'{node}_node', option)
    assert (ended.returncode, ended.stderr) == (0, '')
    assert ended.stdout.startswith(f'usage: {node}_node ')
    assert parameter_section(node) in ended.stdout


def test_the_bag_player_has_its_own_help():
    ended = run('bag_player', '--help')
    assert (ended.returncode, '--rate' in ended.stdout) == (0, True)


@pytest.mark.parametrize('node', NODES)
def test_an_argument_outside_of_ros_args_is_refused(node):
    ended = run(f'{node}_node', '-p', 'model:=mine')
    assert ended.returncode == 2
    assert 'unrecognized arguments: -p model:=mine' in ended.stderr


@pytest.fixture
def start():
    """Return a function that starts an executable, and kill what still runs at the end."""
    started = []

    def start(name, *arguments):
        process = subprocess.Popen(
            [executable(name), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def handles_signals(process):
    """Return whether it got past Python's own start, in which SIGTERM kills any program."""
    status = Path(f'/proc/{process.pid}/status').read_text()
    masks = [int(mask, 16) for mask in re.findall(r'^Sig(?:Blk|Cgt):\t(\w+)', status, re.M)]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


@pytest.mark.parametrize(
    ('node', 'number'),
    [
        *((node, signal.SIGINT) for node in NODES),
        ('resource_manager', signal.SIGTERM),
        ('resource_manager', signal.SIGHUP),
    ],
)
def test_signals_during_the_start_end_it_cleanly(start, node, number):
    """Twice each, as a terminal and `ros2 launch` send them."""
    for delay_s in DELAYS_S:
        process = start(f'{node}_node', '--ros-args', *SIMULATED)
        while not handles_signals(process):
            assert process.poll() is None
        time.sleep(delay_s)
        for _ in range(2):
            process.send_signal(number)
            time.sleep(0.01)
        output, _ = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, 'Traceback' in output) == (0, False), output
