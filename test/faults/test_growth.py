# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A leak is told from a late allocation and from a node that is still known for a moment."""

import pytest
from growth import MEMORY, growth, quarters


def samples(memory, *, threads=None, process=None):
    count = len(memory)
    return [
        {
            'platform': {
                'time_s': 4.0 * index,
                'process': (process or count * [1])[index],
                MEMORY: memory[index],
                'threads': (threads or count * [5])[index],
            }
        }
        for index in range(count)
    ]


def verdicts(*args, **changes):
    return [each['met'] for each in growth(samples(*args, **changes))]


def test_the_median_of_each_quarter():
    assert quarters([1, 2, 9, 4, 4, 4, 5, 6, 7, 0, 8, 8]) == [2, 4, 6, 8]
    assert quarters([1, 2, 3, 4, 5]) == [1, 2, 3, 4.5]


def test_memory_may_grow_by_less_than_one_percent():
    assert verdicts([1000, 1000, 1009, 1009]) == [True, True]
    assert verdicts([1000, 1003, 1006, 1010]) == [False, True]
    assert verdicts([1000, 900, 900, 900]) == [True, True]


def test_one_more_thread_is_a_leak_but_not_for_a_moment():
    memory = 12 * [1000]
    assert verdicts(memory, threads=6 * [5] + 6 * [6]) == [True, False]
    assert verdicts(memory, threads=11 * [5] + [60]) == [True, True]


def test_a_process_that_was_restarted_is_not_measured():
    rows = growth(samples(4 * [1000], process=[1, 1, 2, 2]))
    assert [(each['node'], each['met']) for each in rows] == 2 * [('platform (restarted)', False)]


def test_every_quarter_needs_a_sample():
    with pytest.raises(ValueError, match='number of samples is 3; expected at least 4'):
        growth(samples([1, 2, 3]))
