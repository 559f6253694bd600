# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The simulated machine agrees with the simulated device of the platform node."""

import pytest

from dynofa_ros.platform import DomainSetting, SimulatedDevice
from dynofa_ros.platform.simulated.device import MAX_STEP_S
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import SimulatedMachine


class MachineAndDevice:
    """A machine and a device of the same platform that receive the same commands."""

    def __init__(self, platform):
        self.queue = EventQueue()
        self.machine = SimulatedMachine(platform, self.queue, governors={}, battery_initial=1.0)
        self.device = SimulatedDevice(platform, clock=lambda: self.queue.now_s)

    def set_co_runner(self, utilisation):
        self.machine.set_co_runner('gpu', utilisation)
        self.device.set_co_runner('gpu', utilisation)

    def set_frequency(self, frequency_hz):
        self.machine.set_frequency('gpu', frequency_hz)
        assert self.device.apply([DomainSetting('gpu', frequency_hz)]).applied

    def run_until(self, end_s):
        """Advance both; the device updates its temperatures as often as the machine."""
        while self.queue.now_s < end_s - 1e-9:
            self.queue.run_until(min(self.queue.now_s + MAX_STEP_S, end_s))
            self.device.advance()
        self.machine.sync()

    def assert_equal_at(self, *times_s):
        for time_s in times_s:
            self.run_until(time_s)
            state = self.device.state()
            assert self.machine.energy_j == pytest.approx(state.energy_j)
            assert self.machine.frequency_hz('gpu') == state.domains['gpu'].frequency_hz
            assert self.machine.battery == pytest.approx(state.battery.percentage)


@pytest.fixture
def both(board):
    return MachineAndDevice(board)


def test_they_agree_under_a_varying_load(both):
    for end_s, utilisation in ((3.0, 0.5), (5.0, 1.0), (8.0, 0.0)):
        both.set_co_runner(utilisation)
        both.assert_equal_at(end_s)


def test_they_agree_during_and_after_a_frequency_change(both):
    both.set_co_runner(1.0)
    both.set_frequency(1e8)
    both.assert_equal_at(0.4, 0.55, 0.7, 2.0)
    both.set_frequency(2e8)
    both.run_until(2.3)
    both.set_frequency(4e8)
    both.assert_equal_at(2.75, 4.0)


def test_a_request_for_the_present_frequency_cancels_a_pending_change(both):
    both.set_frequency(1e8)
    both.run_until(0.3)
    both.set_frequency(4e8)
    both.assert_equal_at(2.0)
    assert both.machine.clock_changes['gpu'] == 0


def test_they_agree_while_throttled(hot_board):
    both = MachineAndDevice(hot_board)
    both.set_co_runner(1.0)
    throttled = set()
    for step in range(1, 41):
        both.run_until(0.5 * step)
        throttled.add(both.device.state().domains['gpu'].throttled)
        # Every 0.1 s the machine uses the mean power since the last step and the device the present
        # one: they may differ by a step.
        energy_j = both.device.state().energy_j
        assert both.machine.energy_j == pytest.approx(energy_j, abs=4.0 * MAX_STEP_S * step)
    assert throttled == {True, False}
    assert both.machine.hottest_c['GPU-therm'] == pytest.approx(60.0, abs=3.0)
