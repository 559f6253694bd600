# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Checks of field values: what passes, and the text of the error."""

import math

import pytest

from dynofa_ros.runtime.checks import (
    check_count,
    check_name,
    check_number,
    check_range,
    listed,
    shortened,
)
from dynofa_ros.runtime.ranges import NAME_MAX, Range


def refusal(check, *values, **limits):
    """Return the text of the error; empty if there is none."""
    try:
        check('x', *values, **limits)
    except ValueError as error:
        return str(error)
    return ''


@pytest.mark.parametrize(
    ('value', 'limits', 'text'),
    [
        (1.0, {'low': 1.0, 'high': 2.0}, ''),
        (2.0, {'low': 1.0, 'high': 2.0}, ''),
        (0.5, {'low': 1.0, 'high': 2.0}, 'x is 0.5; expected 1 to 2'),
        (2.5, {'low': 1.0, 'high': 2.0}, 'x is 2.5; expected 1 to 2'),
        (1.0, {'low': 1.0, 'high': 2.0, 'above': True}, 'x is 1; expected above 1 to 2'),
        (1.1, {'low': 1.0, 'high': 2.0, 'above': True}, ''),
        (-1.0, {'low': 0.0}, 'x is -1; expected a finite number from 0'),
        (0.0, {'low': 0.0, 'above': True}, 'x is 0; expected a finite number above 0'),
        (math.inf, {'low': 0.0}, 'x is inf; expected a finite number from 0'),
        (math.inf, {}, 'x is inf; expected a finite number'),
        (-math.inf, {}, 'x is -inf; expected a finite number'),
        (math.nan, {}, 'x is nan; expected a finite number'),
        (math.nan, {'nan': True}, ''),
        (math.inf, {'nan': True}, 'x is inf; expected a finite number or NaN'),
        (3.0, {'low': 0.0, 'high': 2.0, 'nan': True}, 'x is 3; expected 0 to 2 or NaN'),
        (-(10**9), {}, ''),
        (2**1000, {}, ''),
        (10**400, {}, 'x is inf; expected a finite number'),
        (-(10**400), {}, 'x is -inf; expected a finite number'),
    ],
)
def test_a_number_is_finite_and_in_its_range(value, limits, text):
    assert refusal(check_number, value, **limits) == text


@pytest.mark.parametrize(
    ('value', 'high', 'nan', 'text'),
    [
        (1.0, 2.0, False, ''),
        (2.0, 2.0, False, ''),
        (0.9, 2.0, False, 'x is 0.9; expected 1 to 2'),
        (2.1, 2.0, False, 'x is 2.1; expected 1 to 2'),
        (math.nan, 2.0, False, 'x is nan; expected 1 to 2'),
        (math.nan, 2.0, True, ''),
        (3.0, 2.0, True, 'x is 3; expected 1 to 2 or NaN'),
        (math.inf, math.inf, False, 'x is inf; expected a finite number from 1'),
    ],
)
def test_a_range_includes_its_ends(value, high, nan, text):
    assert refusal(check_range, value, Range(1.0, high), nan=nan) == text


@pytest.mark.parametrize(
    ('value', 'empty', 'text'),
    [
        ('camera', False, ''),
        ('', True, ''),
        ('', False, 'x is empty; expected a name'),
        ('a' * NAME_MAX, False, ''),
        ('\n', True, r"x is '\n'; expected at most 256 printable characters"),
        ('a\tb', False, r"x is 'a\tb'; expected at most 256 printable characters"),
        (
            'a' * 400,
            False,
            f"x is '{'a' * 299} ...; expected at most 256 printable characters",
        ),
    ],
)
def test_a_name_is_one_line_of_text(value, empty, text):
    assert refusal(check_name, value, empty=empty) == text


@pytest.mark.parametrize(
    ('values', 'text'), [([1, 2], ''), ([1, 2, 3], 'x holds 3 values; expected at most 2')]
)
def test_the_number_of_values_is_limited(values, text):
    assert refusal(check_count, values, most=2) == text


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('a', 'a'),
        ('a' * 300, 'a' * 300),
        ('a' * 301, f'{"a" * 300} ...'),
        ('a\nb', r'a\nb'),
        ("it's\n", r"it's\n"),
    ],
)
def test_a_text_is_shortened_and_printable(text, shown):
    assert shortened(text) == shown


@pytest.mark.parametrize(
    ('count', 'shown'),
    [
        (0, ''),
        (2, '0, 1'),
        (8, '0, 1, 2, 3, 4, 5, 6, 7'),
        (9, '0, 1, 2, 3, 4, 5, 6, 7 and 1 more'),
        (20, '0, 1, 2, 3, 4, 5, 6, 7 and 12 more'),
    ],
)
def test_at_most_eight_names_are_listed(count, shown):
    assert listed(str(each) for each in range(count)) == shown
