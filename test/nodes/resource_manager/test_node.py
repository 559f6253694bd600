# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The node in a process of its own, tested over DDS."""

import dataclasses
import itertools
import math
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
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
    SubnetCommand,
    SubnetProfile,
    SubnetState,
    TemperatureState,
)
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Header

from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.runtime import ManagerSettings

DOMAIN_ID = int(os.environ.get('ROS_DOMAIN_ID', '33'))
TIMEOUT_S = 30.0
OBJECTIVES = 'auto, max_accuracy, min_energy, weighted'

SUBSCRIBED = {
    'subnet_command': SubnetCommand,
    'dvfs_command': DvfsCommand,
    'manager_state': ManagerState,
    '/diagnostics': DiagnosticArray,
}
PUBLISHED = {
    'subnet_profile': SubnetProfile,
    'frame_report': FrameReport,
    'subnet_state': SubnetState,
    'platform_state': PlatformState,
    'deadline': Deadline,
    'battery': BatteryState,
    'mission': Mission,
}


class Bench:
    """The other end of all the node's topics."""

    def __init__(self, node, executor):
        self.node, self._executor = node, executor
        self.received = {topic: [] for topic in SUBSCRIBED}
        for topic, kind in SUBSCRIBED.items():
            node.create_subscription(kind, topic, self.received[topic].append, qos_profile(topic))
        self._publishers = {
            topic: node.create_publisher(kind, topic, qos_profile(topic))
            for topic, kind in PUBLISHED.items()
        }

    def wait(self, ready, event):
        """Spin until `ready()` is true, and return its result."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            if result := ready():
                return result
            self._executor.spin_once(timeout_sec=0.05)
        raise AssertionError(f'waited {TIMEOUT_S:g} s for {event}')

    def connect(self):
        """Wait until the node subscribes to every topic and publishes its state."""
        self.wait(
            lambda: (
                all(each.get_subscription_count() for each in self._publishers.values())
                and self.received['manager_state']
            ),
            'the node to connect',
        )

    def publish(self, topic, **values):
        self._publishers[topic].publish(PUBLISHED[topic](**values))

    def swap_publisher(self, topic, publisher):
        """Publish a topic with another publisher from now on; return the previous one."""
        previous, self._publishers[topic] = self._publishers[topic], publisher
        return previous

    def latest(self, topic, ready=lambda message: True):
        return next((each for each in reversed(self.received[topic]) if ready(each)), None)

    def wait_for(self, topic, ready=lambda message: True):
        return self.wait(lambda: self.latest(topic, ready), topic)

    def refusals(self, topic):
        """Return how many messages of `topic` the node has rejected, by its diagnostics."""
        status = self.latest('/diagnostics')
        values = {each.key: each.value for each in status.status[0].values} if status else {}
        return int(values.get(f'refused: {topic}', 0))

    def wait_for_rejection(self, topic, text):
        self.wait(lambda: self.refusals(topic) == 1, f'the rejection of {topic}')
        assert text in self.latest('/diagnostics').status[0].message

    def call(self, service, name, request):
        client = self.node.create_client(service, f'/resource_manager/{name}')
        self.wait(client.service_is_ready, name)
        future = client.call_async(request)
        self.wait(future.done, name)
        return future.result()

    def set_parameter(self, name, value):
        """Set a parameter, and return the node's result."""
        changed = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[changed])
        return self.call(SetParameters, 'set_parameters', request).results[0]


