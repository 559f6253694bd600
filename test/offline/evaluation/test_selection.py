from dataclasses import replace
from random import Random

import pytest

import dynofa_ros.offline.evaluation.selection as module
from dynofa_ros.offline.evaluation.selection import (
    Candidate,
    evenly_spaced,
    finalize,
    measure_candidates,
    pareto_front,
    sample_candidates,
)
from dynofa_ros.supernet.cost import Cost
from dynofa_ros.supernet.search_space import inverted_residual_space

SPACE = inverted_residual_space(
    kernel_sizes=(3, 5), expand_ratios=(3, 4), depths=(2, 3), resolutions=(20, 24), stages=5
)
CONFIG = SPACE.max_config()


def candidate(mflop, accuracy):
    return Candidate(CONFIG, Cost(int(mflop * 1e6), 1, 1), accuracy)


def test_the_smallest_and_the_largest_are_candidates():
    everyone = sample_candidates(SPACE, count=10, seed=0)
    assert everyone[:2] == [SPACE.canonical(SPACE.min_config()), SPACE.max_config()]


def test_candidates_are_as_many_as_asked_for_once_each():
    everyone = sample_candidates(SPACE, count=30, seed=0)
    assert len(set(everyone)) == len(everyone) == 30


def test_candidates_are_drawn_by_the_seed():
    assert sample_candidates(SPACE, count=10, seed=0) == sample_candidates(SPACE, count=10, seed=0)
    assert sample_candidates(SPACE, count=10, seed=0) != sample_candidates(SPACE, count=10, seed=1)


def test_fewer_than_two_candidates_are_refused():
    with pytest.raises(ValueError, match='candidates is 1'):
        sample_candidates(SPACE, count=1, seed=0)


def test_the_front_leaves_out_what_a_cheaper_one_beats():
    tried = [candidate(3, 0.7), candidate(1, 0.6), candidate(2, 0.5), candidate(4, 0.8)]
    assert [each.cost.flops / 1e6 for each in pareto_front(tried)] == [1, 3, 4]


def test_the_front_leaves_out_what_adds_next_to_nothing():
    assert len(pareto_front([candidate(1, 0.7), candidate(2, 0.7039)])) == 1


def test_of_two_that_cost_the_same_the_front_has_the_better():
    assert [each.accuracy for each in pareto_front([candidate(1, 0.6), candidate(1, 0.7)])] == [0.7]


def test_spread_keeps_the_ends():
    front = [candidate(i, 0.5 + i / 100) for i in range(20)]
    chosen = evenly_spaced(front, 5)
    assert (chosen[0], chosen[-1]) == (front[0], front[-1])
    assert len(chosen) == 5


def test_spread_of_a_short_front_is_all_of_it():
    front = [candidate(1, 0.5), candidate(2, 0.6)]
    assert evenly_spaced(front, 8) == front


def test_spread_to_fewer_than_two_is_refused():
    with pytest.raises(ValueError, match='count is 1'):
        evenly_spaced([candidate(1, 0.5)], 1)


@pytest.fixture
def net(make_net):
    return make_net().eval()


def test_trying_out_measures_each_and_leaves_no_statistics_behind(net, thumbnails):
    images = thumbnails()
    configs = [net.space.canonical(net.space.sample(Random(i))) for i in range(2)]
    told = []
    tried = measure_candidates(
        net, configs, calibration=images, held_out=images, report=told.append
    )
    assert [each.config for each in tried] == configs
    assert all(0 <= each.accuracy <= 1 for each in tried)
    assert told == [1, 2]
    assert not net.statistics


def test_what_is_kept_rises_in_accuracy_and_has_statistics(net, thumbnails):
    images = thumbnails()
    configs = [net.space.canonical(net.space.sample(Random(i))) for i in range(4)]
    tried = measure_candidates(
        net, configs, calibration=images, held_out=images, report=lambda _: None
    )
    kept = finalize(net, tried, calibration=images, test=images)
    accuracies = [each.accuracy for each in kept]
    assert accuracies == sorted(set(accuracies))
    assert set(net.statistics) == {each.config for each in kept}


def test_two_that_cost_alike_have_different_names(net, thumbnails, monkeypatch):
    right = iter([0.1, 0.2])
    monkeypatch.setattr(module, 'calibrated_top1', lambda *_, **__: next(right))
    configs = [net.space.min_config(), net.space.max_config()]
    chosen = [Candidate(replace(config, r=8), Cost(10**6, 1, 1), 0.5) for config in configs]
    names = [each.subnet_id for each in finalize(net, chosen, calibration=None, test=None)]
    assert names[0] == 'r8-1.0mflop'
    assert names[1].startswith('r8-1.0mflop-')
