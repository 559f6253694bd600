# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from random import Random

import pytest

import dynofa_ros.offline.evaluation.selection as module
from dynofa_ros.offline.evaluation.selection import (
    LEAST_GAIN,
    Candidate,
    accuracy_front,
    evenly_spaced,
    finalize,
    measure_candidates,
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
    configs = sample_candidates(SPACE, count=10, seed=0)
    assert configs[:2] == [SPACE.canonical(SPACE.min_config()), SPACE.max_config()]


def test_candidates_are_distinct_and_as_many_as_requested():
    configs = sample_candidates(SPACE, count=30, seed=0)
    assert len(set(configs)) == len(configs) == 30


def test_candidates_depend_on_the_seed():
    first, again, other = (sample_candidates(SPACE, count=10, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ('candidates', 'least_gain', 'front'),
    [
        ([(3, 0.7), (1, 0.6), (2, 0.5), (4, 0.8)], LEAST_GAIN, [(1, 0.6), (3, 0.7), (4, 0.8)]),
        ([(3, 0.7), (1, 0.6), (2, 0.5), (4, 0.7)], 0.0, [(1, 0.6), (3, 0.7)]),
        ([(1, 0.7), (2, 0.7039)], LEAST_GAIN, [(1, 0.7)]),
        ([(1, 0.6), (1, 0.7)], 0.0, [(1, 0.7)]),
    ],
    ids=['cheaper and better', 'cheaper and equal', 'too small a gain', 'equal cost'],
)
def test_the_front_excludes_dominated_candidates(candidates, least_gain, front):
    found = accuracy_front(
        [candidate(*each) for each in candidates], lambda c: c.cost.flops, least_gain=least_gain
    )
    assert [(each.cost.flops / 1e6, each.accuracy) for each in found] == front


def test_even_spacing_keeps_the_ends_of_the_front():
    front = [candidate(i, 0.5 + i / 100) for i in range(20)]
    chosen = evenly_spaced(front, 5)
    assert (chosen[0], chosen[-1]) == (front[0], front[-1])
    assert len(chosen) == 5


def test_a_short_front_is_kept_entirely():
    front = [candidate(1, 0.5), candidate(2, 0.6)]
    assert evenly_spaced(front, 8) == front


def test_fewer_than_two_sub_networks_are_refused():
    with pytest.raises(ValueError, match='candidates is 1; expected 2 or above'):
        sample_candidates(SPACE, count=1, seed=0)
    with pytest.raises(ValueError, match='count is 1; expected 2 or above'):
        evenly_spaced([candidate(1, 0.5)], 1)


@pytest.fixture
def net(make_net):
    return make_net().eval()


def measured(net, images, count, report=lambda done: None):
    configs = [net.space.canonical(net.space.sample(Random(i))) for i in range(count)]
    found = measure_candidates(net, configs, calibration=images, held_out=images, report=report)
    assert [each.config for each in found] == configs
    return found


def test_measuring_candidates_leaves_no_statistics_behind(net, thumbnails):
    done = []
    found = measured(net, thumbnails(), 2, done.append)
    assert all(0 <= each.accuracy <= 1 for each in found)
    assert done == [1, 2]
    assert not net.statistics


def test_kept_sub_networks_rise_in_accuracy_and_have_statistics(net, thumbnails):
    images = thumbnails()
    kept = finalize(net, measured(net, images, 4), calibration=images, test=images)
    accuracies = [each.accuracy for each in kept]
    assert accuracies == sorted(set(accuracies))
    assert set(net.statistics) == {each.config for each in kept}


def test_sub_networks_of_equal_cost_have_different_names(net, thumbnails, monkeypatch):
    top1 = iter([0.1, 0.2])
    monkeypatch.setattr(module, 'calibrated_top1', lambda *_, **__: next(top1))
    configs = [net.space.min_config(), net.space.max_config()]
    selected = [Candidate(replace(config, r=8), Cost(10**6, 1, 1), 0.5) for config in configs]
    names = [each.subnet_id for each in finalize(net, selected, calibration=None, test=None)]
    assert names[0] == 'r8-1.0mflop'
    assert names[1].startswith('r8-1.0mflop-')
