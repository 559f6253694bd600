# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""No message ends the node, or makes it publish what no message of that type can hold."""

import math
import random

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from dynofa_ros.msg import (
    Cascade,
    Deadline,
    DomainState,
    DvfsCommand,
    FrameReport,
    ManagerState,
    Mission,
    OperatingPoint,
    PlatformState,
    ResidentPoint,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
    TemperatureState,
)
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.subscription import Subscription
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Header

from dynofa_ros.nodes.resource_manager.node import ResourceManagerNode

# Other tests measure the coverage; tracing would double the time.
pytestmark = pytest.mark.no_cover
MESSAGES = 20_000
STEP_EVERY = 20
EXTREMES = {
    'double': [
        math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e-320, -1e-320, 1e-160, 1e-6, 1e-3,
        0.5, 1.0, 2.0, 87.0, 1e3, 3600.0, 1e4, 1e6, 1e7, 1e9, 1e12, 1e15, 1e155, 1e160, 1.7e308,
        -1.0, -300.0, -1e160,
    ],
    'float': [math.nan, math.inf, -math.inf, 0.0, 1e-45, 0.1, 0.9, 1.01, 87.0, 3.4e38, -1.0],
    'string': ['', 'camera', 'other', 'gpu', 'x' * 10_000, 'a\nb', '\u00e9', '\udc80', '\0', ' '],
    'boolean': [False, True],
    'uint8': [0, 1, 255],
    'uint16': [0, 1, 2**16 - 1],
    'uint32': [0, 1, 2, 2**31, 2**32 - 1],
    'uint64': [0, 1, 2, 2**53, 2**53 + 1, 2**63, 2**64 - 2, 2**64 - 1],
    'int32': [0, 1, -1, 2**31 - 1, -(2**31)],
}  # fmt: skip


class Recorder:
    """A publisher whose messages must survive the way over DDS."""

    def __init__(self, publisher, kind):
        self._publisher, self._kind, self.count = publisher, kind, 0

    def __getattr__(self, name):
        return getattr(self._publisher, name)

    def publish(self, message):
        received = deserialize_message(serialize_message(message), self._kind)
        assert repr(received) == repr(message)
        self.count += 1
        self._publisher.publish(message)


class Clock:
    """A clock that the test turns: hours pass within seconds."""

    now_s = 1000.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def node(context, clock):
    node = ResourceManagerNode(context=context, clock=lambda: clock.now_s)
    node._switch_publisher = Recorder(node._switch_publisher, SubnetCommand)
    node._clocks_publisher = Recorder(node._clocks_publisher, DvfsCommand)
    node._state_publisher = Recorder(node._state_publisher, ManagerState)
    yield node
    node.destroy_node()


