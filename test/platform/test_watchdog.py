"""Clocks that were turned do not stay so without a manager."""

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.watchdog import Watchdog


class Time:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time():
    return Time()


def test_it_barks_when_the_manager_is_silent(time):
    dog = Watchdog(5.0, clock=time)
    dog.turn()
    time.now_s = 4.9
    assert not dog.barks
    time.now_s = 5.0
    assert dog.barks


def test_it_does_not_bark_while_the_manager_is_heard(time):
    dog = Watchdog(5.0, clock=time)
    dog.turn()
    for time.now_s in (4.0, 8.0, 12.0):
        dog.hear()
    time.now_s = 16.0
    assert not dog.barks


def test_it_does_not_bark_while_no_clock_is_turned(time):
    dog = Watchdog(5.0, clock=time)
    dog.hear()
    time.now_s = 100.0
    assert not dog.barks


def test_it_barks_once_until_clocks_are_turned_again(time):
    dog = Watchdog(5.0, clock=time)
    dog.turn()
    time.now_s = 6.0
    dog.put_back()
    assert not dog.barks
    dog.turn()
    time.now_s = 12.0
    assert dog.barks


def test_without_a_timeout_it_never_barks(time):
    dog = Watchdog(0.0, clock=time)
    dog.turn()
    time.now_s = 1e6
    assert not dog.barks


def test_a_negative_timeout_is_refused(time):
    with pytest.raises(PlatformError, match=r'timeout_s: -1.0 refused'):
        Watchdog(-1.0, clock=time)
