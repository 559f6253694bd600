# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Turns on a processor: where, and in which order."""

import math

import pytest

from dynofa_ros.runtime.turns import WaitingFrame, next_turn, takes_turns


@pytest.mark.parametrize(
    ('contention', 'expected'),
    [(0.0, False), (0.5, False), (0.89, False), (1.9 - 1.0, True), (1.0, True), (math.nan, False)],
)
def test_frames_take_turns_where_two_at_once_take_as_long_as_one_by_one(contention, expected):
    assert takes_turns(contention) is expected


def test_the_earliest_deadline_comes_first_and_of_equal_ones_the_first_image():
    late, early = WaitingFrame(2.0, 0.0, 'a'), WaitingFrame(1.0, 0.5, 'b')
    earlier_image = WaitingFrame(1.0, 0.4, 'c')
    assert next_turn([late, early]) is early
    assert next_turn([late, early, earlier_image]) is earlier_image
