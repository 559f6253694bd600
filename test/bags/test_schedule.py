import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.bags.schedule import Schedule, mean_period_ns

SECOND = 10**9


def schedule(**changes):
    values = {'first_ns': 5 * SECOND, 'last_ns': 7 * SECOND, 'period_ns': SECOND // 2}
    return Schedule(**{**values, 'start_s': 100.0, **changes})


def test_messages_are_due_as_they_were_recorded():
    assert schedule().due_s(6 * SECOND) == pytest.approx(101.0)


@pytest.mark.parametrize(('rate', 'due_s'), [(2.0, 101.0), (0.5, 104.0)])
def test_the_rate_divides_the_time(rate, due_s):
    assert schedule(rate=rate).due_s(7 * SECOND) == pytest.approx(due_s)


def test_a_pass_follows_the_one_before_after_one_period():
    assert schedule().due_s(5 * SECOND, loop=1) == pytest.approx(102.5)


def test_the_due_times_of_the_thousandth_pass_have_not_drifted():
    assert schedule(rate=3.0).due_s(5 * SECOND, loop=1000) == pytest.approx(100.0 + 2500 / 3.0)


def test_bag_time_stands_still_before_the_start():
    assert schedule().bag_time_ns(90.0) == 5 * SECOND


def test_bag_time_runs_at_the_rate():
    assert schedule(rate=2.0).bag_time_ns(101.0) == 7 * SECOND


@given(rate=st.floats(0.01, 100), loop=st.integers(0, 50), offset_ns=st.integers(0, 2 * SECOND - 1))
def test_a_message_is_due_when_the_bag_time_is_its_own(rate, loop, offset_ns):
    it = schedule(rate=rate)
    time_ns = it.first_ns + offset_ns
    bag_time_ns = it.bag_time_ns(it.due_s(time_ns, loop=loop))
    # A float of about 10^4 s resolves 2 ns; the rate multiplies it.
    assert abs(bag_time_ns - time_ns - it.shift_ns(loop)) <= 4 * max(1.0, rate)


@given(st.lists(st.floats(90.0, 1e6), min_size=2))
def test_bag_time_never_turns_back(times):
    bag_times = [schedule().bag_time_ns(now_s) for now_s in sorted(times)]
    assert bag_times == sorted(bag_times)


@pytest.mark.parametrize('rate', [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_not_above_zero_is_refused(rate):
    with pytest.raises(ValueError, match=r'rate .* is not a finite number above 0'):
        schedule(rate=rate)


def test_an_end_before_the_beginning_is_refused():
    with pytest.raises(ValueError, match='last_ns 4 is before first_ns'):
        schedule(last_ns=4)


def test_a_loop_without_a_period_is_refused():
    with pytest.raises(ValueError, match='period_ns 0 is not above 0'):
        schedule(period_ns=0)


def test_the_mean_period_is_that_of_the_messages():
    assert mean_period_ns(first_ns=0, last_ns=2 * SECOND, message_count=5) == SECOND // 2


@pytest.mark.parametrize(('last_ns', 'message_count'), [(0, 1), (0, 9), (5, 1)])
def test_messages_that_do_not_tell_a_period_get_a_second(last_ns, message_count):
    assert mean_period_ns(first_ns=0, last_ns=last_ns, message_count=message_count) == SECOND
