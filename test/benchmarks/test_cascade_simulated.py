# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The comparison of our manager with and without cascades on a simulated board."""

from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.profiles.score_table import ScoreTable
from dynofa_ros.runtime import Cascade
from dynofa_ros.simulation.networks_file import Networks

pytestmark = pytest.mark.no_cover

SMALL = SubnetCost('small', accuracy=0.80, flops=5_000_000, layers=20)
LARGE = SubnetCost('large', accuracy=0.87, flops=47_000_000, layers=40)
CASCADE = Cascade('s+l', ('small', 'large'), (0.8,), (0.3,), 0.869, (0.92, 0.75), (0.52,), 1000)


@pytest.fixture
def networks():
    small = np.minimum(np.linspace(0.0, 0.8 / 0.3, 1000, endpoint=False), 1.0)
    score = np.stack([small, np.full(1000, 0.9)], axis=1)
    scores = ScoreTable(('small', 'large'), score, np.ones_like(score, bool))
    return Networks('two', (SMALL, LARGE), (CASCADE,), scores)


@pytest.fixture(scope='module')
def benchmark(load):
    return load('cascade_simulated')


def test_the_scenarios_are_those_with_one_camera(benchmark):
    names = benchmark.single_camera_scenarios()
    assert {'steady', 'changing_deadlines', 'camera_on_cpu'} <= set(names)
    assert not {'two_applications', 'four_applications'} & set(names)


def test_a_case_moves_a_scenario_to_another_processor(benchmark, networks):
    case = benchmark.case('changing_contention', networks, processor='cpu', deadline_scale=2.0)
    (plan,) = case.applications
    assert plan.processors == ('cpu',)
    assert {each.processor for each in case.co_runners} == {'cpu'}
    assert [each.target.deadline_s for each in plan.targets] == [0.16]
    assert {each.target.min_accuracy for each in plan.targets} == {0.867}
    assert case.objective == 'min_energy'


def test_wrong_profiles_are_those_of_the_most_accurate_sub_networks(benchmark, networks):
    case = benchmark.case('wrong_profile', networks, processor='cpu')
    assert list(case.profile_errors) == ['large', 'small']
    assert set(case.profile_errors.values()) == {1.3, 2.0}


def test_all_figures_are_compared_with_their_goals(benchmark, networks, capsys):
    found = benchmark.compare_all(networks, ['steady'], 1)
    assert set(found['pairs']) == {'cpu', 'cpu_publish_early', 'cpu_own_deadlines', 'gpu'}
    (pair,) = found['pairs']['cpu']
    saved = 1.0 - pair['with_cascades']['frame_energy_j'] / pair['without']['frame_energy_j']
    assert saved > 0.3
    assert [each['value'] for each in found['goals']][:1] == pytest.approx([100.0 * saved])
    assert pair['with_cascades']['escalated'] == pytest.approx(0.3, abs=0.1)
    assert pair['without']['escalated'] == 0.0
    assert 'frame energy saved on the CPU' in capsys.readouterr().out


def test_a_model_without_cascades_is_refused(benchmark, networks):
    with pytest.raises(ValueError, match='cascades of two are missing; expected some'):
        benchmark.compare_all(replace(networks, cascades=()), ['steady'], 1)
    with pytest.raises(ValueError, match='cascades of two are missing; expected some'):
        benchmark.compare_all(replace(networks, scores=None), ['steady'], 1)


def test_a_mean_of_scenarios_weighs_each_of_them_alike(benchmark):
    figures = benchmark.Figures(1.0, 0.0, 0.8, 0.0, 0.0, 0.0)
    pairs = [
        benchmark.Pair(name, seed, replace(figures, miss_rate=late), figures)
        for name, seed, late in (('a', 0, 0.1), ('a', 1, 0.3), ('b', 0, 0.5))
    ]
    found = benchmark.by_scenario(pairs, lambda each: each.with_cascades.miss_rate)
    assert found == pytest.approx({'a': 0.2, 'b': 0.5})
