# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One image waits; the ones it replaced lie between the frame before and its own."""

import pytest

from dynofa_ros.runtime.latest_image import LatestImage


def test_the_newest_image_replaces_the_one_that_waits():
    latest = LatestImage()
    assert [latest.put(each) for each in 'abc'] == [None, 'a', 'b']
    assert latest.take() == ('c', 2)


def test_an_image_replaced_while_a_frame_runs_is_counted_with_the_next():
    latest = LatestImage()
    latest.put('a')
    assert latest.take() == ('a', 0)  # runs now
    latest.put('b')
    latest.put('c')
    assert latest.take() == ('c', 1)


def test_nothing_is_taken_twice():
    latest = LatestImage()
    latest.put(None)
    assert latest
    latest.take()
    assert not latest
    with pytest.raises(LookupError, match='no image waits'):
        latest.take()