def valid_messages():
    """Return messages of a robot with two applications, of every type that the node hears."""
    points = [
        OperatingPoint(
            subnet_id=name, engine='torch', processor='gpu', threads=1, frequency_hz=clock * 1e9,
            latency_s=work / clock, latency_std_s=0.001, energy_j=work * clock, accuracy=accuracy,
        )
        for clock in (0.5, 1.0)
        for name, work, accuracy in (('small', 0.02, 0.7), ('large', 0.05, 0.8))
    ]  # fmt: skip
    gpu = DomainState(
        name='gpu', processors=['gpu'], contention=[1.0], frequency_hz=1e9, settable=True,
        available_frequencies_hz=[0.5e9, 1e9],
    )  # fmt: skip
    cascade = Cascade(
        cascade_id='small+large', stages=['small', 'large'], thresholds=[0.8], reached=[0.3],
        accuracy=0.79, answer_accuracy=[0.9, 0.6], early_accuracy=[0.4], images=2500,
    )  # fmt: skip
    sensor = TemperatureState(name='soc', temperature_c=40.0, throttle_c=95.0)
    result = [
        PlatformState(
            platform='board', domains=[gpu], power_w=5.0, power_source='modelled',
            temperatures=[sensor], command_applied=True,
        ),
        Mission(duration_s=600.0),
        BatteryState(percentage=0.5, voltage=12.0, charge=2.0, capacity=4.0),
        ManagerState(manager_id=7, started=Time(sec=2**31 - 1)),
        Deadline(app='', deadline_s=0.1, min_accuracy=0.5),
    ]  # fmt: skip
    for app in ('camera', 'other'):
        result += [
            SubnetProfile(
                app=app, supernet='s', platform='board', points=points, cascades=[cascade]
            ),
            Deadline(app=app, deadline_s=0.06, min_accuracy=0.7, priority=1),
            SubnetState(
                app=app, subnet_id='large', processor='gpu', threads=1, command_applied=True,
                residents=[ResidentPoint(subnet_id='small')], header=Header(stamp=Time(sec=10)),
                attention_label='person', attention_score=0.9, attention_until=Time(sec=15),
                attention_min_accuracy=0.75, attention_priority=1,
            ),
        ]  # fmt: skip
        result += [
            FrameReport(
                app=app, sequence=number, subnet_id='large', engine='torch', processor='gpu',
                threads=1, inference_s=0.05, header=Header(stamp=Time(sec=number)),
            )
            for number in range(1, 4)
        ]  # fmt: skip
        result += [
            FrameReport(
                app=app, sequence=number, subnet_id='small+large', engine='torch', processor='gpu',
                threads=1, inference_s=0.07, header=Header(stamp=Time(sec=number)),
                stages=['small', 'large'], stage_inference_s=[0.02, 0.05], first_score=0.6,
            )
            for number in range(4, 7)
        ]  # fmt: skip
    return result


def leaves(message):
    """Yield the values of a message that are no messages: owner, name and type."""
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            yield from leaves(value)
        elif '/' in kind:
            for each in value:
                yield from leaves(each)
            yield message, name, kind
        else:
            yield message, name, kind


def spoil(message, rng):
    """Set one to three values of a message to extremes; lengthen or empty a list."""
    for owner, name, kind in rng.choices(list(leaves(message)), k=rng.randint(1, 3)):
        value = getattr(owner, name)
        if kind in EXTREMES:
            setattr(owner, name, rng.choice(EXTREMES[kind]))
        elif not kind.startswith('sequence<') or not len(value):
            continue
        elif (element := kind.removeprefix('sequence<').removesuffix('>')) in EXTREMES:
            setattr(owner, name, rng.choices(EXTREMES[element], k=rng.choice([0, 1, 3, 2000])))
        else:
            setattr(owner, name, rng.choice([[], list(value) * rng.choice([2, 70])]))


def test_no_message_ends_the_node_or_makes_it_publish_nonsense(node, clock):
    rng, steps = random.Random(13), 0
    # To deserialize a message takes half the time of a deep copy.
    valid = [(type(each), serialize_message(each)) for each in valid_messages()]
    receivers = {each.msg_type: each for each in node.subscriptions}
    for number in range(MESSAGES):
        kind, serialized = rng.choice(valid)
        message = deserialize_message(serialized, kind)
        if rng.random() < 0.8:
            spoil(message, rng)
        arguments, receiver = [message], receivers[type(message)]
        if receiver._callback_type is Subscription.CallbackType.WithMessageInfo:
            gid = rng.randrange(1000).to_bytes(16, 'big')
            arguments.append({'publisher_gid': {'data': gid}, 'source_timestamp': number})
        receiver.callback(*arguments)
        clock.now_s += rng.choice([0.0, 0.01, 0.1, 3.0])
        if number % STEP_EVERY == 0:
            node._be_present()
            node._step()
            steps += 1
    errors = {name: count for name, count in node.guard.counts().items() if 'errors' in name}
    assert not errors
    assert steps == MESSAGES // STEP_EVERY
    assert node._state_publisher.count > steps / 2
    assert node._switch_publisher.count > 100
    assert node._clocks_publisher.count > 100
