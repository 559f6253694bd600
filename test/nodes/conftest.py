"""A perception node in a process of its own, and a robot that speaks to it over DDS."""

import itertools
import math
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import cv2
import numpy as np
import pytest

# What these tests share, and the machines of the device layer's tests.
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'platform' / 'linux')]

PATIENCE_S = 60.0  # until a test is given up, not what is measured
MAIN = 'import sys; from dynofa_ros.nodes.perception.node import main; sys.exit(main())'


class Robot:
    """The other end of the perception node's topics and services."""

    def __init__(self, namespace, process):
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import CompressedImage, Image

        from dynofa_ros import msg
        from dynofa_ros.nodes.qos import qos_profile

        self.namespace, self.process = namespace, process
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('robot', namespace=namespace, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.heard = {}
        for topic, kind in {
            'classification': msg.Classification,
            'frame_report': msg.FrameReport,
            'subnet_profile': msg.SubnetProfile,
            'subnet_state': msg.SubnetState,
            '/diagnostics': DiagnosticArray,
        }.items():
            self.heard[topic] = []
            self.node.create_subscription(kind, topic, self.heard[topic].append, qos_profile(topic))
        self._publishers = {
            topic: self.node.create_publisher(kind, topic, qos_profile(topic))
            for topic, kind in {
                'image': Image,
                'image/compressed': CompressedImage,
                'subnet_command': msg.SubnetCommand,
                'platform_state': msg.PlatformState,
            }.items()
        }
        self._image, self._compressed, self._command = Image, CompressedImage, msg.SubnetCommand
        self._numbers = itertools.count(1)

    def wait_for(self, ready, what):
        """Spin until `ready()` gives something, and return it."""
        end_s = time.monotonic() + PATIENCE_S
        while not (result := ready()):
            if self.process.poll() is not None:
                said = self.process.stdout.read()
                pytest.fail(f'the node ended while waiting for {what}: {said}')
            assert time.monotonic() < end_s, f'waited {PATIENCE_S:g} s for {what}'
            self._executor.spin_once(timeout_sec=0.05)
        return result

    def connect(self):
        """Wait until the node listens to everything and has said what it runs."""
        self.wait_for(
            lambda: all(each.get_subscription_count() for each in self._publishers.values()),
            'the node to listen',
        )
        self.wait_for(lambda: self.heard['subnet_state'], 'the first state')
        self.wait_for(lambda: self.heard['subnet_profile'], 'the profile')

    @property
    def state(self):
        return self.heard['subnet_state'][-1]

    @property
    def profile(self):
        return self.heard['subnet_profile'][-1]

    def say(self, topic, message):
        self._publishers[topic].publish(message)

    def image(self, pixels, encoding='bgr8', **change):
        """Return an image message with a frame_id of its own."""
        pixels = np.ascontiguousarray(pixels)
        fields = {'encoding': encoding, 'height': pixels.shape[0], 'width': pixels.shape[1]}
        fields |= {'step': pixels.nbytes // pixels.shape[0], 'data': pixels.tobytes()}
        return self._stamped(self._image(**(fields | change)))

    def jpeg(self, data):
        return self._stamped(self._compressed(format='jpeg', data=data))

    def _stamped(self, message):
        message.header.frame_id = uuid.uuid4().hex
        message.header.stamp = self.node.get_clock().now().to_msg()
        return message

    def show(self, message):
        """Publish an image; images are best effort and the newest wins, so one may be lost."""
        self.say('image/compressed' if hasattr(message, 'format') else 'image', message)

    def see(self, message):
        """Publish an image until it is classified; return classification and report."""

        def answer(topic):
            of_this = (m for m in self.heard[topic] if m.header.frame_id == message.header.frame_id)
            return next(of_this, None)

        end_s = shown_s = time.monotonic()
        end_s += PATIENCE_S
        self.show(message)
        while not (answer('classification') and answer('frame_report')):
            now_s = time.monotonic()
            assert self.process.poll() is None, 'the node ended'
            assert now_s < end_s, f'an image was not classified in {PATIENCE_S:g} s'
            if now_s - shown_s > 1:
                self.show(message)
                shown_s = now_s
            self._executor.spin_once(timeout_sec=0.05)
        return answer('classification'), answer('frame_report')

    def command(self, subnet_id, **change):
        """Command a sub-network; return the state that acknowledges it."""
        fields = {'app': 'perception', 'sequence': next(self._numbers), 'threads': 0}
        fields |= {'deadline_s': math.nan, 'reason': 'test'} | change
        self.say('subnet_command', self._command(subnet_id=subnet_id, **fields))
        sequence = fields['sequence']
        self.wait_for(
            lambda: self.state.command_sequence == sequence, f'command {sequence} to be seen'
        )
        return self.state

    def status(self):
        """Return the node's latest diagnostics, as a dictionary."""
        name = f'{self.namespace}/perception'
        found = [s for m in self.heard['/diagnostics'] for s in m.status if s.name == name]
        return {each.key: each.value for each in found[-1].values} if found else {}

    def refused(self, name):
        """How often the node says that it refused an input."""
        return int(self.status().get(f'refused: {name}', 0))

    def call(self, kind, name, request):
        """Call a service of the node; return what it answers."""
        client = self.node.create_client(kind, f'perception/{name}')
        self.wait_for(client.service_is_ready, name)
        future = client.call_async(request)
        self.wait_for(future.done, name)
        self.node.destroy_client(client)
        return future.result()

    def set_parameter(self, name, value):
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return self.call(SetParameters, 'set_parameters', request).results[0]

    def close(self):
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture(scope='session')
def photograph():
    """A smooth colourful picture, BGR."""
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    return np.dstack((40 + 3 * x, 200 - 4 * y, 60 + x + 2 * y)).astype(np.uint8)


@pytest.fixture(scope='session')
def photograph_jpeg(photograph):
    return cv2.imencode('.jpg', photograph)[1].tobytes()


@pytest.fixture(scope='module')
def start_perception(model_folder, tmp_path_factory):
    """Return a function that starts the node with parameters, and gives a robot to it."""
    robots = []

    def start(*, namespace='', name='perception', **parameters):
        namespace = namespace or f'/test_{uuid.uuid4().hex[:8]}'
        parameters = {'model': model_folder, 'threads': 1, 'profile_rounds': 3} | parameters
        if parameters.get('platform'):  # else a machine with clocks would be measured
            parameters = {'device': 'simulated'} | parameters
        command = [sys.executable, '-c', MAIN, '--ros-args', '-r', f'__ns:={namespace}']
        command += ['-r', f'__node:={name}']
        for key, value in parameters.items():
            command += ['-p', f'{key}:={value}']
        process = subprocess.Popen(
            command,
            # Outside of the checkout, where `dynofa_ros` has no messages.
            cwd=tmp_path_factory.mktemp('perception'),
            env=os.environ | {'OMP_WAIT_POLICY': 'PASSIVE'},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        robots.append(Robot(namespace, process))
        return robots[-1]

    yield start
    for robot in robots:
        robot.close()
        if robot.process.poll() is None:
            robot.process.kill()
        robot.process.communicate()
