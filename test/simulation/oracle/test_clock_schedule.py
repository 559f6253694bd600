# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The cheapest frequency schedule, against an exhaustive search."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.simulation.oracle.clock_schedule import cheapest_schedule

FRAMES, FREQUENCIES = 6, 3
costs = st.lists(
    st.lists(st.integers(0, 9), min_size=FREQUENCIES, max_size=FREQUENCIES),
    min_size=FRAMES,
    max_size=FRAMES,
)


def summed(cost, schedule):
    return sum(row[each] for row, each in zip(cost, schedule, strict=True))


def feasible(schedule, times_s, delay_s, start):
    """Whether all changes, including the first, keep the delay."""
    changed_s, before = 0.0, start
    for frequency, time_s in zip(schedule, times_s, strict=True):
        if frequency != before:
            if time_s < changed_s + delay_s:
                return False
            changed_s, before = time_s, frequency
    return True


@settings(max_examples=60, deadline=None)
@given(costs, st.sampled_from([0.0, 0.9, 1.9, 2.5]), st.integers(0, FREQUENCIES - 1))
def test_no_feasible_schedule_is_cheaper(cost, delay_s, start):
    times_s = [float(each) for each in range(FRAMES)]
    schedule = cheapest_schedule(cost, times_s, delay_s=delay_s, start=start)
    every = itertools.product(range(FREQUENCIES), repeat=FRAMES)
    least = min(summed(cost, c) for c in every if feasible(c, times_s, delay_s, start))
    assert feasible(schedule, times_s, delay_s, start)
    assert summed(cost, schedule) == least


def test_a_delay_longer_than_all_frames_prevents_any_change():
    assert cheapest_schedule([[1, 0]] * 4, [0, 1, 2, 3], delay_s=9.0, start=0) == [0] * 4


def test_the_schedule_of_no_frames_is_empty():
    assert cheapest_schedule([], [], delay_s=0.5, start=0) == []


@pytest.mark.parametrize(('saved', 'expected'), [(1, [1, 1, 1]), (0, [0, 0, 0])])
def test_a_change_without_gain_is_not_made(saved, expected):
    cost = [[saved, 0]] * 3
    assert cheapest_schedule(cost, [1, 2, 3], delay_s=0.5, start=0) == expected
