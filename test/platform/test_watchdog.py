"""Clocks that were turned do not stay so without a manager."""

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.watchdog import Watchdog


def test_it_barks_when_the_manager_is_silent(clock):
    dog = Watchdog(5.0, clock=clock)
    dog.turn()
    turned_s = clock.now_s
    clock.now_s = turned_s + 4.9
    assert not dog.barks
    clock.now_s = turned_s + 5.0
    assert dog.barks


def test_it_does_not_bark_while_the_manager_is_heard(clock):
    dog = Watchdog(5.0, clock=clock)
    dog.turn()
    for _ in range(3):
        clock.now_s += 4.0
        dog.hear()
    clock.now_s += 4.0
    assert not dog.barks


def test_it_does_not_bark_while_no_clock_is_turned(clock):
    dog = Watchdog(5.0, clock=clock)
    dog.hear()
    clock.now_s += 100.0
    assert not dog.barks


def test_it_barks_once_until_clocks_are_turned_again(clock):
    dog = Watchdog(5.0, clock=clock)
    dog.turn()
    clock.now_s += 6.0
    dog.restored()
    assert not dog.barks
    dog.turn()
    clock.now_s += 6.0
    assert dog.barks


def test_without_a_timeout_it_never_barks(clock):
    dog = Watchdog(0.0, clock=clock)
    dog.turn()
    clock.now_s += 1e6
    assert not dog.barks


def test_a_negative_timeout_is_refused(clock):
    with pytest.raises(PlatformError, match=r'timeout_s is -1.0'):
        Watchdog(-1.0, clock=clock)
