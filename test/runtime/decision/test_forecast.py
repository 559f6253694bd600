# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What each operating point would bring: latency, power, and its score."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import ApplicationState, DecisionPolicy, Objective, Slowdown, Target
from dynofa_ros.runtime.decision.forecast import DEADLINE_VIOLATED, REFUSED, Forecast
from dynofa_ros.runtime.estimation.correction import Correction


@pytest.fixture
def forecast_of(clocked):
    """Return a function that forecasts a profile; every frame takes twice as long as profiled."""

    def forecast(profile=None, *, deadline_s=0.09, floor=0.0, policy=None, **changes):
        state = {'slowdowns': {'gpu': Slowdown(2.0, 0.0)}, 'frame_period_s': 1.0} | changes
        application = ApplicationState(profile or clocked(), Target(deadline_s, floor), **state)
        return Forecast.of(application, policy=policy or DecisionPolicy())

    return forecast


def row_of(forecast, subnet_id, clock_hz=1e9):
    points = forecast.table.points
    return next(
        row
        for row, each in enumerate(points)
        if (each.subnet_id, each.frequency_hz) == (subnet_id, clock_hz)
    )


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
    assert forecast.power_w()[large] == pytest.approx(0.05 / seconds)
    np.testing.assert_array_equal(
        forecast.power_w(slice(large, large + 1)), forecast.power_w()[large : large + 1]
    )


def test_an_unknown_energy_counts_as_no_power(forecast_of, make_profile, make_point):
    forecast = forecast_of(make_profile(make_point(energy_j=math.nan), make_point('other')))
    assert not forecast.power_w().any()


@pytest.mark.parametrize(('period_s', 'share'), [(0.2, 0.5), (0.05, 1.0), (math.nan, 1.0)])
def test_utilisation_is_the_share_of_the_processor(forecast_of, period_s, share):
    forecast = forecast_of(frame_period_s=period_s)
    assert forecast.utilisation(row_of(forecast, 'large')) == pytest.approx(share)


def test_the_best_point_of_each_frequency_is_found(forecast_of):
    forecast = forecast_of()
    rows, scores = forecast.best
    # Twice as slow, at 0.5 and 1 GHz: of 80, 120, 200 and 40, 60, 100 ms.
    assert [forecast.point(row).subnet_id for row in rows] == ['small', 'medium']
    assert np.all(scores[0] < DEADLINE_VIOLATED)


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('deadline_s', [0.09, 0.01])
def test_the_best_of_a_group_has_the_least_score(forecast_of, objective, deadline_s):
    policy = DecisionPolicy(objective=objective, energy_weight=0.5)
    forecast = forecast_of(deadline_s=deadline_s, policy=policy)
    scores = forecast.scores()
    for group, row in enumerate(forecast.best[0]):
        members = np.flatnonzero(forecast.table.group_of == group)
        assert tuple(scores[:, row]) == min(tuple(scores[:, each]) for each in members)


def test_a_refused_point_comes_last_unless_all_are_refused(forecast_of, clocked):
    keys = [each.key for each in clocked().points]
    forecast = forecast_of().without(frozenset(keys[:1]))
    assert forecast.scores()[0][row_of(forecast, 'small')] == REFUSED
    every = forecast_of(refused=frozenset(keys))
    np.testing.assert_array_equal(every.scores(), forecast_of().scores())


@pytest.fixture
def running(forecast_of):
    """Return a function for a forecast in which medium runs at 1 GHz, in 60 of 90 ms."""

    def running(headroom=0.05, **changes):
        forecast = forecast_of(**changes)
        return replace(forecast, present=row_of(forecast, 'medium'), headroom=headroom)

    return running


def test_every_other_point_needs_headroom(running):
    forecast = running(deadline_s=0.0605, headroom=0.05)
    assert forecast.scores()[0][row_of(forecast, 'medium')] == 0.0
    tight = running(deadline_s=0.0401, headroom=0.05)
    assert tight.scores()[0][row_of(tight, 'small')] == 0.0  # medium is late
    late = running(deadline_s=0.101)
    assert late.scores()[0][row_of(late, 'large')] > DEADLINE_VIOLATED


def test_a_point_that_meets_a_violated_floor_needs_no_headroom(running):
    forecast = running(deadline_s=0.101, floor=0.78)
    assert forecast.scores()[0][row_of(forecast, 'large')] == 0.0


def test_a_change_is_counted(running):
    forecast = running()
    changes = forecast.scores()[3]
    assert changes[row_of(forecast, 'medium')] == 0.0
    assert changes[row_of(forecast, 'medium', 0.5e9)] == 1.0
    assert changes[row_of(forecast, 'small')] == 2.0


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
    forecast_of, make_profile, make_point, objective, change, equal
):
    now = make_point('now', accuracy=0.75, energy_j=0.05, latency_s=0.03)
    new = replace(now, subnet_id='new', processor='cpu', **change)  # not compared, so not dominated
    forecast = forecast_of(make_profile(now, new), policy=DecisionPolicy(objective))
    rows = {forecast.point(row).subnet_id: row for row in range(len(forecast.table.points))}
    forecast = replace(forecast, present=rows['now'])
    primary = forecast.scores()[1]
    assert (primary[rows['new']] == primary[rows['now']]) == equal


def test_a_sub_network_that_takes_longer_than_profiled_draws_more(make_point, make_profile):
    point = make_point('a', latency_s=0.05, energy_j=0.2)
    correction = {('a', point.processor): Correction(1.5, 0.0)}
    state = ApplicationState(make_profile(point), corrections=correction, frame_period_s=0.1)
    forecast = Forecast.of(state, policy=DecisionPolicy())
    assert forecast.power_w()[0] == pytest.approx(1.5 * 0.2 / 0.1)