@pytest.fixture
def start():
    """Return a function that starts a manager as a process."""
    environment = {
        **os.environ,
        'ROS_DOMAIN_ID': str(DOMAIN_ID),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    command = [sys.executable, '-m', 'dynofa_ros.nodes.resource_manager.node', '--ros-args']
    command += ['-p', 'acknowledge_timeout_s:=0.5', '-p', 'deadline_s:=0.0']
    # So long that no test sees an application forgotten because of its silence.
    command += ['-p', 'forget_s:=3600.0', '-p', 'report_timeout_s:=1.0']
    processes = []

    def start():
        processes.append(subprocess.Popen(command, env=environment))
        return processes[-1]

    yield start
    for each in processes:
        if each.poll() is None:
            each.kill()
        each.wait()


@pytest.fixture
def process(start):
    return start()


@pytest.fixture
def bench(process, monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN_ID)
    node = rclpy.create_node('bench', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    bench = Bench(node, executor)
    bench.connect()
    yield bench
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def announce(bench, app='camera', **values):
    points = [
        OperatingPoint(
            subnet_id=name, engine='torch', processor='gpu', threads=1, frequency_hz=clock * 1e9,
            latency_s=work / clock, latency_std_s=0.0, energy_j=work * clock, accuracy=accuracy,
            flops=100_000_000, parameters=1_000_000,
        )
        for clock in (0.5, 1.0)
        for name, work, accuracy in (('small', 0.02, 0.7), ('large', 0.05, 0.8))
    ]  # fmt: skip
    bench.publish(
        'subnet_profile', app=app, supernet='s', platform='board', points=points, **values
    )


def report_platform(bench, **values):
    gpu = DomainState(
        name='gpu', processors=['gpu'], frequency_hz=1e9, settable=True,
        available_frequencies_hz=[0.5e9, 1e9],
    )  # fmt: skip
    bench.publish('platform_state', platform='board', domains=[gpu], **values)


def report_frame(bench, sequence, inference_s, **values):
    bench.publish(
        'frame_report', app='camera', sequence=sequence, subnet_id='large', engine='torch',
        processor='gpu', threads=1, inference_s=inference_s, latency_s=inference_s, **values,
    )  # fmt: skip


def acknowledge(bench, command):
    bench.publish(
        'subnet_state', app=command.app, subnet_id=command.subnet_id, processor=command.processor,
        threads=command.threads, command_sequence=command.sequence, command_applied=True,
    )  # fmt: skip


def runs(subnet_id):
    return lambda state: bool(state.apps) and state.apps[0].point.subnet_id == subnet_id


def test_a_tighter_deadline_switches_sub_network_and_clock(bench):
    report_platform(bench)
    bench.wait_for('manager_state', lambda state: 'platform_state' not in str(state.warnings))
    announce(bench)
    first = bench.wait_for('subnet_command')
    assert (first.app, first.subnet_id, first.sequence) == ('camera', 'large', 1)
    assert math.isnan(first.deadline_s)
    clocks = bench.wait_for('dvfs_command')
    assert [(each.domain, each.frequency_hz) for each in clocks.domains] == [('gpu', 0.5e9)]
    bench.publish('deadline', app='camera', deadline_s=0.03)
    tighter = bench.wait_for('subnet_command', lambda each: each.deadline_s == 0.03)
    assert (tighter.subnet_id, tighter.sequence) == ('small', 2)
    faster = bench.wait_for('dvfs_command', lambda each: each.sequence == 2)
    assert faster.domains[0].frequency_hz == 1e9


def test_a_command_is_repeated_until_it_is_acknowledged(bench):
    announce(bench)
    bench.wait(lambda: len(bench.received['subnet_command']) >= 2, 'a repeated command')
    command = bench.received['subnet_command'][-1]
    assert {each.sequence for each in bench.received['subnet_command']} == {1}
    acknowledge(bench, command)
    bench.wait_for('manager_state', lambda state: bool(state.apps) and state.apps[0].acknowledged)


def test_slow_frames_change_the_sub_network(bench):
    report_platform(bench)
    announce(bench)
    bench.publish('deadline', app='camera', deadline_s=0.07)
    acknowledge(bench, bench.wait_for('subnet_command', lambda each: each.deadline_s == 0.07))
    sequence = itertools.count(1)

    def reacted():
        report_frame(bench, next(sequence), 0.15)
        return bench.latest('manager_state', runs('small'))

    assert bench.wait(reacted, 'the sub-network').apps[0].slowdown >= 1.0
    assert bench.latest('subnet_command', lambda each: each.subnet_id == 'small')


def test_a_low_battery_saves_energy(bench):
    announce(bench)
    bench.publish('battery', percentage=0.2)
    state = bench.wait_for('manager_state', lambda state: state.objective == 'min_energy')
    assert state.battery_percentage == pytest.approx(0.2)
    bench.wait_for('subnet_command', lambda each: each.subnet_id == 'small')


def run_camera(bench, *, ready):
    """Report frames at 10 Hz and a power of 4 W until a manager state is `ready`."""
    announce(bench)
    acknowledge(bench, bench.wait_for('subnet_command'))
    sensor = TemperatureState(name='soc', temperature_c=40.0, throttle_c=95.0)
    sequence = itertools.count(1)

    def reported():
        second, tenth = divmod(number := next(sequence), 10)
        stamp = Time(sec=second, nanosec=tenth * 10**8)
        report_frame(bench, number, 0.05, header=Header(stamp=stamp))
        report_platform(bench, power_w=4.0, power_source='modelled', temperatures=[sensor])
        return bench.latest('manager_state', ready)

    return bench.wait(reported, 'the state')


def test_a_power_cap_reduces_accuracy_and_is_reported(bench):
    state = run_camera(bench, ready=lambda state: runs('large')(state) and state.base_power_w > 0.0)
    assert state.power_cap_reason == 'soc throttles at 95 degrees'
    assert bench.set_parameter('power_cap_w', 3.0).successful
    capped = run_camera(
        bench, ready=lambda state: runs('small')(state) and state.power_cap_w == 3.0
    )
    assert capped.power_cap_reason == 'set by parameter'
    assert 0.0 <= capped.applications_cap_w < 3.0
    assert capped.exact
    assert capped.loss_bound == 0.0
    assert not bench.set_parameter('power_cap_w', -1.0).successful


def test_a_mission_reduces_accuracy_until_it_is_cancelled(bench):
    bench.publish(
        'battery', percentage=0.9, voltage=10.0, charge=0.001, capacity=math.nan,
        design_capacity=math.nan,
    )  # fmt: skip
    state = run_camera(
        bench, ready=lambda state: runs('large')(state) and state.battery_energy_j > 0.0
    )
    assert state.battery_energy_j == pytest.approx(36.0)
    assert math.isnan(state.mission_left_s)
    bench.publish('mission', duration_s=1000.0)
    short = bench.wait_for(
        'manager_state', lambda state: runs('small')(state) and state.mission_left_s > 0.0
    )
    assert short.power_cap_w == pytest.approx(0.036 * (1 - 0.05 / 0.9), rel=0.05)
    assert short.power_cap_reason.startswith('mission: ')
    assert any('is not met' in each for each in short.warnings)
    bench.publish('mission', duration_s=0.0)
    bench.wait_for(
        'manager_state', lambda state: runs('large')(state) and math.isnan(state.mission_left_s)
    )


def test_a_mission_begins_at_its_stamp(bench):
    stamp = (bench.node.get_clock().now() - Duration(seconds=100.0)).to_msg()
    bench.publish('mission', duration_s=1000.0, header=Header(stamp=stamp))
    state = bench.wait_for('manager_state', lambda state: state.mission_left_s > 0.0)
    assert 900.0 - TIMEOUT_S < state.mission_left_s < 901.0


@pytest.mark.parametrize('duration_s', [-1.0, math.nan, math.inf])
def test_an_impossible_mission_is_rejected(bench, duration_s):
    bench.publish('mission', duration_s=duration_s)
    bench.wait_for_rejection('mission', 'duration_s is')


@pytest.mark.parametrize('deadline_s', [0.0, -0.1, math.nan])
def test_the_node_goes_on_after_an_impossible_deadline(bench, deadline_s):
    announce(bench)
    bench.wait_for('subnet_command')
    bench.publish('deadline', app='camera', deadline_s=deadline_s)
    bench.wait_for_rejection('deadline', 'deadline_s is')
    bench.publish('deadline', app='camera', deadline_s=0.03)
    bench.wait_for('subnet_command', lambda each: each.deadline_s == 0.03)


def test_rejected_messages_are_counted_by_topic(bench):
    announce(bench)
    bench.publish('battery', percentage=7.0)
    bench.publish('battery', percentage=math.nan)
    bench.publish('deadline', app='nobody', deadline_s=0.1)
    bench.publish('frame_report', app='nobody', inference_s=0.1)
    bench.publish('frame_report', app='camera', subnet_id='huge', inference_s=0.1)
    bench.publish('subnet_profile', app='empty')
    expected = {'battery': 2, 'deadline': 1, 'frame_report': 2, 'subnet_profile': 1}
    bench.wait(
        lambda: {topic: bench.refusals(topic) for topic in expected} == expected, 'all refusals'
    )


def test_a_deadline_for_an_application_that_joins_later_is_kept(bench):
    bench.publish('deadline', app='late', deadline_s=0.03)
    bench.wait(lambda: bench.refusals('deadline') == 1, 'the notice')
    announce(bench, app='late')
    command = bench.wait_for('subnet_command')
    assert (command.app, command.deadline_s) == ('late', 0.03)


def test_parameters_apply_at_once_and_are_checked(bench):
    announce(bench)
    bench.wait_for('subnet_command')
    assert bench.set_parameter('deadline_s', 0.03).successful
    bench.wait_for('subnet_command', lambda each: each.deadline_s == 0.03)
    rejected = bench.set_parameter('objective', 'fastest')
    assert rejected.reason == f"objective is 'fastest'; expected {OBJECTIVES}"
    assert not bench.set_parameter('battery_low', 0.9).successful
    assert not bench.set_parameter('decision_rate_hz', 0.0).successful


def test_parameters_have_descriptions(bench):
    names = [each.name for each in dataclasses.fields(ManagerSettings)]
    request = DescribeParameters.Request(names=['decision_rate_hz', *names])
    described = bench.call(DescribeParameters, 'describe_parameters', request).descriptors
    assert all(each.description for each in described)
    limits = {each.name: each.floating_point_range for each in described}
    assert (limits['hold_s'][0].from_value, limits['hold_s'][0].to_value) == (0.1, 3600.0)


def test_a_mission_stamped_by_the_clock_of_another_machine_counts_from_its_arrival(bench):
    stamp = (bench.node.get_clock().now() + Duration(seconds=3600.0)).to_msg()
    bench.publish('mission', duration_s=600.0, header=Header(stamp=stamp))
    state = bench.wait_for('manager_state', lambda state: state.mission_left_s > 0.0)
    assert 600.0 - TIMEOUT_S < state.mission_left_s <= 600.0
    bench.wait_for_rejection('mission', 'expected 0 to')


def test_a_publisher_of_percent_is_not_believed_at_a_fraction(bench):
    bench.publish('battery', percentage=87.0)
    bench.wait_for_rejection('battery', 'battery percentage is 87; expected 0 to 1')
    bench.publish('battery', percentage=0.9)
    bench.wait(lambda: bench.refusals('battery') == 2, 'the second refusal')
    other = bench.node.create_publisher(BatteryState, 'battery', qos_profile('battery'))
    bench.wait(other.get_subscription_count, 'the other publisher')

    def believed():
        other.publish(BatteryState(percentage=0.6))
        return bench.latest('manager_state', lambda state: state.battery_percentage > 0.0)

    assert bench.wait(believed, 'the charge').battery_percentage == pytest.approx(0.6)


def test_frequencies_are_restored_when_dvfs_is_turned_off(bench):
    report_platform(bench)
    announce(bench)
    assert bench.wait_for('dvfs_command').domains
    assert bench.set_parameter('dvfs', False).successful
    command = bench.wait_for('dvfs_command', lambda each: not each.domains)
    assert command.reason == 'dvfs is false: frequencies restored'


def test_an_application_is_forgotten_once_its_publisher_is_gone(bench):
    announce(bench)
    profiles = bench.node.create_publisher(
        SubnetProfile, 'subnet_profile', qos_profile('subnet_profile')
    )
    point = OperatingPoint(
        subnet_id='small', processor='gpu', frequency_hz=1e9, latency_s=0.1, accuracy=0.5
    )
    profiles.publish(SubnetProfile(app='gone', points=[point]))
    bench.wait_for('manager_state', lambda state: len(state.apps) == 2)
    bench.node.destroy_publisher(profiles)
    state = bench.wait_for('manager_state', lambda state: len(state.apps) == 1)
    assert state.apps[0].app == 'camera'


ANNOUNCE = """
import time
import rclpy
from dynofa_ros.msg import OperatingPoint, SubnetProfile
from dynofa_ros.nodes.qos import qos_profile

rclpy.init()
node = rclpy.create_node('perception')
profiles = node.create_publisher(SubnetProfile, 'subnet_profile', qos_profile('subnet_profile'))
point = OperatingPoint(
    subnet_id='small', processor='gpu', frequency_hz=1e9, latency_s=0.1, accuracy=0.5
)
profiles.publish(SubnetProfile(app='gone', points=[point]))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
"""


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGINT], ids=['killed', 'ended'])
def test_an_application_whose_process_is_gone_is_forgotten_without_its_silence(
    bench, tmp_path, number
):
    announce(bench)
    environment = os.environ | {'ROS_DOMAIN_ID': str(DOMAIN_ID)}
    perception = subprocess.Popen([sys.executable, '-c', ANNOUNCE], env=environment, cwd=tmp_path)
    try:
        bench.wait_for('manager_state', lambda state: len(state.apps) == 2)
        bench.received['manager_state'].clear()
        perception.send_signal(number)
        state = bench.wait_for('manager_state', lambda state: len(state.apps) == 1)
    finally:
        perception.kill()
        perception.wait()
    assert state.apps[0].app == 'camera'


