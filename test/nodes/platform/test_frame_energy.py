# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frame reports are received over DDS, and the measured energy of their frames is published."""

import math
import time
import uuid
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from dynofa_ros.nodes.platform.frame_energy import FrameEnergyPublisher  # noqa: E402
from dynofa_ros.nodes.qos import qos_profile  # noqa: E402
from dynofa_ros.nodes.run_recorder import RunRecorder  # noqa: E402
from dynofa_ros.platform import PlatformError, load_platform  # noqa: E402
from dynofa_ros.platform.device import PowerSample  # noqa: E402

TIMEOUT_S = 30.0
IDLE_W = 3.0
CLOCK_HZ = 803.25e6


class Machine:
    """A platform node with a fake energy counter and clock, and a robot that talks to it."""

    def __init__(self):
        namespace = f'/test_{uuid.uuid4().hex[:8]}'
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.now_s, self.energy_j, self.source = 50.0, 0.0, 'measured_rapl'
        self.platform_node, self.robot = (
            rclpy.create_node(name, namespace=namespace, context=self.context)
            for name in ('platform', 'robot')
        )
        self.recorder = RunRecorder(namespace=namespace, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in (self.platform_node, self.robot, self.recorder):
            self.executor.add_node(node)
        self.energy = FrameEnergyPublisher(
            self.platform_node, load_platform('jetson_xavier_nx'), clock=lambda: self.now_s
        )
        clock = SimpleNamespace(
            name='gpu',
            processors=('gpu',),
            frequency_hz=CLOCK_HZ,
            min_frequency_hz=CLOCK_HZ,
            max_frequency_hz=CLOCK_HZ,
        )
        self.energy.on_state(SimpleNamespace(domains={'gpu': clock}))
        self.received = []
        self.platform_node.create_subscription(
            messages.FrameReport, 'frame_report', self._on_report, qos_profile('frame_report')
        )
        self.energies = []
        self.robot.create_subscription(
            messages.FrameEnergy, 'frame_energy', self.energies.append, qos_profile('frame_energy')
        )
        self.reports = self.robot.create_publisher(
            messages.FrameReport, 'frame_report', qos_profile('frame_report')
        )
        self.recorder.begin()
        self.wait_for(lambda: self.reports.get_subscription_count() == 2)
        self.wait_for(lambda: self.robot.count_publishers('frame_energy') == 1)
        self.wait_for(lambda: self.platform_node.count_subscribers('frame_energy') == 2)

    def _on_report(self, report):
        self.energy.on_frame(report)
        self.received.append(report)

    def wait_for(self, condition):
        end_s = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end_s, f'not within {TIMEOUT_S} s'
            self.executor.spin_once(timeout_sec=0.05)

    def run(self, seconds, *, above_w=0.0):
        """Let time pass, with 20 samples a second."""
        for _ in range(round(seconds * 20)):
            self.now_s += 0.05
            self.energy_j += (IDLE_W + above_w) * 0.05
            self.energy.on_sample(PowerSample(self.now_s, self.energy_j, self.source))

    def work(self, seconds, *, above_w, app='camera', processor='gpu', postprocess_s=0.0):
        """Process one frame, and report it."""
        self.run(seconds, above_w=above_w)
        self.run(postprocess_s)
        self.report(app, seconds, processor=processor, postprocess_s=postprocess_s)

    def settle(self, *, frames=1):
        """Let time pass until the energies of some frames are published."""
        self.run(1)
        self.wait_for(lambda: len(self.energies) == frames)

    def report(self, app, inference_s, *, processor='gpu', postprocess_s=0.0):
        """Publish the report of a frame that ends now, and wait until it is received."""
        message = messages.FrameReport(
            app=app, sequence=7, processor=processor, threads=1, inference_s=inference_s
        )
        message.postprocess_s = postprocess_s
        message.energy_j = math.nan
        message.energy_source = 'unavailable'
        message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
        message.header.frame_id = 'lens'
        count = len(self.received)
        self.reports.publish(message)
        self.wait_for(lambda: len(self.received) > count)

    def close(self):
        self.executor.shutdown()
        for node in (self.platform_node, self.robot, self.recorder):
            node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def machine():
    """A machine after two seconds of idle."""
    machine = Machine()
    machine.run(2)
    yield machine
    machine.close()


def test_the_energy_of_a_reported_frame_is_published(machine):
    machine.work(0.2, above_w=5.0)
    machine.settle()
    (energy,) = machine.energies
    assert (energy.app, energy.sequence, energy.energy_source) == ('camera', 7, 'measured_rapl')
    assert energy.energy_j == pytest.approx(1.0)
    assert energy.idle_power_w == pytest.approx(IDLE_W)
    assert (energy.share, energy.window_s) == (1.0, 0.0)
    assert (energy.header.stamp.sec, energy.header.stamp.nanosec) == (12, 345)
    assert energy.header.frame_id == 'lens'


def test_applications_share_energy_in_proportion_to_the_description(machine):
    machine.work(0.2, above_w=6.0, app='one')
    machine.report('two', 0.1)
    machine.settle(frames=2)
    energy_j = {each.app: each.energy_j for each in machine.energies}
    # They overlap in the second half, with equal modelled power.
    assert energy_j == {'one': pytest.approx(0.9), 'two': pytest.approx(0.3)}


def test_without_a_sensor_the_energy_is_modelled_at_the_current_frequency(machine):
    machine.source = 'unavailable'
    machine.run(61)  # a sensor counts as lost after a minute
    machine.work(0.2, above_w=6.0)
    machine.settle()
    (energy,) = machine.energies
    nx = load_platform('jetson_xavier_nx')
    modelled_j = nx.energy_j(processor='gpu', frequency_hz=CLOCK_HZ, latency_s=0.2)
    assert (energy.energy_j, energy.energy_source) == (pytest.approx(modelled_j), 'modelled')
    assert math.isnan(energy.energy_std_j)


def test_postprocessing_is_not_part_of_the_frame(machine):
    machine.work(0.1, above_w=5.0, postprocess_s=0.1)
    machine.settle()
    assert machine.energies[0].energy_j == pytest.approx(0.5)


def test_frames_on_a_processor_without_a_description_are_measured(machine):
    machine.work(0.2, above_w=5.0, processor='npu')
    machine.settle()
    assert machine.energies[0].energy_j == pytest.approx(1.0)


def test_the_recorder_adds_the_measured_energy_to_a_frame(machine):
    machine.work(0.2, above_w=5.0)
    machine.run(1)
    frames = machine.recorder.recording.frames
    machine.wait_for(lambda: frames and frames[0].energy_source == 'measured_rapl')
    assert frames[0].energy_j == pytest.approx(1.0)
    assert frames[0].energy_std_j >= 0


@pytest.mark.parametrize('inference_s', [math.nan, -1.0, math.inf, 1e9, 0.0])
def test_an_impossible_report_is_rejected(machine, inference_s):
    report = messages.FrameReport(app='camera', sequence=1, inference_s=inference_s)
    with pytest.raises(PlatformError, match="frame of 'camera'"):
        machine.energy.on_frame(report)
