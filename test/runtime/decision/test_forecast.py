# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What each operating point would bring: latency, power, and its keys."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    DecisionPolicy,
    DecisionState,
    Objective,
    Slowdown,
    Target,
)
from dynofa_ros.runtime.decision.decide import pose
from dynofa_ros.runtime.decision.forecast import DEADLINE_VIOLATED, REFUSED, Basis
from dynofa_ros.runtime.estimation.correction import Correction


@pytest.fixture
def problem_of(clocked):
    """Return a function that poses a profile; every frame takes twice as long as profiled."""

    def problem(profile=None, *, deadline_s=0.09, floor=0.0, policy=None, **changes):
        state = {'slowdowns': {'gpu': Slowdown(2.0, 0.0)}, 'frame_period_s': 1.0} | changes
        application = ApplicationState(profile or clocked(), Target(deadline_s, floor), **state)
        return pose(DecisionState((application,), policy=policy or DecisionPolicy()))

    return problem


@pytest.fixture
def forecast_of(problem_of):
    """Return a function for the forecast of such a problem."""
    return lambda *args, **changes: problem_of(*args, **changes).forecast


def row_of(found, subnet_id, clock_hz=1e9):
    """Return a row of a forecast or a problem."""
    points = found.basis.points.tables[0].points
    return next(
        row
        for row, each in enumerate(points)
        if (each.subnet_id, each.frequency_hz) == (subnet_id, clock_hz)
    )


def keys_of(problem):
    """Return the keys of all points."""
    return problem.keys(np.arange(len(problem.points.accuracy)))


def test_latency_is_profile_times_slowdown_times_correction_plus_overhead(forecast_of):
    forecast = forecast_of(
        corrections={('large', 'gpu'): Correction(1.5, 0.2)}, overhead_s=0.01, overhead_std_s=0.003
    )
    large = row_of(forecast, 'large')
    assert forecast.latency.mean_s[large] == pytest.approx(0.05 * 2.0 * 1.5 + 0.01)
    assert forecast.latency.std_s[large] == pytest.approx(math.hypot(0.05 * 2.0 * 0.2, 0.003))
    assert forecast.inference_s[row_of(forecast, 'small')] == pytest.approx(0.04)


def test_an_application_that_is_not_done_in_time_waits_for_its_own_frames(forecast_of):
    forecast = forecast_of(frame_period_s=0.09)
    small, large = row_of(forecast, 'small'), row_of(forecast, 'large')
    assert forecast.latency.mean_s[small] == pytest.approx(0.04)
    assert forecast.latency.mean_s[large] == pytest.approx(0.1 + 0.045)
    assert forecast.latency.std_s[large] == pytest.approx(0.09 / math.sqrt(12))


@pytest.mark.parametrize(
    ('period_s', 'overhead_s', 'seconds'),
    [(0.2, 0.0, 0.2), (0.05, 0.02, 0.12), (math.nan, 0.0, 0.1)],
)
def test_power_is_energy_times_the_frame_rate_that_the_latency_allows(
    forecast_of, period_s, overhead_s, seconds
):
    forecast = forecast_of(frame_period_s=period_s, overhead_s=overhead_s)
    large = row_of(forecast, 'large')
    assert forecast.power_w[large] == pytest.approx(0.05 / seconds)


def test_an_unknown_energy_counts_as_no_power(forecast_of, make_profile, make_point):
    forecast = forecast_of(make_profile(make_point(energy_j=math.nan), make_point('other')))
    assert not forecast.power_w.any()


@pytest.mark.parametrize(('period_s', 'share'), [(0.2, 0.5), (0.05, 1.0), (math.nan, 1.0)])
def test_utilisation_is_the_share_of_the_processor(forecast_of, period_s, share):
    forecast = forecast_of(frame_period_s=period_s)
    rows = np.array([row_of(forecast, 'large')])
    assert forecast.utilisation[rows] == pytest.approx(share)


