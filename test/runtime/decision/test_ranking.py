# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Forecast and ranking of one application's points."""

import numpy as np
import pytest

from dynofa_ros.runtime import ApplicationState, DecisionPolicy, Objective, Slowdown, Target
from dynofa_ros.runtime.decision.joint_keys import joint_keys, plan_keys
from dynofa_ros.runtime.decision.ranking import DEADLINE_VIOLATED, REFUSED, Forecast


@pytest.fixture
def forecast_of():
    """Return a function that forecasts a profile; every frame takes twice as long as profiled."""

    def forecast(profile, *, deadline_s=0.09, policy=None, **changes):
        application = ApplicationState(
            profile, Target(deadline_s), {'gpu': Slowdown(2.0, 0.1)}, frame_period_s=1.0, **changes
        )
        return Forecast.of(application, policy=policy or DecisionPolicy())

    return forecast


@pytest.fixture
def ladder(make_point, make_profile):
    """Return a profile whose second point is dominated by its first, and pruned."""
    return make_profile(
        make_point('good', latency_s=0.04, energy_j=0.1, accuracy=0.75),
        make_point('dominated', latency_s=0.041, energy_j=0.1, accuracy=0.75),
        make_point('large', latency_s=0.06, energy_j=0.2, accuracy=0.80),
    )


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('headroom', [0.0, 0.05])
def test_a_pruned_point_is_ranked_like_others(
    forecast_of, ladder, make_profile, objective, headroom
):
    dominated = ladder.points[1]
    policy = DecisionPolicy(objective=objective)
    assert dominated not in ladder.table.row_of
    pruned = forecast_of(ladder, policy=policy).rank(dominated, headroom=headroom)
    alone = forecast_of(make_profile(dominated), policy=policy).rank(dominated, headroom=headroom)
    assert pruned == alone


def test_a_pruned_point_is_predicted_like_others(forecast_of, ladder, make_profile):
    dominated = ladder.points[1]
    pruned = forecast_of(ladder).predict(dominated)
    alone = forecast_of(make_profile(dominated)).predict(dominated)
    assert pruned == alone
    assert pruned[0] == pytest.approx(2.0 * 0.041)


def test_headroom_makes_a_point_late_that_is_just_in_time(forecast_of, ladder):
    good = ladder.points[0]  # 80 ms, at the stated probability 86.6 ms
    forecast = forecast_of(ladder)
    assert forecast.rank(good).met
    assert forecast.rank(good, headroom=0.05).violation > DEADLINE_VIOLATED


def test_a_refused_point_ranks_last(forecast_of, ladder):
    good, _, large = ladder.points
    forecast = forecast_of(ladder).without(frozenset({good.key}))
    rows = ladder.table.row_of
    assert forecast.violations()[rows[good]] == REFUSED
    assert forecast.violations()[rows[large]] < REFUSED


def test_if_all_points_are_refused_none_is(forecast_of, ladder):
    everything = frozenset(each.key for each in ladder.points)
    forecast = forecast_of(ladder, refused=everything)
    assert (forecast.violations() == forecast_of(ladder).violations()).all()


def test_the_best_point_of_each_frequency_is_found(forecast_of, clocked):
    forecast = forecast_of(clocked(), deadline_s=0.09)
    rows, ranking = forecast.best_of_groups()
    found = [forecast.application.profile.table.points[row] for row in rows]
    # Twice as slow, at 0.5 and 1 GHz: of 80, 120, 200 and 40, 60, 100 ms, and the spread on top.
    assert [each.subnet_id for each in found] == ['small', 'medium']
    assert np.all(ranking.violation < DEADLINE_VIOLATED)


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('deadline_s', [0.09, 0.01])
def test_scalar_and_vector_rankings_agree(forecast_of, clocked, objective, deadline_s):
    policy = DecisionPolicy(objective=objective, energy_weight=0.5)
    forecast = forecast_of(clocked(), deadline_s=deadline_s, policy=policy)
    rows, ranking = forecast.best_of_groups()
    for group, row in enumerate(rows):
        point, rank = forecast.best_of_group(group)
        assert point is forecast.application.profile.table.points[row]
        assert rank == forecast.rank(point) == tuple(ranking.keys[:, group])


@pytest.mark.parametrize('deadline_s', [0.09, 0.01])
def test_scalar_and_vector_joint_keys_agree(forecast_of, clocked, deadline_s):
    forecasts = [forecast_of(clocked(), deadline_s=each) for each in (0.2, deadline_s)]
    applications = [each.application for each in forecasts]
    keys = joint_keys(applications, [each.ranking() for each in forecasts])
    for row, point in enumerate(clocked().table.points):
        ranks = [each.rank(point) for each in forecasts]
        assert plan_keys(applications, ranks) == [key[row] for key in keys]
