# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools
import threading

import pytest

from dynofa_ros.bags.prefetch import Prefetch


def test_all_items_come_in_order():
    assert list(Prefetch(range(1000), size_of=lambda item: 1, max_size=10)) == list(range(1000))


def test_read_ahead_is_bounded():
    taken = []
    items = Prefetch(
        (taken.append(i) or i for i in itertools.count()), size_of=lambda item: 1, max_size=5
    )
    items.wait_filled(10.0)
    assert next(items) == 0
    items.wait_filled(10.0)
    items.close()
    # 5 in the buffer, 1 taken out, and at most 1 held by the thread.
    assert len(taken) <= 7


def test_an_item_larger_than_the_buffer_passes():
    assert list(Prefetch([7, 8], size_of=lambda item: 100, max_size=10)) == [7, 8]


def test_an_error_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise OSError('the disk is gone')

    prefetch = Prefetch(items(), size_of=lambda item: 1, max_size=10)
    assert next(prefetch) == 1
    with pytest.raises(OSError, match='the disk is gone'):
        next(prefetch)
    assert list(prefetch) == []


def test_close_ends_a_thread_with_a_full_buffer():
    before = threading.active_count()
    items = Prefetch(itertools.count(), size_of=lambda item: 1, max_size=3)
    items.wait_filled(10.0)
    items.close()
    items.close()
    assert threading.active_count() == before


def test_wait_filled_returns_when_all_items_are_read():
    items = Prefetch([1, 2], size_of=lambda item: 1, max_size=10)
    items.wait_filled(60.0)
    assert list(items) == [1, 2]


def test_a_buffer_of_size_0_is_refused():
    with pytest.raises(ValueError, match='max_size is 0; expected above 0'):
        Prefetch([], size_of=lambda item: 1, max_size=0)
