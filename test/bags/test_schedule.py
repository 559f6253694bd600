# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.bags.schedule import Schedule, mean_period_ns

SECOND = 10**9


def schedule(**changes):
    values = {'first_ns': 5 * SECOND, 'last_ns': 7 * SECOND, 'period_ns': SECOND // 2}
    return Schedule(**{**values, 'start_s': 100.0, **changes})


def test_messages_are_due_at_their_recorded_times():
    assert schedule().due_s(6 * SECOND) == pytest.approx(101.0)


@pytest.mark.parametrize(('rate', 'due_s'), [(2.0, 101.0), (0.5, 104.0)])
def test_the_rate_scales_time(rate, due_s):
    assert schedule(rate=rate).due_s(7 * SECOND) == pytest.approx(due_s)


def test_the_next_pass_starts_after_one_period():
    assert schedule().due_s(5 * SECOND, loop=1) == pytest.approx(102.5)


def test_due_times_do_not_drift_over_a_thousand_passes():
    assert schedule(rate=3.0).due_s(5 * SECOND, loop=1000) == pytest.approx(100.0 + 2500 / 3.0)


@pytest.mark.parametrize(('now_s', 'bag_time_s'), [(90.0, 5), (101.0, 7)])
def test_bag_time_runs_at_the_rate_from_the_start(now_s, bag_time_s):
    assert schedule(rate=2.0).bag_time_ns(now_s) == bag_time_s * SECOND


@given(rate=st.floats(0.01, 100), loop=st.integers(0, 50), offset_ns=st.integers(0, 2 * SECOND - 1))
def test_a_message_is_due_at_its_bag_time(rate, loop, offset_ns):
    playback = schedule(rate=rate)
    time_ns = playback.first_ns + offset_ns
    bag_time_ns = playback.bag_time_ns(playback.due_s(time_ns, loop=loop))
    # A float of about 10^4 s resolves 2 ns, multiplied by the rate.
    assert abs(bag_time_ns - time_ns - playback.shift_ns(loop)) <= 4 * max(1.0, rate)


@given(st.lists(st.floats(90.0, 1e6), min_size=2))
def test_bag_time_never_decreases(times):
    bag_times = [schedule().bag_time_ns(now_s) for now_s in sorted(times)]
    assert bag_times == sorted(bag_times)


@pytest.mark.parametrize(
    ('field', 'value', 'expected'),
    [
        *(('rate', rate, 'a finite number above 0') for rate in (0.0, -1.0, math.nan, math.inf)),
        ('last_ns', 4, 'first_ns'),
        ('period_ns', 0, 'above 0'),
    ],
)
def test_a_field_out_of_range_is_refused(field, value, expected):
    with pytest.raises(ValueError, match=f'{field} is {value}; expected {expected}'):
        schedule(**{field: value})


def test_the_mean_period_is_the_time_between_messages():
    assert mean_period_ns(first_ns=0, last_ns=2 * SECOND, message_count=5) == SECOND // 2


@pytest.mark.parametrize(('last_ns', 'message_count'), [(0, 1), (0, 9), (5, 1)])
def test_the_period_is_1_s_if_it_cannot_be_computed(last_ns, message_count):
    assert mean_period_ns(first_ns=0, last_ns=last_ns, message_count=message_count) == SECOND
