# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""At which frequency a frame may have run, while one changes."""

import math

import pytest

from dynofa_ros.runtime import DomainObservation, ManagerSettings, PlatformObservation
from dynofa_ros.runtime.actuation.clocks import ClockControl, PlatformChange

LOW, HIGH = 0.5e9, 1e9
SETTINGS = ManagerSettings()


class Board:
    """A GPU whose frequency changes some time after the command."""

    def __init__(self, *, takes_s, period_s=0.1):
        self.control = ClockControl()
        self.takes_s, self.period_s = takes_s, period_s
        self.now_s, self.frequency_hz = 0.0, LOW
        self.command = None
        self.report()

    def report(self, *, applied=True):
        if self.command is not None and self.now_s >= self.changes_s:
            self.frequency_hz = self.command.clocks_hz['gpu']
        gpu = DomainObservation('gpu', ('gpu',), self.frequency_hz, (LOW, HIGH), True)
        sequence = 0 if self.command is None else self.command.sequence
        observation = PlatformObservation('board', (gpu,), sequence, applied and sequence > 0)
        return self.control.observe(observation, now_s=self.now_s, settings=SETTINGS)

    def request(self, frequency_hz):
        """Return the command for a frequency, without obeying it."""
        return self.control.command(
            {'gpu': frequency_hz}, reason='', now_s=self.now_s, settings=SETTINGS
        )

    def set(self, frequency_hz):
        self.changes_s = self.now_s + self.takes_s
        self.command = self.request(frequency_hz)

    def domain(self, **changes):
        """Return the domain to decide on."""
        (found,) = self.control.domains(now_s=self.now_s, settings=SETTINGS, **changes)
        return found

    def run(self, duration_s):
        for _ in range(round(duration_s / self.period_s)):
            self.now_s += self.period_s
            self.report()

    def clocks_hz(self, *, after_s=0.0, inference_s=0.02):
        """Return the frequencies of a frame that ends `after_s` from now."""
        end_s = self.now_s + after_s
        return self.control.clocks_of('gpu', started_s=end_s - inference_s, now_s=end_s)


def test_without_a_change_there_is_no_doubt():
    board = Board(takes_s=0.05)
    board.run(1.0)
    assert board.clocks_hz() == (LOW,)


def changed_before(**board):
    """Return a board whose first change was observed."""
    board = Board(**board)
    for frequency_hz in (HIGH, LOW):
        board.set(frequency_hz)
        board.run(3.0)
    return board


def test_a_commanded_frequency_may_be_in_force_before_it_is_read():
    board = changed_before(takes_s=0.05)
    board.set(HIGH)
    assert board.clocks_hz(after_s=0.06, inference_s=0.05) == (LOW, HIGH)


def test_before_the_first_change_of_a_board_it_is_not_expected_early():
    board = Board(takes_s=0.05)
    board.set(HIGH)
    assert board.clocks_hz(after_s=0.06, inference_s=0.05) == (LOW,)


def test_a_frame_that_began_before_the_last_platform_state_ran_at_the_frequency_it_showed():
    board = changed_before(takes_s=0.15)
    board.set(HIGH)
    board.run(0.1)
    assert board.clocks_hz(after_s=0.01, inference_s=0.05) == (LOW,)


def test_a_board_that_is_known_to_be_slow_is_not_expected_to_have_reached_it():
    board = changed_before(takes_s=0.8)
    board.set(HIGH)
    assert board.clocks_hz(after_s=0.5) == (LOW,)
    assert board.clocks_hz(after_s=0.95) == (LOW, HIGH)


@pytest.mark.parametrize('inference_s', [0.02, 0.3])
def test_the_old_frequency_counts_for_frames_that_began_before_the_change_was_read(inference_s):
    board = Board(takes_s=0.05)
    board.set(HIGH)
    board.run(0.1)
    assert board.clocks_hz(inference_s=inference_s) == (HIGH, LOW)
    assert board.clocks_hz(after_s=0.9 * inference_s, inference_s=inference_s) == (HIGH, LOW)
    assert board.clocks_hz(after_s=1.1 * inference_s, inference_s=inference_s) == (HIGH,)


