"""The platform node of a real machine, whose files lie in a folder: clocks, sensors, and their end.

Each node is a process of its own, over DDS. The folder takes every value, as a kernel that refuses
nothing; what kernels refuse is in test/platform/linux.
"""

from __future__ import annotations

import math
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from boards import BOARDS, CPU, DEVFREQ
from fake_kernel import FakeKernel
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from platform_robot import TIMEOUT_S, Robot, messages, start
from sensor_msgs.msg import BatteryState

from dynofa_ros.nodes.qos import qos_profile

GPU_HZ = 510000000.0
# A node that fails by itself as soon as it has turned a clock.
FAILS = """
import sys
from dynofa_ros.nodes.platform.node import main
from dynofa_ros.nodes.platform.worker import PlatformWork
obey = PlatformWork._on_command
def fail(self, command):
    obey(self, command)
    raise RuntimeError('a defect')
PlatformWork._on_command = fail
sys.exit(main())
"""


class Bench:
    """A machine, its node and the robot beside it."""

    def __init__(self, kernel: FakeKernel, folder: Path) -> None:
        self.kernel = kernel
        self.folder = folder
        self.found = kernel.snapshot()
        self.node: subprocess.Popen[str] | None = None
        self.robot: Robot | None = None

    def start(self, *arguments: str, **options: Any) -> Robot:
        """Start the node; return a robot that heard of it."""
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

    def turn(self, sequence: int = 1) -> Any:
        """Command a clock; return the state that acknowledges it."""
        state = self.robot.command(sequence, gpu=GPU_HZ)
        assert state.command_applied, state.command_result
        assert self.kernel.snapshot() != self.found
        return state

    def end(self, number: int) -> str:
        """End the node; return what it printed."""
        self.node.send_signal(number)
        output, _ = self.node.communicate(timeout=TIMEOUT_S)
        return output

    def close(self) -> None:
        if self.robot is not None:
            self.robot.close()
        if self.node is not None and self.node.poll() is None:
            self.node.kill()
            self.node.communicate()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[[str], Bench]]:
    benches: list[Bench] = []

    def make(board: str) -> Bench:
        benches.append(Bench(BOARDS[board](tmp_path / 'root'), tmp_path / 'node'))
        return benches[-1]

    yield make
    for each in benches:
        each.close()


def change_state(robot: Robot, transition: int) -> bool:
    client = robot.node.create_client(ChangeState, 'platform/change_state')
    robot.wait_for(client.service_is_ready)
    request = ChangeState.Request(transition=Transition(id=transition))
    future = client.call_async(request)
    robot.wait_for(future.done)
    return future.result().success


def test_it_says_that_it_is_the_machine_itself(bench: Callable[[str], Bench]) -> None:
    robot = bench('orin_nano').start('platform:=jetson_orin_nano')
    state = robot.state
    assert not state.simulated
    assert {'gpu', 'cpu'} <= {domain.name for domain in state.domains}
    robot.wait_for(lambda: robot.state.power_source == 'measured_rail')
    assert robot.state.power_w > 0
    assert robot.domain('gpu').settable
    assert not robot.domain('15340000.vic').settable  # not whitelisted


