"""Perception, manager and platform node on a machine that lies in a folder: its clocks are turned.

The machine is a Raspberry Pi 5 by its files, whose clock follows what is asked. Frames take the
time of the machine that runs the test.
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
    """Let the clock be what the governor is told, as Linux does."""
    if kernel.read(f'{POLICY}/scaling_governor') == 'userspace':
        kernel.put(f'{POLICY}/scaling_cur_freq', kernel.read(f'{POLICY}/scaling_setspeed'))


@pytest.fixture
def start(tmp_path):
    """Return a function that starts another node."""
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


def test_the_manager_turns_the_machines_clocks_and_while_it_is_silent_they_are_as_they_were(
    start_perception, start, photograph, kernel, tmp_path
):
    found = kernel.snapshot()
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

    def turned():
        follow(kernel)
        robot.show(robot.image(photograph))
        return bool(states) and states[-1].command_applied and kernel.snapshot() != found

    robot.wait_for(turned, 'the clock to be turned')
    lowest_hz = states[-1].domains[0].available_frequencies_hz[0]
    asked_hz = 1e3 * float(kernel.read(f'{POLICY}/scaling_setspeed'))
    # There is time for every sub-network at every clock, and the lowest takes least.
    assert asked_hz == lowest_hz
    assert not states[-1].simulated

    manager.send_signal(signal.SIGSTOP)
    robot.wait_for(
        lambda: 'nothing heard of the resource manager' in states[-1].command_result,
        'the watchdog',
    )
    assert kernel.snapshot() == found
    manager.send_signal(signal.SIGCONT)
    robot.wait_for(turned, 'the clock to be turned again')
