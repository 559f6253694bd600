"""The cheapest course of a clock, against all courses there are."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.simulation.oracle.clock_schedule import cheapest_course

FRAMES, CLOCKS = 6, 3
costs = st.lists(
    st.lists(st.integers(0, 9), min_size=CLOCKS, max_size=CLOCKS),
    min_size=FRAMES,
    max_size=FRAMES,
)


def summed(cost, course):
    return sum(row[clock] for row, clock in zip(cost, course, strict=True))


def possible(course, times_s, delay_s, start):
    """Whether changes of clock are far enough apart, and the first from the start."""
    changed_s, before = 0.0, start
    for clock, time_s in zip(course, times_s, strict=True):
        if clock != before:
            if time_s < changed_s + delay_s:
                return False
            changed_s, before = time_s, clock
    return True


@settings(max_examples=60, deadline=None)
@given(costs, st.sampled_from([0.0, 0.9, 1.9, 2.5]), st.integers(0, CLOCKS - 1))
def test_no_possible_course_is_cheaper(cost, delay_s, start):
    times_s = [float(each) for each in range(FRAMES)]
    course = cheapest_course(cost, times_s, delay_s=delay_s, start=start)
    every = itertools.product(range(CLOCKS), repeat=FRAMES)
    least = min(summed(cost, c) for c in every if possible(c, times_s, delay_s, start))
    assert possible(course, times_s, delay_s, start)
    assert summed(cost, course) == least


def test_a_delay_longer_than_everything_leaves_the_clock_as_it_is():
    assert cheapest_course([[1, 0]] * 4, [0, 1, 2, 3], delay_s=9.0, start=0) == [0] * 4


def test_without_frames_there_is_no_course():
    assert cheapest_course([], [], delay_s=0.5, start=0) == []


@pytest.mark.parametrize(('saved', 'expected'), [(1, [1, 1, 1]), (0, [0, 0, 0])])
def test_a_change_that_gains_nothing_is_not_made(saved, expected):
    cost = [[saved, 0]] * 3
    assert cheapest_course(cost, [1, 2, 3], delay_s=0.5, start=0) == expected