def test_without_clocks_and_sensors_it_simulates_and_says_so(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('container')
    assert made.start().state.simulated
    output = made.end(signal.SIGINT)
    assert 'jetson_xavier_nx, simulated: this machine has no clocks and no sensors' in output


def test_a_machine_that_is_the_one_described_has_that_name(
    bench: Callable[[str], Bench],
) -> None:
    assert bench('xavier_nx_jetpack4').start().state.platform == 'jetson_xavier_nx'


def test_a_machine_that_is_not_the_one_described_has_its_own_name(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('raspberry_pi_5')
    assert 'Raspberry Pi 5' in made.start().state.platform
    output = made.end(signal.SIGINT)
    assert 'not the platform described: jetson_xavier_nx has cpu up to 1907.2 MHz' in output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_the_clocks_back(bench: Callable[[str], Bench], number: int) -> None:
    made = bench('xavier_nx_jetpack5')
    made.start()
    made.turn()
    output = made.end(number)
    assert made.kernel.snapshot() == made.found
    assert made.node.returncode == 0, output
    assert 'the node ends: put back: ' in output
    assert 'Traceback' not in output
    assert 'Failed' not in output


def test_an_exception_puts_the_clocks_back(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start(run=('-c', FAILS))
    assert robot.command(1, gpu=GPU_HZ).command_applied
    output, _ = made.node.communicate(timeout=TIMEOUT_S)
    assert 'RuntimeError: a defect' in output
    assert made.kernel.snapshot() == made.found


def test_after_a_kill_the_next_start_puts_them_back(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    made.start()
    made.turn()
    made.end(signal.SIGKILL)
    assert made.kernel.snapshot() != made.found
    made.robot.close()
    made.start()
    assert made.kernel.snapshot() == made.found
    assert 'left turned by a process that died, put back' in made.end(signal.SIGINT)


def test_without_a_manager_the_clocks_go_back(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start('manager_timeout_s:=0.5')
    made.turn()
    robot.wait_for(lambda: 'nothing heard of the resource manager' in robot.state.command_result)
    assert made.kernel.snapshot() == made.found
    made.turn(sequence=2)  # it comes back


def test_a_manager_that_is_heard_keeps_the_clocks(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start('manager_timeout_s:=1.0')
    states = robot.node.create_publisher(
        messages.ManagerState, 'manager_state', qos_profile('manager_state')
    )
    made.turn()
    heard = iter(range(25))

    def told() -> bool:
        states.publish(messages.ManagerState())
        robot.executor.spin_once(timeout_sec=0.1)
        return next(heard) == 24

    robot.wait_for(told)
    assert robot.state.command_applied
    assert made.kernel.snapshot() != made.found


def test_deactivated_it_puts_the_clocks_back_and_obeys_nobody(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start()
    made.turn()
    assert change_state(robot, Transition.TRANSITION_DEACTIVATE)
    assert made.kernel.snapshot() == made.found
    state = robot.command(2, gpu=GPU_HZ)
    assert not state.command_applied
    assert state.command_result == 'this node is not active'
    assert not robot.domain('gpu').settable
    assert change_state(robot, Transition.TRANSITION_ACTIVATE)
    made.turn(sequence=3)


def test_cleaned_up_it_can_be_configured_again(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start()
    made.turn()
    for transition in (
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
    ):
        assert change_state(robot, transition)
    robot.wait_for(lambda: robot.commands.get_subscription_count() == 1)
    made.turn(sequence=2)


def test_what_is_not_whitelisted_is_refused(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start("whitelist:=['gpu:200e6-900e6']")
    refused = robot.command(1, cpu=1190400000.0)
    assert 'expected gpu' in refused.command_result
    refused = robot.command(2, gpu=1109250000.0)
    assert 'gpu.frequency_hz is 1109250000.0' in refused.command_result
    assert robot.domain('gpu').available_frequencies_hz[-1] == 803250000.0
    made.turn(sequence=3)


def test_it_says_what_a_frame_took_by_its_sensors(bench: Callable[[str], Bench]) -> None:
    robot = bench('xavier_nx_jetpack5').start()
    said: list[Any] = []
    robot.node.create_subscription(
        messages.FrameEnergy, 'frame_energy', said.append, qos_profile('frame_energy')
    )
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    sequence = iter(range(1, 1000))

    def measured() -> bool:
        """Report a frame twice a second: between them it is seen to be idle."""
        report = messages.FrameReport(
            app='camera', sequence=next(sequence), processor='gpu', inference_s=0.02, threads=1
        )
        robot.reports.publish(report)
        for _ in range(10):
            robot.executor.spin_once(timeout_sec=0.05)
        return any(each.energy_source == 'measured_rail' for each in said)

    robot.wait_for(measured)
    energy = next(each for each in said if each.energy_source == 'measured_rail')
    assert energy.app == 'camera'
    assert energy.idle_power_w == pytest.approx(5.12)  # which the rail has shown all the time
    assert energy.energy_j == pytest.approx(0.0, abs=1e-6)


def test_a_command_that_comes_too_soon_is_obeyed_when_it_may_be(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start('min_interval_s:=1.0')
    made.turn()
    state = robot.command(2, gpu=204000000.0)
    assert state.command_applied, state.command_result
    assert made.kernel.read(f'{DEVFREQ}/17000000.gv11b/max_freq') == '204000000'


def test_of_two_commands_that_come_too_soon_the_newer_is_obeyed(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('xavier_nx_jetpack5')
    robot = made.start('min_interval_s:=3.0')
    made.turn()
    for sequence, frequency_hz in ((2, 204000000.0), (3, 803250000.0)):
        domain = messages.DomainFrequency(
            domain='gpu',
            frequency_hz=frequency_hz,
            min_frequency_hz=math.nan,
            max_frequency_hz=math.nan,
        )
        robot.commands.publish(messages.DvfsCommand(sequence=sequence, domains=[domain]))
    seen: set[int] = set()

    def obeyed() -> bool:
        seen.add(robot.state.command_sequence)
        return 3 in seen

    robot.wait_for(obeyed)
    assert seen == {1, 3}
    assert robot.state.command_applied


def test_the_battery_is_published_until_somebody_else_does(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('intel_laptop')
    robot = made.start()
    robot.wait_for(lambda: robot.battery)
    assert robot.battery.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
    assert 0.0 < robot.battery.percentage <= 1.0
    robot.node.create_publisher(BatteryState, 'battery', qos_profile('battery'))
    quiet = 0

    def silent() -> bool:
        nonlocal quiet
        robot.battery = None
        for _ in range(8):
            robot.executor.spin_once(timeout_sec=0.1)
        quiet = quiet + 1 if robot.battery is None else 0
        return quiet >= 2

    robot.wait_for(silent)


def test_a_file_that_may_not_be_written_is_named_in_diagnostics(
    bench: Callable[[str], Bench],
) -> None:
    made = bench('xavier_nx_jetpack5')
    for name in made.kernel.names(DEVFREQ):
        (made.kernel.path(f'{DEVFREQ}/{name}/min_freq')).unlink()
    for name in made.kernel.names(CPU):
        (made.kernel.path(f'{CPU}/{name}/scaling_min_freq')).unlink()
    robot = made.start()
    robot.wait_for(lambda: robot.status)
    robot.wait_for(lambda: robot.status.message.startswith('read only'))
    texts = {value.key: value.value for value in robot.status.values}
    assert 'scaling_min_freq is not there' in texts['cpu can be turned']


def test_other_programs_are_not_simulated_on_a_real_machine(
    bench: Callable[[str], Bench],
) -> None:
    robot = bench('xavier_nx_jetpack5').start()
    result = robot.set_parameter('co_runner_utilisation.gpu', 0.5)
    assert not result.successful
    assert 'is of a simulated platform' in result.reason


def test_a_bad_whitelist_is_refused_at_the_start(bench: Callable[[str], Bench]) -> None:
    made = bench('xavier_nx_jetpack5')
    made.folder.mkdir()
    node = start(made.folder, f'sysfs_root:={made.kernel.root}', "whitelist:=['npu']")
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 1
    assert "whitelist is 'npu'; expected one of " in output
    assert 'Traceback' not in output
