# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The cascades of a table of operating points."""

from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import Cascade, OperatingPoint, Profile
from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.profile import prune

TWO = Cascade('s+l', ('s', 'l'), (0.8,), (0.25,), 0.8875, (0.95, 0.7), (0.5,), 2500)
THREE = Cascade(
    's+m+l', ('s', 'm', 'l'), (0.8, 0.7), (0.4, 0.1), 0.87, (0.95, 0.8, 0.6), (0.5, 0.4), 2500
)
POINTS = tuple(
    OperatingPoint(
        name, 'torch', 'cpu', 1, clock * 1e9, work / clock, 0.1 * work, 5 * work, 0.8, 9, 9
    )
    for clock in (0.5, 1.0)
    for name, work in (('s', 0.01), ('m', 0.02), ('l', 0.04))
)


@pytest.fixture
def profile():
    return Profile('camera', '', '', '', '', POINTS, cascades=(TWO, THREE))


@pytest.fixture
def table(profile):
    return CascadeTable.of(profile.every_point, energy_known=True)


def test_each_cascade_at_each_clock_has_its_stages(table, profile):
    assert [profile.every_point[row].subnet_id for row in table.rows] == ['s+l', 's+m+l'] * 2
    np.testing.assert_allclose(table.latency_s[0], [0.02, 0.08, 0.0])
    np.testing.assert_allclose(table.latency_s[3], [0.01, 0.02, 0.04])
    named = [[table.subnets[each][0] for each in row] for row in table.subnet_of]
    assert named[1] == ['s', 'm', 'l']
    assert named[0][:2] == ['s', 'l']


def test_points_without_cascades_have_no_table():
    assert CascadeTable.of(POINTS, energy_known=True) is None
    assert Profile('camera', '', '', '', '', POINTS).table.cascades is None


def test_the_table_of_a_profile_holds_its_cascades(profile):
    table = profile.table
    names = {table.points[row].subnet_id for row in table.cascades.rows}
    assert names == {'s+l', 's+m+l'}


def test_shares_and_cost_are_those_of_a_mean_image(table, profile):
    stages = table.stages(table.reached)
    np.testing.assert_allclose(stages.shares[0], [0.75, 0.25, 0.0])
    np.testing.assert_allclose(stages.shares[1], [0.6, 0.3, 0.1])
    points = [profile.every_point[row] for row in table.rows]
    np.testing.assert_allclose(table.mean_cost_j(table.reached), [each.energy_j for each in points])


def test_a_correction_is_that_of_a_stage(table):
    correction = np.where(table.subnet_of == table.subnets.index(('l', 'cpu')), 2.0, 1.0)
    more_j = table.mean_cost_j(table.reached, correction) - table.mean_cost_j(table.reached)
    np.testing.assert_allclose(more_j, table.reached[np.arange(4), [1, 2, 1, 2]] * 5 * 0.04)


def test_observed_shares_replace_those_that_were_measured(table):
    reached = table.reached_now({'s+l': (0.6,)})
    np.testing.assert_allclose(reached[[0, 2]], [[1.0, 0.6, 0.0]] * 2)
    np.testing.assert_allclose(reached[[1, 3]], table.reached[[1, 3]])


def draw(cascade, fits, *, frames=200_000):
    """Draw frames; return their mean accuracy, and the share that reaches each stage."""
    rng = np.random.default_rng(0)
    reaches = (1.0, *cascade.reached, 0.0)
    active, accuracy, reached = np.ones(frames, bool), np.zeros(frames), []
    for stage in range(len(cascade.stages)):
        reached.append(active.mean())
        unsure = active & (rng.random(frames) < reaches[stage + 1] / reaches[stage])
        accuracy[active & ~unsure] = cascade.answer_accuracy[stage]
        if stage + 1 < len(cascade.stages):
            goes_on = unsure & (rng.random(frames) < fits[stage + 1])
            accuracy[unsure & ~goes_on] = cascade.early_accuracy[stage]
            active = goes_on
    return accuracy.mean(), reached


@pytest.mark.parametrize('fits', [(1.0, 1.0, 1.0), (1.0, 0.6, 0.3), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize(('row', 'cascade'), [(0, TWO), (1, THREE)])
def test_a_cut_escalation_leaves_the_early_answer(table, row, cascade, fits):
    fits_of = np.tile(fits, (4, 1))
    accuracy, reached = draw(cascade, fits)
    whole, _ = draw(cascade, (1.0, 1.0, 1.0))
    assert table.accuracy_lost(table.reached, fits_of)[row] == pytest.approx(
        whole - accuracy, abs=0.002
    )
    cut = table.cut(table.reached, fits_of)[row]
    np.testing.assert_allclose(cut[: len(reached)], reached, atol=0.004)


def test_what_no_image_measured_does_not_count():
    never = replace(TWO, reached=(0.0,), answer_accuracy=(0.9, float('nan')))
    points = Profile('camera', '', '', '', '', POINTS, cascades=(never,)).every_point
    table = CascadeTable.of(points, energy_known=True)
    fits = np.array([[1.0, 0.5]] * 2)
    np.testing.assert_array_equal(table.accuracy_lost(table.reached, fits), [0.0, 0.0])


def test_a_cascade_is_unlike_its_profile_if_a_stage_is(profile):
    hidden = replace(TWO, cascade_id='s+l worse', accuracy=0.5)
    points = replace(profile, cascades=(TWO, hidden)).every_point
    kept = {each.subnet_id for each in prune(points)}
    assert 's+l worse' not in kept
    unlike = frozenset({('l', 'cpu')})
    assert 's+l worse' in {each.subnet_id for each in prune(points, unlike=unlike)}
