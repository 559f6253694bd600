# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Changed frequencies do not stay in force without a manager."""

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.watchdog import Watchdog


def test_it_expires_when_the_manager_is_silent(clock):
    watchdog = Watchdog(5.0, clock=clock)
    watchdog.arm()
    armed_s = clock.now_s
    clock.now_s = armed_s + 4.9
    assert not watchdog.expired
    clock.now_s = armed_s + 5.0
    assert watchdog.expired


def test_it_does_not_expire_while_it_is_fed(clock):
    watchdog = Watchdog(5.0, clock=clock)
    watchdog.arm()
    for _ in range(3):
        clock.now_s += 4.0
        watchdog.feed()
    clock.now_s += 4.0
    assert not watchdog.expired


def test_it_does_not_expire_unless_it_is_armed(clock):
    watchdog = Watchdog(5.0, clock=clock)
    watchdog.feed()
    clock.now_s += 100.0
    assert not watchdog.expired


def test_once_disarmed_it_expires_only_after_it_is_armed_again(clock):
    watchdog = Watchdog(5.0, clock=clock)
    watchdog.arm()
    clock.now_s += 6.0
    watchdog.disarm()
    assert not watchdog.expired
    watchdog.arm()
    clock.now_s += 6.0
    assert watchdog.expired


def test_without_a_timeout_it_never_expires(clock):
    watchdog = Watchdog(0.0, clock=clock)
    watchdog.arm()
    clock.now_s += 1e6
    assert not watchdog.expired


def test_a_negative_timeout_is_refused(clock):
    with pytest.raises(PlatformError, match=r'timeout_s is -1.0'):
        Watchdog(-1.0, clock=clock)