def test_an_application_that_returns_in_another_process_stays(bench):
    announce(bench, app='camera')
    again = bench.node.create_publisher(
        SubnetProfile, 'subnet_profile', qos_profile('subnet_profile')
    )
    first = bench.swap_publisher('subnet_profile', again)
    announce(bench, app='camera')
    announce(bench, app='other')
    bench.wait_for('manager_state', lambda state: len(state.apps) == 2)
    bench.node.destroy_publisher(first)
    states = bench.received['manager_state']
    states.clear()
    bench.wait(lambda: len(states) > 2, 'three states')
    assert all(len(each.apps) == 2 for each in states)


def says(level, text):
    return lambda message: message.status[0].level == level and text in message.status[0].message


@pytest.mark.parametrize(
    'number', [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=['kill', 'end', 'stop']
)
def test_of_two_managers_one_stands_by_until_the_other_is_gone(bench, process, start, number):
    announce(bench)
    bench.wait_for('subnet_command')
    first = bench.latest('manager_state').manager_id
    start()
    bench.wait_for('/diagnostics', says(DiagnosticStatus.ERROR, 'another resource manager command'))
    bench.wait_for('/diagnostics', says(DiagnosticStatus.WARN, '/manager_state has 2 publishers'))
    states = bench.received['manager_state']
    states.clear()
    bench.wait(lambda: len(states) > 3, 'four states')
    assert {each.manager_id for each in states} == {first}
    process.send_signal(number)
    second = bench.wait_for('manager_state', lambda state: state.manager_id != first).manager_id
    bench.publish('deadline', app='camera', deadline_s=0.03)
    bench.wait_for('subnet_command', lambda each: each.deadline_s == 0.03)
    if number == signal.SIGSTOP:
        process.send_signal(signal.SIGCONT)
        bench.wait_for(
            'manager_state', lambda state: state.manager_id == first and state is states[-1]
        )
        states.clear()
        bench.wait(lambda: len(states) > 3, 'four states')
        assert {each.manager_id for each in states[2:]} == {first} != {second}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_zero(bench, process, number):
    process.send_signal(number)
    assert process.wait(timeout=TIMEOUT_S) == 0


def test_it_does_not_start_with_parameters_out_of_range():
    command = [sys.executable, '-m', 'dynofa_ros.nodes.resource_manager.node', '--ros-args']
    ended = subprocess.run(
        [*command, '-p', 'objective:=fastest'], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert ended.returncode == 1
    assert f"objective is 'fastest'; expected {OBJECTIVES}" in ended.stderr


CASCADE = Cascade(
    cascade_id='small+large@0.8', stages=['small', 'large'], thresholds=[0.8], reached=[0.3],
    accuracy=0.79, answer_accuracy=[0.9, 0.6], early_accuracy=[0.4], images=2500,
)  # fmt: skip


def announce_cascade(bench):
    """Announce an application whose cascade is the cheapest for its floor; return its command."""
    assert bench.set_parameter('objective', 'min_energy').successful
    assert bench.set_parameter('min_accuracy', 0.78).successful
    report_platform(bench)
    announce(bench, cascades=[CASCADE])
    return bench.wait_for('subnet_command', lambda each: each.subnet_id == 'small+large@0.8')


def report_cascade(bench, sequence, *, escalated):
    """Report a frame that the first stage answered, or both."""
    stages = {'small': 0.02, 'large': 0.05} if escalated else {'small': 0.02}
    second, tenth = divmod(sequence, 10)
    bench.publish(
        'frame_report', app='camera', sequence=sequence, subnet_id='small+large@0.8',
        engine='torch', processor='gpu', threads=1, inference_s=sum(stages.values()),
        stages=list(stages), stage_inference_s=list(stages.values()),
        first_score=0.5 if escalated else 0.95,
        header=Header(stamp=Time(sec=second, nanosec=tenth * 10**8)),
    )  # fmt: skip


def test_a_cascade_is_commanded_and_acknowledged_by_its_name(bench):
    command = announce_cascade(bench)
    acknowledge(bench, command)
    state = bench.wait_for(
        'manager_state', lambda state: runs('small+large@0.8')(state) and state.apps[0].acknowledged
    )
    assert state.apps[0].point.accuracy == pytest.approx(0.79)
    assert state.apps[0].measured_escalation_rate == pytest.approx(0.3)
    assert math.isnan(state.apps[0].escalation_rate)
    assert bench.set_parameter('cascades', False).successful
    bench.wait_for('subnet_command', lambda each: each.subnet_id == 'large')
    bench.wait_for('manager_state', runs('large'))


def test_a_scene_that_is_harder_than_measured_shows_in_the_diagnostics(bench):
    acknowledge(bench, announce_cascade(bench))
    sequence = itertools.count(1)

    def warned():
        for number in itertools.islice(sequence, 10):
            report_cascade(bench, number, escalated=number * 7 % 10 < 8)
        status = bench.latest('/diagnostics', lambda each: 'thresholds' in each.status[0].message)
        return status and status.status[0]

    status = bench.wait(warned, 'the warning')
    assert status.level == DiagnosticStatus.WARN
    assert (
        'camera, cascade small+large@0.8: the scene is harder than the images the thresholds were '
        'chosen on: '
    ) in status.message
    assert 'run dynofa cascade on images of this scene' in status.message
    assert bench.latest('manager_state', lambda state: 'thresholds' in str(state.warnings))


def report_attention(bench, *, hold_s, stamp):
    """Report that a person was seen, by the clock of a machine."""
    until = stamp + Duration(seconds=hold_s)
    bench.publish(
        'subnet_state', app='camera', subnet_id='small', processor='gpu', threads=1,
        header=Header(stamp=stamp.to_msg()), attention_label='person', attention_score=0.91,
        attention_until=until.to_msg(), attention_min_accuracy=0.75, attention_priority=2,
    )  # fmt: skip


@pytest.mark.parametrize('ahead_s', [0.0, 86_400.0])
def test_what_an_application_sees_raises_its_floor_and_ends(bench, ahead_s):
    assert bench.set_parameter('objective', 'min_energy').successful
    assert bench.set_parameter('decision_rate_hz', 0.1).successful
    report_platform(bench)
    announce(bench)
    bench.wait_for('subnet_command', lambda each: each.subnet_id == 'small')
    stamp = bench.node.get_clock().now() + Duration(seconds=ahead_s)
    report_attention(bench, hold_s=3.0, stamp=stamp)
    command = bench.wait_for('subnet_command', lambda each: each.subnet_id == 'large')
    assert command.min_accuracy == pytest.approx(0.75)
    state = bench.wait_for('manager_state', lambda state: 'seen' in str(state.apps))
    text = state.apps[0].attention
    assert text.startswith('person 0.91 seen: floor 0.75, priority +2 for ')
    assert state.apps[0].min_accuracy == pytest.approx(0.75)
    for topic in ('subnet_command', 'manager_state'):
        bench.received[topic].clear()

    def ended():
        report_platform(bench)  # at 10 Hz on a robot; the decision does not wait for its period
        return bench.latest('subnet_command', lambda each: each.subnet_id == 'small')

    bench.wait(ended, 'the end of the hold')
    state = bench.wait_for('manager_state', lambda state: not state.apps[0].attention)
    assert state.apps[0].min_accuracy == 0.0


def test_a_report_of_stages_that_do_not_fit_is_refused(bench):
    announce(bench, cascades=[CASCADE])
    bench.wait_for('subnet_command')
    bench.publish(
        'frame_report', app='camera', subnet_id='small', engine='torch', processor='gpu',
        threads=1, inference_s=0.02, stages=['small', 'large'], stage_inference_s=[0.02],
    )  # fmt: skip
    bench.wait_for_rejection('frame_report', 'stage_inference_s holds 1 values; expected 2')


def test_a_profile_with_an_impossible_cascade_is_refused_by_name(bench):
    cascade = Cascade(cascade_id='small+large', stages=['small', 'large'], thresholds=[2.0])
    announce(bench, cascades=[cascade])
    bench.wait_for_rejection('subnet_profile', "cascade 'small+large': thresholds is 2; expected 0")
