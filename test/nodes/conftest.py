# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Nodes in processes of their own, and a robot that exchanges messages with them over DDS."""

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

# Helper modules of these tests, and of those of the device layer and of bags.
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'platform' / 'linux'), str(HERE.parent / 'bags')]

TIMEOUT_S = 60.0  # generous, for a busy machine


class Robot:
    """Publisher, subscriber and service client of a perception node."""

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
        self.received = {}
        self._publishers = {}
        for topic, kind in {
            'classification': msg.Classification,
            'frame_report': msg.FrameReport,
            'subnet_profile': msg.SubnetProfile,
            'subnet_state': msg.SubnetState,
            '/diagnostics': DiagnosticArray,
        }.items():
            self.subscribe(topic, kind)
        for topic, kind in {
            'image': Image,
            'subnet_command': msg.SubnetCommand,
            'platform_state': msg.PlatformState,
        }.items():
            self._publishers[topic] = self.node.create_publisher(kind, topic, qos_profile(topic))
        self._image, self._compressed, self._command = Image, CompressedImage, msg.SubnetCommand
        self._sequences = itertools.count(1)

    def subscribe(self, topic, kind):
        """Append every message of a topic to `received[topic]`."""
        from dynofa_ros.nodes.qos import qos_profile

        self.received[topic] = []
        self.node.create_subscription(kind, topic, self.received[topic].append, qos_profile(topic))

    def wait_for(self, ready, what):
        """Spin until `ready()` is true, and return its result."""
        end_s = time.monotonic() + TIMEOUT_S
        while not (result := ready()):
            if self.process.poll() is not None:
                output = self.process.stdout.read()
                pytest.fail(f'the node ended while waiting for {what}: {output}')
            assert time.monotonic() < end_s, f'waited {TIMEOUT_S:g} s for {what}'
            self._executor.spin_once(timeout_sec=0.05)
        return result

    def connect(self):
        """Wait until the node has subscribed to all topics and published state and profile."""
        self.wait_for(
            lambda: all(each.get_subscription_count() for each in self._publishers.values()),
            'the subscriptions',
        )
        self.wait_for(lambda: self.received['subnet_state'], 'the first state')
        self.wait_for(lambda: self.received['subnet_profile'], 'the profile')
        return self

    @property
    def state(self):
        return self.received['subnet_state'][-1]

    @property
    def profile(self):
        return self.received['subnet_profile'][-1]

    def publish(self, topic, message):
        self._publishers[topic].publish(message)

    def image(self, pixels, encoding='bgr8', **change):
        """Return an image message with a unique frame_id."""
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

    def publish_image(self, message):
        """Publish an image, which may be lost: images are best effort and the newest wins."""
        self.offer('image/compressed' if hasattr(message, 'format') else 'image')
        self.publish('image/compressed' if hasattr(message, 'format') else 'image', message)

    def offer(self, topic):
        """Offer images on one topic alone, and wait until the node has subscribed to it."""
        from dynofa_ros.nodes.qos import qos_profile

        if topic in self._publishers:
            return
        for other in {'image', 'image/compressed'} & set(self._publishers):
            self.node.destroy_publisher(self._publishers.pop(other))
        kind = self._compressed if topic == 'image/compressed' else self._image
        publisher = self.node.create_publisher(kind, topic, qos_profile(topic))
        self._publishers[topic] = publisher
        self.wait_for(publisher.get_subscription_count, f'the subscription to {topic}')

    def classify(self, message):
        """Publish an image, again every second; return its classification and report."""
        frame_id, published_s = message.header.frame_id, -math.inf

        def answers():
            nonlocal published_s
            found = [
                next((m for m in self.received[topic] if m.header.frame_id == frame_id), None)
                for topic in ('classification', 'frame_report')
            ]
            if not all(found) and time.monotonic() - published_s > 1:
                self.publish_image(message)
                published_s = time.monotonic()
            return found if all(found) else None

        return self.wait_for(answers, 'a classification')

    def command(self, subnet_id, **change):
        """Command a sub-network; return the state that acknowledges it."""
        fields = {'app': 'perception', 'sequence': next(self._sequences), 'threads': 0}
        fields |= {'deadline_s': math.nan, 'reason': 'test'} | change
        self.publish('subnet_command', self._command(subnet_id=subnet_id, **fields))
        sequence = fields['sequence']
        self.wait_for(
            lambda: self.state.command_sequence == sequence, f'the answer to command {sequence}'
        )
        return self.state

    def status(self, name='perception'):
        """Return the latest diagnostics of a node in the namespace; None before the first."""
        node = f'{self.namespace}/{name}'
        found = [s for m in self.received['/diagnostics'] for s in m.status if s.name == node]
        return found[-1] if found else None

    def rejections(self, name):
        """Return how many inputs of this name were rejected, according to the diagnostics."""
        status = self.status()
        values = {each.key: each.value for each in status.values} if status else {}
        return int(values.get(f'refused: {name}', 0))

    def call(self, kind, name, request):
        """Call a service of the node; return its response."""
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
    """A smooth colourful BGR image."""
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    return np.dstack((40 + 3 * x, 200 - 4 * y, 60 + x + 2 * y)).astype(np.uint8)


@pytest.fixture(scope='session')
def photograph_jpeg(photograph):
    return cv2.imencode('.jpg', photograph)[1].tobytes()


@pytest.fixture
def context():
    """A context of rclpy."""
    rclpy = pytest.importorskip('rclpy')
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture(scope='module')
def start_node(tmp_path_factory):
    """Return a function that starts a node of `dynofa_ros.nodes` with parameters as a process."""
    processes = []

    def start(node, *, namespace, name=None, remap=(), **parameters):
        command = [sys.executable, '-m', f'dynofa_ros.nodes.{node}.node', '--ros-args']
        command += ['-r', f'__ns:={namespace}', '-r', f'__node:={name or node}']
        for rule in remap:
            command += ['-r', rule]
        for key, value in parameters.items():
            command += ['-p', f'{key}:={value}']
        process = subprocess.Popen(
            command,
            # Not in the checkout, where `dynofa_ros` has no messages.
            cwd=tmp_path_factory.mktemp(node),
            env=os.environ
            | {
                'OMP_WAIT_POLICY': 'PASSIVE',
                'XDG_RUNTIME_DIR': str(tmp_path_factory.getbasetemp()),  # of the turns
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope='module')
def start_perception(start_node, model_folder):
    """Return a function that starts a perception node and returns its robot."""
    robots = []

    def start(*, namespace='', name='perception', **parameters):
        namespace = namespace or f'/test_{uuid.uuid4().hex[:8]}'
        parameters = {'model': model_folder, 'threads': 1, 'profile_rounds': 3} | parameters
        if 'platform' in parameters:  # otherwise a machine with frequency controls is measured
            parameters = {'device': 'simulated'} | parameters
        else:  # this machine
            parameters['platform'] = "''"
        process = start_node('perception', namespace=namespace, name=name, **parameters)
        robots.append(Robot(namespace, process))
        return robots[-1]

    yield start
    for robot in robots:
        robot.close()
