"""A cap that trembles: what is kept to falls at once and rises slowly."""

import math

import pytest

from dynofa_ros.runtime.budget.cap import RISE_AFTER_S, Cap, CapFilter


def test_it_falls_at_once():
    cap = CapFilter()
    cap.update(5.0, now_s=0.0)
    assert cap.update(4.9, now_s=0.1) == 4.9


def test_it_rises_to_the_lowest_of_the_last_seconds():
    cap = CapFilter()
    held_w = [cap.update(4.0, now_s=0.0)]
    held_w += [cap.update(6.0 if second < 5 else 8.0, now_s=second) for second in range(1, 40)]
    assert held_w[: int(RISE_AFTER_S) + 1] == [4.0] * (int(RISE_AFTER_S) + 1)
    assert sorted(set(held_w)) == [4.0, 6.0, 8.0]
    assert held_w[-1] == 8.0


def test_a_little_more_is_no_reason_to_rise():
    cap = CapFilter()
    held_w = [cap.update(4.0 + 0.004 * second, now_s=second) for second in range(45)]
    assert set(held_w) == {4.0}


def test_it_is_gone_once_there_has_been_none_for_some_seconds():
    cap = CapFilter()
    cap.update(4.0, now_s=0.0)
    assert cap.update(math.inf, now_s=1.0) == 4.0
    assert cap.update(math.inf, now_s=1.0 + RISE_AFTER_S) == math.inf


def test_another_limit_holds_at_once():
    cap = CapFilter()
    cap.update(4.0, now_s=0.0)
    cap.reset()
    assert cap.update(8.0, now_s=0.1) == 8.0


@pytest.mark.parametrize('power_w', [-1.0, math.nan, -math.inf])
def test_an_impossible_cap_is_refused(power_w):
    with pytest.raises(ValueError, match=r'power_cap_w is .*; expected a finite number from 0'):
        Cap(power_w)