def test_the_best_point_of_each_frequency_is_found(problem_of):
    problem = problem_of()
    # Twice as slow, at 0.5 and 1 GHz: of 80, 120, 200 and 40, 60, 100 ms.
    found = [problem.points.point(row).subnet_id for row in problem.best]
    assert found == ['small', 'medium']
    assert np.all(problem.keys(problem.best)[0] < DEADLINE_VIOLATED)


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('deadline_s', [0.09, 0.01])
def test_the_best_of_a_group_has_the_least_keys(problem_of, objective, deadline_s):
    policy = DecisionPolicy(objective=objective, energy_weight=0.5)
    problem = problem_of(deadline_s=deadline_s, policy=policy)
    keys = keys_of(problem)
    for group, row in enumerate(problem.best):
        members = problem.points.rows_in(group)
        assert tuple(keys[:, row]) == min(tuple(keys[:, each]) for each in members)


def test_a_refused_point_comes_last_unless_all_are_refused(problem_of, clocked):
    keys = [each.key for each in clocked().points]
    problem = problem_of(refused=frozenset(keys[:1]))
    assert keys_of(problem)[0][row_of(problem, 'small')] == REFUSED
    every = problem_of(refused=frozenset(keys))
    np.testing.assert_array_equal(keys_of(every), keys_of(problem_of()))


@pytest.fixture
def running(problem_of):
    """Return a function for a problem in which medium runs at 1 GHz, in 60 of 90 ms."""

    def running(headroom=0.05, *args, now='medium', **changes):
        problem = problem_of(*args, **changes)
        return replace(problem, current=(row_of(problem, now),), inert=True, headroom=headroom)

    return running


def test_every_other_point_needs_headroom(running):
    problem = running(deadline_s=0.0605)
    assert keys_of(problem)[0][row_of(problem, 'medium')] == 0.0
    tight = running(deadline_s=0.0401)
    assert keys_of(tight)[0][row_of(tight, 'small')] == 0.0  # medium is late
    late = running(deadline_s=0.101)
    assert keys_of(late)[0][row_of(late, 'large')] > DEADLINE_VIOLATED


def test_a_point_that_meets_a_violated_floor_needs_no_headroom(running):
    problem = running(deadline_s=0.101, floor=0.78)
    assert keys_of(problem)[0][row_of(problem, 'large')] == 0.0


def test_a_change_is_counted(running):
    problem = running()
    changes = keys_of(problem)[3]
    assert changes[row_of(problem, 'medium')] == 0.0
    assert changes[row_of(problem, 'medium', 0.5e9)] == 1.0
    assert changes[row_of(problem, 'small')] == 2.0


@pytest.mark.parametrize(
    ('objective', 'change', 'equal'),
    [
        (Objective.MAX_ACCURACY, {'accuracy': 0.7509}, True),
        (Objective.MAX_ACCURACY, {'accuracy': 0.7511}, False),
        (Objective.MAX_ACCURACY, {'accuracy': 0.7499}, False),
        (Objective.MIN_ENERGY, {'energy_j': 0.0486}, True),
        (Objective.MIN_ENERGY, {'energy_j': 0.0474}, False),
        (Objective.MIN_ENERGY, {'energy_j': 0.0501}, False),
    ],
)
def test_a_gain_within_the_margin_counts_as_none(
    running, make_profile, make_point, objective, change, equal
):
    now = make_point('now', accuracy=0.75, energy_j=0.05, latency_s=0.03, frequency_hz=1e9)
    new = replace(now, subnet_id='new', processor='cpu', **change)  # not compared, so not dominated
    policy = DecisionPolicy(objective)
    problem = running(0.0, make_profile(now, new), now='now', policy=policy)
    primary = keys_of(problem)[1]
    assert (primary[row_of(problem, 'new')] == primary[row_of(problem, 'now')]) == equal


def test_a_sub_network_that_takes_longer_than_profiled_draws_more(make_point, make_profile):
    point = make_point('a', latency_s=0.05, energy_j=0.2)
    correction = {('a', point.processor): Correction(1.5, 0.0)}
    state = ApplicationState(make_profile(point), corrections=correction, frame_period_s=0.1)
    forecast = Basis.of((state,), DecisionPolicy()).predict()
    assert forecast.power_w[0] == pytest.approx(1.5 * 0.2 / 0.1)
