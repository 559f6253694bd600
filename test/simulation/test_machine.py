"""The machine of the simulator does what the simulated device of the platform node does."""

import pytest

from dynofa_ros.platform import DomainSetting, SimulatedDevice
from dynofa_ros.platform.simulated.device import MAX_STEP_S
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import SimulatedMachine


class Both:
    """A machine and a device of the same platform, told the same."""

    def __init__(self, platform):
        self.queue = EventQueue()
        self.machine = SimulatedMachine(platform, self.queue, governors={}, battery_initial=1.0)
        self.device = SimulatedDevice(platform, clock=lambda: self.queue.now_s)

    def set_co_runner(self, utilisation):
        self.machine.set_co_runner('gpu', utilisation)
        self.device.set_co_runner('gpu', utilisation)

    def set_clock(self, frequency_hz):
        self.machine.set_clock('gpu', frequency_hz)
        assert self.device.apply([DomainSetting('gpu', frequency_hz)]).applied

    def run_until(self, end_s):
        """Let time pass; the device looks at its temperatures as often as the machine does."""
        while self.queue.now_s < end_s - 1e-9:
            self.queue.run_until(min(self.queue.now_s + MAX_STEP_S, end_s))
            self.device.advance()
        self.machine.sync()

    def assert_equal(self):
        state = self.device.state()
        assert self.machine.energy_j == pytest.approx(state.energy_j)
        assert self.machine.frequency_hz('gpu') == state.domains['gpu'].frequency_hz
        assert self.machine.battery == pytest.approx(state.battery.percentage)


def test_under_a_load_that_comes_and_goes(board):
    both = Both(board)
    for end_s, utilisation in ((3.0, 0.5), (5.0, 1.0), (8.0, 0.0)):
        both.set_co_runner(utilisation)
        both.run_until(end_s)
        both.assert_equal()


def test_while_a_clock_changes_and_after(board):
    both = Both(board)
    both.set_co_runner(1.0)
    both.set_clock(1e8)
    for end_s in (0.4, 0.55, 0.7, 2.0):
        both.run_until(end_s)
        both.assert_equal()
    both.set_clock(2e8)
    both.run_until(2.3)
    both.set_clock(4e8)
    both.run_until(2.75)
    both.assert_equal()
    both.run_until(4.0)
    both.assert_equal()


def test_a_request_for_the_present_clock_takes_back_a_change_under_way(board):
    both = Both(board)
    both.set_clock(1e8)
    both.run_until(0.3)
    both.set_clock(4e8)
    both.run_until(2.0)
    both.assert_equal()
    assert both.machine.clock_changes['gpu'] == 0


def test_under_heat(hot_board):
    both = Both(hot_board)
    both.set_co_runner(1.0)
    throttled = set()
    for step in range(1, 41):
        both.run_until(0.5 * step)
        throttled.add(both.device.state().domains['gpu'].throttled)
        # Both look every 0.1 s, the machine at the mean power since, the device at that of now:
        # a look apart.
        energy_j = both.device.state().energy_j
        assert both.machine.energy_j == pytest.approx(energy_j, abs=4.0 * MAX_STEP_S * step)
    assert throttled == {True, False}
    assert both.machine.hottest_c['GPU-therm'] == pytest.approx(60.0, abs=3.0)
