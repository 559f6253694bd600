# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Points that need compilation run at once only if the deadline can wait."""

import pytest

from dynofa_ros.runtime.observation import ResidentPoint, uncovered


@pytest.fixture
def chosen(run, app, make_point, make_profile):
    """Return a function that decides between small and medium; large is late."""
    points = {
        'small': make_point('small', latency_s=0.02, accuracy=0.70),
        'medium': make_point('medium', latency_s=0.03, accuracy=0.75),
        'large': make_point('large', latency_s=0.05, accuracy=0.80),
    }

    def chosen(*, current, unready):
        keys = frozenset(points[name].key for name in unready)
        profile = make_profile(*points.values())
        decision = run(app(profile, 0.04, current=points.get(current), unready=keys))
        return decision.choices[0].point.subnet_id

    return chosen


@pytest.mark.parametrize(
    ('current', 'unready', 'expected'),
    [
        ('large', ['medium'], 'small'),  # late: a ready point meets the targets
        ('small', ['medium'], 'medium'),  # in time: the better point may be compiled
        (None, ['medium'], 'small'),
        ('large', ['medium', 'small'], 'medium'),  # no ready point is in time
        ('large', [], 'medium'),
    ],
)
def test_a_ready_point_is_preferred_while_a_target_is_violated(chosen, current, unready, expected):
    assert chosen(current=current, unready=unready) == expected


@pytest.mark.parametrize(
    ('resident', 'covers'),
    [
        (ResidentPoint('small', 'gpu', 1), True),
        (ResidentPoint('small', '', 0), True),
        (ResidentPoint('small', 'cpu', 1), False),
        (ResidentPoint('small', 'gpu', 2), False),
        (ResidentPoint('large', '', 0), False),
    ],
)
def test_a_resident_covers_the_points_of_its_processor_and_threads(make_point, resident, covers):
    key = make_point('small', processor='gpu', threads=1).key
    assert list(uncovered([key], [resident])) == ([] if covers else [key])
