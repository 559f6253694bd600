# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The points of several applications in the same arrays."""

from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    Cascade,
    DecisionPolicy,
    Objective,
    Slowdown,
    Target,
)
from dynofa_ros.runtime.decision.forecast import Basis
from dynofa_ros.runtime.decision.points import Points, Ranking
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.escalation import Escalation

TWO = Cascade('two', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.83, 0.7), (0.4,))
THREE = Cascade(
    'three', ('small', 'medium', 'large'), (0.8, 0.8), (0.5, 0.2), 0.79, (0.8, 0.8, 0.7), (0.4, 0.4)
)


@pytest.fixture
def points(clocked, make_profile):
    """Two applications; the second one has both processors."""
    both = make_profile(*clocked('b', 'cpu').points, *clocked('b').points, app='b')
    return Points.of((clocked('a').table, both.table))


def test_places_and_groups_follow_each_other(points):
    assert points.starts.tolist() == [0, 6, 18]
    assert points.processors == ('cpu', 'gpu')
    assert list(zip(points.place_app, points.place_processor, strict=True)) == [
        (0, 1), (1, 0), (1, 1)
    ]  # fmt: skip
    assert points.group_starts.tolist() == [0, 3, 6, 9, 12, 15]
    assert points.group_place.tolist() == [0, 0, 1, 1, 2, 2]
    assert points.first_groups.tolist() == [0, 2]
    assert points.places(np.array([1, 0])).tolist() == [0, 1]


def test_a_row_is_a_point_of_its_application(points):
    row = points.row_in(1, 3, ('small', 'torch', 'gpu', 1))
    point = points.point(row)
    assert (point.processor, point.frequency_hz) == ('gpu', 1e9)
    assert points.app_of[row] == 1
    assert {points.point(each).key for each in points.rows_like(row)} == {point.key}
    assert len(points.rows_like(row)) == 2
    assert points.row_in(0, 0, ('small', 'torch', 'cpu', 1)) is None


def test_each_group_is_ranked_and_ties_go_to_the_second_key(make_point, make_profile):
    profile = make_profile(
        make_point('a', latency_s=0.01, energy_j=1.0, accuracy=0.7),
        make_point('b', latency_s=0.02, energy_j=1.0, accuracy=0.8),
        make_point('c', latency_s=0.03, energy_j=0.5, accuracy=0.6),
    )
    points = Points.of((profile.table,))
    for objective, order in (
        (Objective.MIN_ENERGY, 'cba'), (Objective.MAX_ACCURACY, 'bac'), (Objective.WEIGHTED, 'cba')
    ):  # fmt: skip
        found = Ranking.profiled(points, objective, 5.0).order
        assert [points.point(row).subnet_id for row in found] == list(order)


def test_the_cascades_of_several_applications_are_as_each_alone(clocked):
    """Of two and three stages; with observed shares, corrections and a doubt."""
    common = {'slowdowns': {'gpu': Slowdown(1.0, 0.1)}, 'frame_period_s': 0.1}
    states = (
        ApplicationState(replace(clocked('a'), cascades=(TWO,)), Target(0.085), **common),
        ApplicationState(clocked('b'), Target(0.085), **common),
        ApplicationState(
            replace(clocked('c'), cascades=(THREE, TWO)),
            Target(0.15),
            escalations={'three': Escalation((0.6, 0.3)), 'two': Escalation((0.5,), 0.5, 'harder')},
            corrections={('large', 'gpu'): Correction(1.2, 0.1)},
            **common,
        ),
    )
    joint = Basis.of(states, DecisionPolicy()).predict()
    for app, each in enumerate(states):
        rows, alone = joint.basis.points.rows_of(app), Basis.of((each,), DecisionPolicy()).predict()
        for name in ('accuracy', 'cost_j', 'energy_j', 'inference_s', 'quantile_s', 'violation'):
            np.testing.assert_allclose(getattr(joint, name)[rows], getattr(alone, name), rtol=1e-9)
