# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Caps: the filter that falls at once and rises slowly, and the cap of a mission."""

import math

import pytest

from dynofa_ros.runtime.budget.cap import RISE_AFTER_S, RISE_SHARE, Cap, CapFilter, Mission


@pytest.fixture
def cap():
    """A filter that holds 4 W since 0 s."""
    cap = CapFilter()
    assert cap.update(4.0, now_s=0.0) == 4.0
    return cap


@pytest.fixture
def mission():
    """A mission from 0 to 100 s."""
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    return mission


def test_it_falls_at_once(cap):
    assert cap.update(3.9, now_s=0.1) == 3.9


def test_it_rises_to_the_minimum_of_the_last_seconds(cap):
    held_w = [cap.update(6.0 if second < 5 else 8.0, now_s=second) for second in range(1, 40)]
    assert held_w[: int(RISE_AFTER_S)] == [4.0] * int(RISE_AFTER_S)
    assert sorted(set(held_w)) == [4.0, 6.0, 8.0]
    assert held_w[-1] == 8.0


def test_it_does_not_rise_by_a_little(cap):
    held_w = [cap.update(4.0 + 0.004 * second, now_s=second) for second in range(45)]
    assert set(held_w) == {4.0}


def test_it_ends_after_some_seconds_without_a_cap(cap):
    assert cap.update(math.inf, now_s=1.0) == 4.0
    assert cap.update(math.inf, now_s=1.0 + RISE_AFTER_S) == math.inf


def test_it_names_what_set_the_cap_that_applies(cap):
    cap.update(3.0, now_s=1.0, name='heat')
    names = []
    for second in range(2, 30):
        cap.update(8.0, now_s=second, name='mission')
        names.append(cap.name)
    assert names[: int(RISE_AFTER_S)] == ['heat'] * int(RISE_AFTER_S)
    assert names[-1] == 'mission'


def test_of_equal_caps_the_newest_gives_the_name(cap):
    cap.update(4.0, now_s=1.0, name='mission')
    assert cap.name == 'mission'


def test_after_a_reset_a_higher_cap_applies_at_once(cap):
    cap.reset()
    assert cap.update(8.0, now_s=0.1) == 8.0


@pytest.mark.parametrize('power_w', [-1.0, math.nan, -math.inf])
def test_an_impossible_cap_is_rejected(power_w):
    with pytest.raises(ValueError, match=r'power_cap_w is .*; expected a finite number from 0'):
        Cap(power_w)


def test_without_a_mission_there_is_no_cap():
    assert math.isnan(Mission().left_s(now_s=5.0))
    assert Mission().cap(100.0, now_s=5.0) == Cap()


def test_the_cap_is_energy_over_remaining_time(mission):
    assert mission.cap(400.0, now_s=20.0) == Cap(5.0, 'mission: 400 J for 80 s', 'the mission')


def test_energy_saved_early_raises_the_cap_later(mission):
    assert mission.cap(800.0, now_s=0.0).power_w == 8.0
    assert mission.cap(600.0, now_s=50.0).power_w == 12.0  # after 4 W


def test_it_may_begin_later():
    mission = Mission()
    mission.begin(100.0, begun_s=30.0)
    assert mission.left_s(now_s=10.0) == 120.0


def test_after_the_end_there_is_no_cap(mission):
    assert mission.left_s(now_s=150.0) == 0.0
    assert mission.cap(400.0, now_s=150.0) == Cap()


def test_zero_cancels(mission):
    mission.begin(0.0, begun_s=10.0)
    assert math.isnan(mission.left_s(now_s=20.0))


def test_while_the_energy_is_unknown_the_last_cap_of_this_mission_holds(mission):
    assert mission.cap(math.nan, now_s=0.0) == Cap()
    before = mission.cap(400.0, now_s=0.0)
    assert mission.cap(math.nan, now_s=50.0) == before
    mission.begin(100.0, begun_s=50.0)
    assert mission.cap(math.nan, now_s=50.0) == Cap()


def test_with_an_empty_battery_the_cap_is_zero(mission):
    assert mission.cap(0.0, now_s=0.0).power_w == 0.0


@pytest.mark.parametrize('duration_s', [-1.0, math.nan, math.inf])
def test_an_impossible_duration_is_rejected_and_the_mission_stays(mission, duration_s):
    with pytest.raises(ValueError, match=r'duration_s is .*; expected 0 to 1e\+07'):
        mission.begin(duration_s, begun_s=10.0)
    assert mission.left_s(now_s=0.0) == 100.0


@pytest.mark.parametrize(
    ('cap', 'text'),
    [
        (Cap(), 'none'),
        (Cap(reason='x'), 'x'),
        (Cap(5.12345, 'set by parameter'), '5.123 W (set by parameter)'),
        (Cap(0.0, 'x'), '0 W (x)'),
    ],
)
def test_a_cap_is_shown_with_its_reason(cap, text):
    assert str(cap) == text


def test_the_tuning_of_the_filter():
    assert (RISE_AFTER_S, RISE_SHARE) == (20.0, 0.1)


@pytest.mark.parametrize(('power_w', 'held_w'), [(4.4, 4.0), (4.41, 4.41)])
def test_it_rises_by_more_than_a_tenth_only(cap, power_w, held_w):
    for second in range(1, 25):
        held = cap.update(power_w, now_s=float(second))
    assert held == held_w


def test_a_minimum_counts_for_exactly_its_time(cap):
    cap.update(8.0, now_s=1.0)
    assert cap.update(8.0, now_s=RISE_AFTER_S) == 4.0
    assert cap.update(8.0, now_s=RISE_AFTER_S + 0.01) == 8.0


def test_an_equal_cap_renews_the_minimum(cap):
    cap.update(4.0, now_s=10.0)
    assert cap.update(8.0, now_s=25.0) == 4.0
    assert cap.update(8.0, now_s=31.0) == 8.0


def test_a_reset_forgets_the_minima_too(cap):
    cap.reset()
    cap.update(8.0, now_s=1.0)
    cap.update(6.0, now_s=2.0)
    assert cap.update(9.0, now_s=3.0) == 6.0
    assert cap.update(9.0, now_s=22.5) == 9.0


@pytest.mark.parametrize('begun_s', [math.nan, math.inf])
def test_a_mission_begins_at_a_known_time(begun_s):
    with pytest.raises(ValueError, match=r'^begun_s is .*; expected a finite number$'):
        Mission().begin(10.0, begun_s=begun_s)


def test_the_last_cap_is_that_of_the_last_known_energy(mission):
    mission.cap(400.0, now_s=0.0)
    mission.cap(100.0, now_s=50.0)
    assert mission.cap(math.nan, now_s=60.0) == Cap(2.0, 'mission: 100 J for 50 s', 'the mission')
    assert mission.left_s(now_s=99.0) == 1.0
    assert mission.cap(math.nan, now_s=100.0) == Cap()
