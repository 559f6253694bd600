# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequencies are restored until it is true, and what is said about it is true."""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.nodes.platform.restoring import (
    ATTEMPTS_AT_THE_END,
    CRASHED,
    RETRY_S,
    Restoring,
)
from dynofa_ros.platform import CommandResult

FAILED = CommandResult(applied=False, text='NOT restored: max_freq refused')
DONE = CommandResult(applied=True, text='restored: gpu')


class Device:
    """A device that answers as it is told, and counts the attempts."""

    def __init__(self):
        self.answer, self.taken = DONE, DONE
        self.attempts = self.takes = 0

    def restore(self):
        self.attempts += 1
        return self.answer

    def take_control(self):
        self.takes += 1
        return self.taken


@pytest.fixture
def bench(clock):
    """A device, what restores it, and the log: `!` marks an error."""
    device, log = Device(), []
    restoring = Restoring(
        device, log=log.append, log_error=lambda text: log.append(f'!{text}'), clock=clock
    )
    return device, restoring, log


@pytest.fixture
def clock():
    class Clock:
        now_s = 100.0

        def __call__(self):
            return self.now_s

    return Clock()


def test_success_is_logged_and_nothing_is_pending(bench):
    _, restoring, log = bench
    assert restoring.restore('silence').text == 'silence: frequencies restored'
    assert (restoring.pending, log) == ('', ['silence: restored: gpu'])


def test_without_a_change_nothing_is_logged(bench):
    _, restoring, log = bench
    restoring.restore('deactivated', changed=False)
    assert log == []


def test_a_failure_is_tried_again_every_second(bench, clock):
    device, restoring, log = bench
    device.answer = FAILED
    result = restoring.restore('silence')
    assert not result.applied
    assert 'frequencies NOT restored, trying again every second' in result.text
    assert restoring.retry() is None
    for count in (2, 3, 4):
        clock.now_s += RETRY_S
        assert not restoring.retry().applied
        assert device.attempts == count
    device.answer = DONE
    clock.now_s += RETRY_S
    assert restoring.retry().text == 'silence: frequencies restored'
    assert restoring.pending == ''
    # The same failure is logged once.
    assert log == [f'!silence: {FAILED.text}', 'silence: restored: gpu']


def test_another_failure_is_logged(bench, clock):
    device, restoring, log = bench
    device.answer = FAILED
    restoring.restore('silence')
    device.answer = CommandResult(applied=False, text='NOT restored: min_freq refused')
    clock.now_s += RETRY_S
    restoring.retry()
    assert len(log) == 2


def test_a_new_command_ends_the_attempts(bench, clock):
    device, restoring, _ = bench
    device.answer = FAILED
    restoring.restore('silence')
    restoring.superseded()
    clock.now_s += RETRY_S
    assert restoring.retry() is None
    assert device.attempts == 1


def test_control_of_the_machine_is_tried_to_get_every_second(bench, clock):
    device, restoring, log = bench
    clock.now_s += RETRY_S
    assert restoring.retry() is None
    assert (device.takes, log) == (1, [])
    device.taken = FAILED  # of a process that died meanwhile
    clock.now_s += RETRY_S
    assert not restoring.retry().applied
    assert restoring.pending == CRASHED


def test_at_the_end_it_is_tried_a_few_times(bench):
    device, restoring, _ = bench
    device.answer = FAILED
    waits = []
    restoring.restore_at_the_end(changed=True, sleep=waits.append)
    assert (device.attempts, waits) == (ATTEMPTS_AT_THE_END, [RETRY_S] * (ATTEMPTS_AT_THE_END - 1))
    device.answer, device.attempts = DONE, 0
    restoring.restore_at_the_end(changed=True, sleep=waits.append)
    assert device.attempts == 1
