"""Idle power belongs to a setting of the clocks."""

import pytest

from dynofa_ros.platform.frame_energy.idle_by_clocks import (
    MAX_SETTINGS,
    OTHER_CLOCKS_STD,
    IdleByClocks,
)
from dynofa_ros.platform.frame_energy.intervals import Interval

STEP_S = 0.05


def see(idle, start_s, power_w, *, seconds=1.0):
    """Let a machine be idle for a time."""
    for step in range(round(seconds / STEP_S)):
        at_s = start_s + step * STEP_S
        idle.add(Interval(at_s, at_s + STEP_S, energy_j=power_w * STEP_S, known=True))


@pytest.fixture
def two():
    """Idle at 5 W, and from 10 s on, with the clocks turned down, at 3 W."""
    idle = IdleByClocks()
    idle.set_clocks(0.0, 'high')
    see(idle, 1.0, 5.0)
    idle.set_clocks(10.0, 'low')
    see(idle, 10.0, 3.0)
    return idle


def test_nothing_is_known_before_enough_was_seen():
    idle = IdleByClocks()
    see(idle, 0.0, 5.0, seconds=0.2)
    assert idle.at(1.0) is None


def test_each_setting_has_its_own(two):
    assert two.at(9.0).mean_w == pytest.approx(5.0)
    assert two.at(11.0).mean_w == pytest.approx(3.0)


def test_a_setting_that_comes_back_is_known(two):
    two.set_clocks(20.0, 'high')
    assert two.at(21.0).mean_w == pytest.approx(5.0)


def test_for_a_new_setting_the_last_one_stands_in_with_doubt(two):
    two.set_clocks(20.0, 'middle')
    found = two.at(21.0)
    assert found.mean_w == pytest.approx(3.0)
    assert found.std_w == pytest.approx(OTHER_CLOCKS_STD * 3.0)


def test_an_interval_of_two_settings_is_of_neither(two):
    two.set_clocks(20.02, 'high')
    across = Interval(20.0, 20.05, energy_j=99.0, known=True)
    assert two.changed_within(across)
    two.add(across)
    assert two.at(21.0).mean_w == pytest.approx(5.0)


def test_forgotten_it_is_learned_anew_at_the_same_clocks(two):
    two.forget()
    assert two.at(11.0) is None
    see(two, 12.0, 4.0)
    assert two.at(13.5).mean_w == pytest.approx(4.0)


def test_settings_without_end_do_not_fill_the_memory():
    idle = IdleByClocks()
    for number in range(3 * MAX_SETTINGS):
        idle.set_clocks(2.0 * number, number)
        see(idle, 2.0 * number, 5.0)
    assert len(idle._known) == MAX_SETTINGS
    assert idle.at(6.0 * MAX_SETTINGS).mean_w == pytest.approx(5.0)
