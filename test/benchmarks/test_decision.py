# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/decision.py: its cases, their quantiles, and the goals."""

import pytest


@pytest.fixture(scope='module')
def figures(run_main):
    return run_main('decision', '--decisions', '30')


def test_every_case_has_a_row(figures):
    cases = [(e['applications'], e['points'], e['power_cap_w']) for e in figures['rows']]
    # None: no cap
    assert cases == [(1, 10_000, None), (4, 200, None), (4, 200, 3.0), (8, 800, None)]


def test_without_a_cap_every_decision_is_exact(figures):
    assert [each['exact'] for each in figures['rows'][:2]] == [1.0, 1.0]


def test_quantiles_are_ordered(figures):
    for each in figures['rows']:
        assert 0.0 < each['p50_s'] <= each['p99_s'] <= each['longest_s']


def test_timed_decisions_change_something(figures):
    for each in figures['rows']:
        assert 0 < each['changes'] <= 30


def test_goals_use_the_quantiles_of_the_rows(figures):
    assert [each['quantile'] for each in figures['rows']] == [0.99, 0.99, 0.99, 0.5]
    for row, goal in zip(figures['rows'], figures['goals'], strict=True):
        assert goal['value'] == pytest.approx(row[f'p{100 * row["quantile"]:g}_s'] * 1e3)
        assert goal['goal'] == pytest.approx(row['goal_s'] * 1e3)
        assert goal['met'] == (goal['value'] <= goal['goal'])


def test_all_points_of_a_synthetic_profile_are_pareto_optimal(load):
    decision = load('decision')
    case = decision.Case(1, 400, 1.0)
    profile = decision.profile('app', case, rng=decision.np.random.default_rng(1))
    assert len(profile.table.points) == 400


def test_points_that_do_not_fill_all_frequencies_are_refused(load):
    decision = load('decision')
    with pytest.raises(ValueError, match='points is 401; expected a multiple of 40'):
        case = decision.Case(1, 401, 1.0)
        decision.profile('app', case, rng=decision.np.random.default_rng(1))


def test_the_file_contains_machine_and_settings(figures):
    assert figures['machine']['cpu']
    assert figures['settings']['decisions'] == 30