@pytest.mark.parametrize('period_s', [0.1, 0.5])
def test_the_doubt_lasts_until_the_next_platform_state(period_s):
    board = changed_before(takes_s=0.05, period_s=period_s)
    board.set(HIGH)
    assert board.clocks_hz(after_s=0.9 * period_s) == (LOW, HIGH)
    board.run(period_s)
    assert board.clocks_hz(after_s=0.03) == (HIGH,)


def test_a_lower_frequency_waits_until_the_domain_has_risen():
    board = Board(takes_s=0.8)
    board.run(10.0)
    board.set(HIGH)
    rising, middle = board.command, 0.8e9
    board.run(0.3)
    assert board.request(middle) is None
    assert board.request(HIGH) is None  # obeyed already
    board.run(0.6)
    assert board.frequency_hz == rising.clocks_hz['gpu']
    assert board.request(middle).clocks_hz == {'gpu': middle}


def test_a_higher_frequency_or_the_present_one_does_not_wait():
    board = Board(takes_s=0.8)
    board.set(0.8e9)
    board.run(0.3)
    assert board.request(HIGH) is not None
    board.run(0.3)
    assert board.request(LOW) is not None


def test_a_domain_that_does_not_rise_is_not_waited_for():
    board = Board(takes_s=60.0)
    board.set(HIGH)
    board.run(SETTINGS.acknowledge_timeout_s + 0.1)
    assert board.request(0.8e9) is not None


def test_a_command_before_the_first_platform_state_is_followed_by_any_other():
    control = ClockControl()
    for frequency_hz in (HIGH, LOW):
        command = control.command({'gpu': frequency_hz}, reason='', now_s=0.0, settings=SETTINGS)
        assert command.clocks_hz == {'gpu': frequency_hz}


def test_an_observation_says_what_has_changed():
    board = Board(takes_s=0.0)
    assert board.report() == PlatformChange(domains=False, frequencies=False)
    board.set(HIGH)
    assert board.report() == PlatformChange(domains=False, frequencies=True)
    others = PlatformObservation('board', ())
    change = board.control.observe(others, now_s=board.now_s, settings=SETTINGS)
    assert change == PlatformChange(domains=True, frequencies=False)


def test_a_domain_has_the_frequency_that_it_runs_at_and_the_one_that_was_commanded():
    board = Board(takes_s=60.0)
    before = board.domain()
    assert (before.frequency_hz, before.frequencies_hz, before.settable) == (LOW, (LOW, HIGH), True)
    assert math.isnan(before.commanded_hz)
    board.set(HIGH)
    assert (board.domain().frequency_hz, board.domain().commanded_hz) == (LOW, HIGH)


def test_no_domain_can_be_set_while_all_are_released_or_the_platform_is_silent():
    board = Board(takes_s=0.0)
    assert not board.domain(released=True).settable
    board.now_s += SETTINGS.report_timeout_s
    assert not board.domain().settable
    board.report()
    assert board.domain().settable


def test_a_domain_that_refused_is_held_for_a_while_and_its_command_forgotten():
    board = Board(takes_s=60.0)
    assert not board.control.suspend_refused(now_s=board.now_s, settings=SETTINGS)
    board.set(HIGH)
    board.now_s += SETTINGS.acknowledge_timeout_s
    board.report(applied=False)
    assert board.control.suspend_refused(now_s=board.now_s, settings=SETTINGS)
    assert not board.domain().settable
    assert math.isnan(board.domain().commanded_hz)
    assert not board.control.suspend_refused(now_s=board.now_s, settings=SETTINGS)
    board.now_s += SETTINGS.hold_s
    board.report()
    assert board.domain().settable
