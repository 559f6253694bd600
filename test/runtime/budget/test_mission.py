"""A battery that has to last: the power that energy and time left allow."""

import math

import pytest

from dynofa_ros.runtime.budget.cap import Cap, Mission


def test_without_a_mission_there_is_no_cap():
    mission = Mission()
    assert math.isnan(mission.left_s(now_s=5.0))
    assert mission.cap(100.0, now_s=5.0) == Cap()


def test_energy_over_time_is_the_cap():
    mission = Mission()
    mission.begin(100.0, begun_s=50.0)
    assert mission.cap(400.0, now_s=70.0) == Cap(5.0, 'mission: 400 J for 80 s')


def test_what_was_saved_early_may_be_spent_later():
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    assert mission.cap(800.0, now_s=0.0).power_w == 8.0
    assert mission.cap(600.0, now_s=50.0).power_w == 12.0  # 4 W were drawn


def test_it_may_begin_later():
    mission = Mission()
    mission.begin(100.0, begun_s=30.0)
    assert mission.left_s(now_s=10.0) == 120.0


def test_once_it_is_over_there_is_no_cap():
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    assert mission.left_s(now_s=150.0) == 0.0
    assert mission.cap(400.0, now_s=150.0) == Cap()


def test_zero_cancels():
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    mission.begin(0.0, begun_s=10.0)
    assert math.isnan(mission.left_s(now_s=20.0))


def test_while_the_energy_is_unknown_the_cap_stays_as_it_was_last():
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    before = mission.cap(400.0, now_s=0.0)
    assert mission.cap(math.nan, now_s=50.0) == before
    mission.begin(100.0, begun_s=50.0)
    assert mission.cap(math.nan, now_s=50.0) == Cap()


def test_an_energy_never_known_is_no_cap_and_an_empty_battery_is_one_of_nothing():
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    assert mission.cap(math.nan, now_s=0.0) == Cap()
    assert mission.cap(0.0, now_s=0.0).power_w == 0.0


@pytest.mark.parametrize('duration_s', [-1.0, math.nan, math.inf])
def test_an_impossible_duration_is_refused_and_the_mission_stays(duration_s):
    mission = Mission()
    mission.begin(100.0, begun_s=0.0)
    with pytest.raises(ValueError, match=r'duration_s is .*; expected a finite number from 0'):
        mission.begin(duration_s, begun_s=10.0)
    assert mission.left_s(now_s=0.0) == 100.0
