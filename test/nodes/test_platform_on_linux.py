# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node on a real machine, whose files are in a folder: frequencies and sensors.

Each node is a process of its own, tested over DDS. The folder accepts every value; errors of the
kernel are tested in test/platform/linux.
"""

import signal
import uuid

import pytest
import rclpy
from boards import BOARDS, CPU, DEVFREQ
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from platform_robot import TIMEOUT_S, Robot, messages, start
from sensor_msgs.msg import BatteryState

from dynofa_ros.nodes.qos import qos_profile

GPU_HZ = 510000000.0
ERROR = DiagnosticStatus.ERROR
# A node that fails as soon as it has set a frequency: ERROR is what it raises.
FAILING_NODE = """
import sys
from dynofa_ros.nodes.platform.node import main
from dynofa_ros.nodes.platform.worker import PlatformWorker
on_command = PlatformWorker._on_command
def fail(self, command, sender):
    on_command(self, command, sender)
    raise ERROR('a defect')
PlatformWorker._on_command = fail
sys.exit(main())
"""
# A node that fails while it is configured.
UNCONFIGURED_NODE = """
import sys
from dynofa_ros.nodes.platform import node
def fail(*args, **options):
    raise RuntimeError('a defect')
node.open_device = fail
sys.exit(node.main())
"""


class Bench:
    """A machine, its platform node, and the robot that talks to it."""

    def __init__(self, kernel, folder):
        self.kernel = kernel
        self.folder = folder
        self.original = kernel.snapshot()
        self.node = None
        self.robot = None

    def start(self, *arguments, **options):
        """Start the node; return a robot that is connected to it."""
        namespace = f'/test_{uuid.uuid4().hex[:8]}'
        self.folder.mkdir(exist_ok=True)
        self.node = start(
            self.folder,
            f'sysfs_root:={self.kernel.root}',
            f'state_file:={self.folder / "clocks.json"}',
            *arguments,
            namespace=namespace,
            **options,
        )
        self.robot = Robot(namespace)
        self.robot.wait_for(lambda: self.robot.state)
        return self.robot

    def set_frequency(self, sequence=1):
        """Command a frequency; return the state that acknowledges it."""
        state = self.robot.command(sequence, gpu=GPU_HZ)
        assert state.command_applied, state.command_result
        assert self.kernel.snapshot() != self.original
        return state

    def end(self, number):
        """Send a signal to the node; return its output."""
        self.node.send_signal(number)
        output, _ = self.node.communicate(timeout=TIMEOUT_S)
        return output

    def close(self):
        if self.robot is not None:
            self.robot.close()
        if self.node is not None and self.node.poll() is None:
            self.node.kill()
            self.node.communicate()


@pytest.fixture
def bench(tmp_path):
    benches = []

    def make(board):
        benches.append(Bench(BOARDS[board](tmp_path / 'root'), tmp_path / 'node'))
        return benches[-1]

    yield make
    for each in benches:
        each.close()


@pytest.fixture
def nx(bench):
    """A Xavier NX."""
    return bench('xavier_nx_jetpack5')


def change_state(robot, transition):
    client = robot.node.create_client(ChangeState, 'platform/change_state')
    robot.wait_for(client.service_is_ready)
    request = ChangeState.Request(transition=Transition(id=transition))
    future = client.call_async(request)
    robot.wait_for(future.done)
    return future.result().success


def test_it_reports_the_state_of_the_machine(bench):
    robot = bench('orin_nano').start('platform:=jetson_orin_nano')
    state = robot.state
    assert not state.simulated
    assert {'gpu', 'cpu'} <= {domain.name for domain in state.domains}
    robot.wait_for(lambda: robot.state.power_source == 'measured_rail')
    assert robot.state.power_w > 0
    assert robot.domain('gpu').settable
    assert not robot.domain('15340000.vic').settable  # not whitelisted


def test_without_frequency_domains_and_sensors_it_simulates(bench):
    machine = bench('container')
    assert machine.start().state.simulated
    output = machine.end(signal.SIGINT)
    assert (
        'jetson_xavier_nx, simulated: this machine has no frequency domains and no sensors'
        in output
    )


def test_a_machine_that_matches_its_description_has_its_name(bench):
    assert bench('xavier_nx_jetpack4').start().state.platform == 'jetson_xavier_nx'


def test_a_machine_that_does_not_match_its_description_has_its_own_name(bench):
    machine = bench('raspberry_pi_5')
    assert 'Raspberry Pi 5' in machine.start().state.platform
    output = machine.end(signal.SIGINT)
    assert 'does not match this machine: jetson_xavier_nx has cpu up to 1907.2 MHz' in output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_frequencies(nx, number):
    nx.start()
    nx.set_frequency()
    output = nx.end(number)
    assert nx.kernel.snapshot() == nx.original
    assert nx.node.returncode == 0, output
    assert 'the node ends: restored: ' in output
    assert 'Traceback' not in output
    assert 'Failed' not in output


def test_an_exception_that_ends_the_node_restores_the_frequencies(nx):
    robot = nx.start(run=('-c', FAILING_NODE.replace('ERROR', 'SystemExit')))
    robot.publish_command(1, gpu=GPU_HZ)
    output, _ = nx.node.communicate(timeout=TIMEOUT_S)
    assert 'the node ends: restored: ' in output
    assert nx.kernel.snapshot() == nx.original


def test_an_exception_in_a_callback_does_not_end_the_node(nx):
    robot = nx.start(
        'manager_timeout_s:=1.0', run=('-c', FAILING_NODE.replace('ERROR', 'KeyError'))
    )
    assert robot.command(1, gpu=GPU_HZ).command_applied
    robot.wait_for(lambda: robot.status and "KeyError: 'a defect'" in robot.status.message)
    robot.wait_for(lambda: nx.kernel.snapshot() == nx.original)
    assert robot.command(2, gpu=GPU_HZ).command_applied


def test_a_node_that_cannot_be_configured_exits(nx):
    nx.folder.mkdir()
    node = start(nx.folder, run=('-c', UNCONFIGURED_NODE))
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 1
    assert 'platform_node: RuntimeError: a defect' in output


@pytest.mark.parametrize('content', [b'', b'\xff\xfe', b'[]'])
def test_a_damaged_state_file_is_reported_and_the_node_publishes(nx, content):
    nx.folder.mkdir()
    file = nx.folder / 'clocks.json'
    file.write_bytes(content)
    robot = nx.start()
    robot.wait_for(lambda: robot.status and robot.status.level == ERROR)
    assert 'expected saved frequency settings' in robot.status.message
    assert not robot.domain('gpu').settable
    file.unlink()
    robot.wait_for(lambda: robot.domain('gpu').settable)
    nx.set_frequency()


def test_after_a_kill_the_next_start_restores_the_frequencies(nx):
    nx.start()
    nx.set_frequency()
    nx.end(signal.SIGKILL)
    assert nx.kernel.snapshot() != nx.original
    nx.robot.close()
    nx.start()
    assert nx.kernel.snapshot() == nx.original
    assert 'restored the frequency setting left behind by a crashed process' in nx.end(
        signal.SIGINT
    )


def test_without_a_manager_the_frequencies_are_restored(nx):
    robot = nx.start('manager_timeout_s:=0.5')
    nx.set_frequency()
    robot.wait_for(lambda: 'no message from the resource manager' in robot.state.command_result)
    assert nx.kernel.snapshot() == nx.original
    nx.set_frequency(sequence=2)  # it returns


def manager(robot):
    """Return a manager in the process of the robot; it has commanded nothing."""
    node = rclpy.create_node(f'manager_{uuid.uuid4().hex[:8]}', context=robot.context)
    states = node.create_publisher(
        messages.ManagerState, 'manager_state', qos_profile('manager_state')
    )
    return node.create_timer(0.1, lambda: states.publish(messages.ManagerState())), node


def test_another_manager_does_not_count(nx):
    robot = nx.start('manager_timeout_s:=1.0')
    nx.set_frequency()
    _, node = manager(robot)
    robot.executor.add_node(node)
    robot.wait_for(lambda: 'no message from the resource manager' in robot.state.command_result)
    assert nx.kernel.snapshot() == nx.original


def test_a_command_without_domains_restores_the_frequencies(nx):
    robot = nx.start()
    nx.set_frequency()
    state = robot.command(2)
    assert state.command_applied
    assert 'frequencies restored' in state.command_result
    assert nx.kernel.snapshot() == nx.original
    assert robot.command(3).command_applied  # idempotent


def test_a_release_after_a_refused_command_is_acknowledged(nx):
    robot = nx.start()
    assert not robot.command(1, gpu=1.0).command_applied
    assert robot.command(2).command_applied


def refuse(file):
    """Let the writes of a file fail, and its reads not: return what undoes that."""
    content = file.read_text()
    saved = file.with_name(f'{file.name}_saved')
    file.rename(saved)
    file.symlink_to('/proc/version')  # of the kernel; cannot be written, not even by root
    return lambda: (file.unlink(), saved.rename(file), file.write_text(content))


@pytest.mark.parametrize('why', ['silence', 'command'])
def test_what_cannot_be_restored_is_tried_every_second_until_it_is(nx, why):
    robot = nx.start('manager_timeout_s:=1.0' if why == 'silence' else 'manager_timeout_s:=0.0')
    nx.set_frequency()
    accept = refuse(nx.kernel.path(f'{DEVFREQ}/17000000.gv11b/max_freq'))
    if why == 'command':
        robot.publish_command(2)
    robot.wait_for(lambda: 'frequencies NOT restored' in robot.state.command_result)
    assert not robot.state.command_applied
    robot.wait_for(lambda: robot.status and robot.status.level == ERROR)
    assert 'NOT restored' in robot.status.message
    assert nx.kernel.snapshot() != nx.original
    accept()
    robot.wait_for(lambda: robot.state.command_applied)
    assert 'frequencies restored' in robot.state.command_result
    assert nx.kernel.snapshot() == nx.original
    robot.wait_for(lambda: robot.status.level != ERROR)


def test_settings_left_behind_are_restored_as_soon_as_possible(nx):
    nx.start()
    nx.set_frequency()
    nx.end(signal.SIGKILL)
    nx.robot.close()
    accept = refuse(nx.kernel.path(f'{DEVFREQ}/17000000.gv11b/max_freq'))
    robot = nx.start()
    robot.wait_for(lambda: robot.status and robot.status.level == ERROR)
    accept()
    robot.wait_for(lambda: 'frequencies restored' in robot.state.command_result)
    assert nx.kernel.snapshot() == nx.original


def test_two_platform_nodes_are_an_error_of_both(nx):
    first = nx.start()
    other = start(
        nx.folder,
        f'sysfs_root:={nx.kernel.root}',
        f'state_file:={nx.folder / "other.json"}',
        namespace=first.namespace,
    )
    statuses = {}

    def on_diagnostics(message):
        for status in message.status:
            if 'another platform node publishes platform_state' in status.message:
                assert status.level == ERROR
                statuses[message.header.stamp.sec, message.header.stamp.nanosec] = status

    try:
        first.node.create_subscription(
            DiagnosticArray, '/diagnostics', on_diagnostics, qos_profile('/diagnostics')
        )
        senders = set()

        def both():
            for status in statuses.values():
                values = {each.key: each.value for each in status.values}
                senders.add('another process' in values['gpu settable'])
            return senders == {True, False}

        first.wait_for(both)
        # Only one of them sets frequencies, although each has a state file of its own.
        first.publish_command(1, gpu=GPU_HZ)
        first.wait_for(lambda: nx.kernel.snapshot() != nx.original)
        state_files = [nx.folder / name for name in ('clocks.json', 'other.json')]
        assert [each.exists() for each in state_files].count(True) == 1
    finally:
        other.terminate()
        other.communicate(timeout=TIMEOUT_S)
    first.wait_for(lambda: first.status.level != ERROR)


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'sequence': 2**64 - 1}, 'sequence is 18446744073709551615'),
        ({'reason': 'x' * 100_000}, "reason is 'xxx"),
        ({'domains': [messages.DomainFrequency(domain='y' * 10_000)]}, "domain is 'yyy"),
        (
            {'domains': [messages.DomainFrequency(domain='gpu')] * 1000},
            'domains is 1000; expected at most 64 entries',
        ),
    ],
)
def test_an_implausible_command_is_counted_and_changes_nothing(nx, change, named):
    robot = nx.start()
    nx.set_frequency()
    before = nx.kernel.snapshot()
    robot.commands.publish(messages.DvfsCommand(**{'sequence': 2, **change}))
    robot.wait_for(lambda: robot.status and named in robot.status.message)
    assert robot.state.command_sequence == 1
    assert nx.kernel.snapshot() == before


def test_with_a_manager_the_frequencies_stay(nx):
    robot = nx.start('manager_timeout_s:=1.0')
    states = robot.node.create_publisher(
        messages.ManagerState, 'manager_state', qos_profile('manager_state')
    )
    nx.set_frequency()
    remaining = iter(range(25))

    def published():
        states.publish(messages.ManagerState())
        robot.executor.spin_once(timeout_sec=0.1)
        return next(remaining) == 24

    robot.wait_for(published)
    assert robot.state.command_applied
    assert nx.kernel.snapshot() != nx.original


def test_deactivation_restores_the_frequencies_and_refuses_commands(nx):
    robot = nx.start()
    nx.set_frequency()
    assert change_state(robot, Transition.TRANSITION_DEACTIVATE)
    assert nx.kernel.snapshot() == nx.original
    state = robot.command(2, gpu=GPU_HZ)
    assert not state.command_applied
    assert state.command_result == 'this node is not active'
    assert not robot.domain('gpu').settable
    assert change_state(robot, Transition.TRANSITION_ACTIVATE)
    nx.set_frequency(sequence=3)


def test_after_cleanup_it_can_be_configured_again(nx):
    robot = nx.start()
    nx.set_frequency()
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        assert change_state(robot, transition)
    # One subscription for each durability.
    robot.wait_for(lambda: robot.commands.get_subscription_count() == 2)
    nx.set_frequency(sequence=2)


def test_frequencies_off_the_whitelist_are_refused(nx):
    robot = nx.start("whitelist:=['gpu:200e6-900e6']")
    refused = robot.command(1, cpu=1190400000.0)
    assert 'expected gpu' in refused.command_result
    refused = robot.command(2, gpu=1109250000.0)
    assert 'gpu.frequency_hz is 1109250000.0' in refused.command_result
    assert robot.domain('gpu').available_frequencies_hz[-1] == 803250000.0
    nx.set_frequency(sequence=3)


def test_it_publishes_the_measured_energy_of_frames(nx):
    robot = nx.start()
    energies = []
    robot.node.create_subscription(
        messages.FrameEnergy, 'frame_energy', energies.append, qos_profile('frame_energy')
    )
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    sequence = iter(range(1, 1000))

    def measured():
        """Report a frame twice a second, with idle time in between."""
        report = messages.FrameReport(
            app='camera', sequence=next(sequence), processor='gpu', inference_s=0.02, threads=1
        )
        robot.reports.publish(report)
        for _ in range(10):
            robot.executor.spin_once(timeout_sec=0.05)
        return any(each.energy_source == 'measured_rail' for each in energies)

    robot.wait_for(measured)
    energy = next(each for each in energies if each.energy_source == 'measured_rail')
    assert energy.app == 'camera'
    assert energy.idle_power_w == pytest.approx(5.12)  # the constant power of the rail
    assert energy.energy_j == pytest.approx(0.0, abs=1e-6)


def test_a_command_that_comes_too_soon_is_executed_later(nx):
    robot = nx.start('min_interval_s:=1.0')
    nx.set_frequency()
    state = robot.command(2, gpu=204000000.0)
    assert state.command_applied, state.command_result
    assert nx.kernel.read(f'{DEVFREQ}/17000000.gv11b/max_freq') == '204000000'


def test_of_two_commands_that_come_too_soon_the_newer_is_executed(nx):
    robot = nx.start('min_interval_s:=3.0')
    nx.set_frequency()
    nx.robot.publish_command(2, gpu=204000000.0)
    nx.robot.publish_command(3, gpu=803250000.0)
    seen = set()

    def executed():
        seen.add(robot.state.command_sequence)
        return 3 in seen

    robot.wait_for(executed)
    assert seen == {1, 3}
    assert robot.state.command_applied


def test_the_battery_is_published_until_another_node_does(bench):
    machine = bench('intel_laptop')
    robot = machine.start()
    robot.wait_for(lambda: robot.battery)
    assert robot.battery.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
    assert 0.0 < robot.battery.percentage <= 1.0
    robot.node.create_publisher(BatteryState, 'battery', qos_profile('battery'))
    quiet = 0

    def silent():
        nonlocal quiet
        robot.battery = None
        for _ in range(8):
            robot.executor.spin_once(timeout_sec=0.1)
        quiet = quiet + 1 if robot.battery is None else 0
        return quiet >= 2

    robot.wait_for(silent)


def test_unwritable_files_are_named_in_diagnostics(nx):
    for name in nx.kernel.names(DEVFREQ):
        (nx.kernel.path(f'{DEVFREQ}/{name}/min_freq')).unlink()
    for name in nx.kernel.names(CPU):
        (nx.kernel.path(f'{CPU}/{name}/scaling_min_freq')).unlink()
    robot = nx.start()
    robot.wait_for(lambda: robot.status)
    robot.wait_for(lambda: robot.status.message.startswith('read only'))
    texts = {value.key: value.value for value in robot.status.values}
    assert 'scaling_min_freq does not exist' in texts['cpu settable']


def test_co_runners_are_not_simulated_on_a_real_machine(nx):
    robot = nx.start()
    result = robot.set_parameter('co_runner_utilisation.gpu', 0.5)
    assert not result.successful
    assert 'applies to a simulated platform' in result.reason


def test_an_invalid_whitelist_is_refused_at_startup(nx):
    nx.folder.mkdir()
    node = start(nx.folder, f'sysfs_root:={nx.kernel.root}', "whitelist:=['npu']")
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 1
    assert "whitelist is 'npu'; expected one of " in output
    assert 'Traceback' not in output
