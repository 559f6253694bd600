# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames are accounted for, and the parts of their time add up."""

import math

import pytest


@pytest.fixture(scope='module')
def frames(load):
    return load('frames')


def test_the_parts_of_a_frame_add_up_to_its_total(make_frame):
    one = make_frame(0)
    assert one.work_s == 28
    assert one.latency_s == 30
    assert one.publish_s == 32
    assert one.overhead_s == 55


def test_every_sent_frame_is_accounted_for(frames, make_frame):
    reported = [make_frame(0), make_frame(3, dropped=2, refused=1)]
    found = frames.losses(7, reported, {'x/0', 'x/3', 'x/4'})
    assert found == frames.Losses(sent=7, classified=3, dropped=2, refused=1, reports_lost=1)
    assert found.never_arrived == 1
    assert found.to_dict()['never_arrived'] == 1
    for part in ('7 sent', '3 classified', 'dropped 2', 'refused 1', '1 never', '1 reports'):
        assert part in found.line()


def test_without_reports_all_frames_never_arrived(frames):
    assert frames.losses(5, [], set()).never_arrived == 5


def test_quantiles_without_values_are_unknown(frames):
    assert all(math.isnan(value) for value in frames.quantiles([]).values())
    assert frames.quantiles([3.0, 1.0, 2.0]) == pytest.approx(
        {'p50': 2.0, 'p95': 2.9, 'p99': 2.98, 'max': 3.0}
    )
