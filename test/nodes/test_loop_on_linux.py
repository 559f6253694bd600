# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Perception, manager and platform node on a machine whose files are in a folder.

Its files are those of a Raspberry Pi 5, whose frequency follows commands. Frames take as long as on
the machine that runs the test.
"""

import signal
import subprocess
import sys

import pytest
from boards import BOARDS, CPU

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros import msg
from dynofa_ros.nodes.qos import qos_profile

POLICY = f'{CPU}/policy0'


@pytest.fixture
def kernel(tmp_path):
    return BOARDS['raspberry_pi_5'](tmp_path / 'root')


def follow(kernel):
    """Set the current frequency to that of the governor, as Linux does."""
    if kernel.read(f'{POLICY}/scaling_governor') == 'userspace':
        kernel.put(f'{POLICY}/scaling_cur_freq', kernel.read(f'{POLICY}/scaling_setspeed'))


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a node."""
    started = []

    def run(name, namespace, **parameters):
        command = [sys.executable, '-m', f'dynofa_ros.nodes.{name}.node', '--ros-args']
        command += ['-r', f'__ns:={namespace}']
        for key, value in parameters.items():
            command += ['-p', f'{key}:={value}']
        started.append(subprocess.Popen(command, cwd=tmp_path))
        return started[-1]

    yield run
    for each in started:
        each.terminate()
        each.send_signal(signal.SIGCONT)
        each.wait()


def test_the_manager_sets_frequencies_and_they_are_restored_while_it_is_silent(
    start_perception, start, photograph, kernel, tmp_path
):
    original = kernel.snapshot()
    machine = {'platform': 'raspberry_pi_5', 'device': 'linux', 'sysfs_root': kernel.root}
    robot = start_perception(**machine)
    robot.connect()
    profile = robot.profile
    assert (profile.platform, profile.latency_source) == ('raspberry_pi_5', 'scaled')
    assert profile.energy_source == 'modelled'
    state_file = tmp_path / 'clocks.json'
    start('platform', robot.namespace, **machine, state_file=state_file, manager_timeout_s=2.0)
    manager = start('resource_manager', robot.namespace, objective='min_energy', deadline_s=5.0)
    states = []
    robot.node.create_subscription(
        msg.PlatformState, 'platform_state', states.append, qos_profile('platform_state')
    )

    def changed():
        follow(kernel)
        robot.publish_image(robot.image(photograph))
        return bool(states) and states[-1].command_applied and kernel.snapshot() != original

    robot.wait_for(changed, 'a frequency change')
    lowest_hz = states[-1].domains[0].available_frequencies_hz[0]
    requested_hz = 1e3 * float(kernel.read(f'{POLICY}/scaling_setspeed'))
    # Every sub-network meets the deadline at every frequency; the lowest takes least energy.
    assert requested_hz == lowest_hz
    assert not states[-1].simulated

    manager.send_signal(signal.SIGSTOP)
    robot.wait_for(
        lambda: 'no message from the resource manager' in states[-1].command_result,
        'the watchdog',
    )
    assert kernel.snapshot() == original
    manager.send_signal(signal.SIGCONT)
    robot.wait_for(changed, 'another frequency change')
