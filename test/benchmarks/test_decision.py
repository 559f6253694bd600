"""benchmarks/decision.py: its cases, their quantiles, and the goals."""

import json

import pytest


@pytest.fixture(scope='module')
def figures(load, tmp_path_factory):
    """What a trial writes."""
    file = tmp_path_factory.mktemp('decision') / 'figures.json'
    assert load('decision').main(['--decisions', '30', '--json', str(file)]) == 0
    return json.loads(file.read_text())


def test_every_case_is_there(figures):
    cases = [(e['applications'], e['points'], e['power_cap_w']) for e in figures['rows']]
    assert cases == [(1, 10_000, None), (4, 200, None), (4, 200, 3.0)]  # None: no cap


def test_without_a_cap_few_clocks_are_searched_exactly(figures):
    assert [each['exact'] for each in figures['rows'][:2]] == [1.0, 1.0]


def test_quantiles_rise(figures):
    for each in figures['rows']:
        assert 0.0 < each['p50_s'] <= each['p99_s'] <= each['longest_s']


def test_what_is_timed_are_decisions_that_change_something(figures):
    for each in figures['rows']:
        assert 0 < each['changes'] <= 30


def test_goals_are_judged_by_the_rows(figures):
    for row, goal in zip(figures['rows'], figures['goals'], strict=True):
        assert goal['value'] == pytest.approx(row['p99_s'] * 1e3)
        assert goal['goal'] == pytest.approx(row['goal_p99_s'] * 1e3)
        assert goal['met'] == (goal['value'] <= goal['goal'])


def test_no_point_of_a_made_up_profile_beats_another(load):
    decision = load('decision')
    profile = decision.profile('app', points=400, rng=decision.np.random.default_rng(1))
    assert len(profile.table.points) == 400


def test_points_that_do_not_fill_the_clocks_are_refused(load):
    decision = load('decision')
    with pytest.raises(ValueError, match='points is 401; expected a multiple of 40'):
        decision.profile('app', points=401, rng=decision.np.random.default_rng(1))


def test_the_file_says_on_which_machine(figures):
    assert figures['machine']['cpu']
    assert figures['settings']['decisions'] == 30
