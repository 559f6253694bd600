# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/monitoring.py: real nodes on test boards, and consistent figures."""

import pytest

pytestmark = [pytest.mark.usefixtures('ros'), pytest.mark.no_cover]


@pytest.fixture(scope='module')
def figures(run_main):
    return run_main('monitoring', '--quick')


def test_both_sides_were_measured(figures):
    assert [each['board'] for each in figures['rows']] == ['xavier_nx_jetpack5', 'intel_laptop']
    for row in figures['rows']:
        assert 0 < row['with'] < 1
        assert 0 < row['without'] < 1


def test_the_cost_of_sampling_is_the_difference_of_both_sides(figures):
    for row in figures['rows']:
        assert row['sampling'] == pytest.approx(row['with'] - row['without'])
        assert row['ratio'] == pytest.approx(row['with'] / row['without'])


def test_each_board_has_a_goal(figures):
    assert [each['goal'] for each in figures['goals']] == [0.01, 0.01]


def test_an_unknown_board_is_refused(load, capsys):
    assert load('monitoring').main(['--quick', '--boards', 'toaster']) == 1
    assert "board is 'toaster'; expected " in capsys.readouterr().err
