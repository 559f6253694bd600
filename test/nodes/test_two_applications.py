"""Two perception nodes on one simulated processor: each makes the other one's frames longer.

What is compared are the latencies that the nodes report, which are the platform model's; how long
the test takes does not matter.
"""

import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.qos import qos_profile  # noqa: E402

MIN_HZ = 114750000.0  # frames so long that the GPU is hardly ever idle
PLATFORM = {'platform': 'jetson_xavier_nx', 'processor': 'gpu', 'subnet': 'small', 'jitter': 0.0}


@pytest.fixture
def platform(tmp_path):
    """Return a function that starts the platform node in a namespace."""
    started = []

    def start(namespace):
        command = [sys.executable, '-m', 'dynofa_ros.nodes.platform.node', '--ros-args']
        # No manager is here that would keep the clock where it is.
        command += ['-p', 'device:=simulated', '-p', 'manager_timeout_s:=0.0']
        command += ['-r', f'__ns:={namespace}']
        started.append(subprocess.Popen(command, cwd=tmp_path))

    yield start
    for node in started:
        node.terminate()
        node.wait(timeout=60)


class Bystander:
    """Shows pictures to every node of the namespace, and hears what they report."""

    def __init__(self, robot, photograph):
        self.robot, self._photograph = robot, photograph
        self.states = []
        robot.node.create_subscription(
            messages.PlatformState,
            'platform_state',
            self.states.append,
            qos_profile('platform_state'),
        )
        self._commands = robot.node.create_publisher(
            messages.DvfsCommand, 'dvfs_command', qos_profile('dvfs_command')
        )

    def slow_the_gpu_down(self):
        """Command the GPU's lowest clock, and wait until it is in force."""
        domain = messages.DomainFrequency(domain='gpu', frequency_hz=MIN_HZ)
        self._commands.publish(messages.DvfsCommand(sequence=1, domains=[domain]))
        self.robot.wait_for(
            lambda: self.states and self.gpu().frequency_hz == MIN_HZ, 'the lowest clock'
        )

    def gpu(self):
        return next(each for each in self.states[-1].domains if each.name == 'gpu')

    def inference_s(self, app):
        """Return what the last frame of an application took; None if there is none."""
        reports = [each for each in self.robot.heard['frame_report'] if each.app == app]
        return reports[-1].inference_s if reports else None

    def wait_for(self, ready, what):
        """Show pictures until it is so."""

        def seen():
            self.robot.show(self.robot.image(self._photograph))
            return ready()

        self.robot.wait_for(seen, what)

    def wait_for_inference(self, app, expected, what):
        """Show pictures until the last frame of an application took what is expected."""
        self.wait_for(lambda: self.inference_s(app) and expected(self.inference_s(app)), what)


def test_two_applications_slow_each_other_down_while_both_are_there(
    start_perception, platform, photograph
):
    front = start_perception(name='front', **PLATFORM)
    platform(front.namespace)
    front.connect()
    bystander = Bystander(front, photograph)
    bystander.slow_the_gpu_down()
    alone_s = next(
        each.latency_s
        for each in front.profile.points
        if (each.subnet_id, each.processor, each.frequency_hz) == ('small', 'gpu', MIN_HZ)
    )
    bystander.wait_for_inference('front', pytest.approx(alone_s).__eq__, 'front, alone')

    rear = start_perception(namespace=front.namespace, name='rear', **PLATFORM)
    for app in ('front', 'rear'):
        bystander.wait_for_inference(app, lambda s: s > 1.5 * alone_s, f'{app}, slowed down')
    # Twice as long is what the contention of 1 gives beside one that is always busy.
    assert max(bystander.inference_s(app) for app in ('front', 'rear')) <= 2.0 * alone_s + 1e-9

    rear.process.kill()
    bystander.wait_for_inference('front', pytest.approx(alone_s).__eq__, 'front, alone again')
