# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from dynofa_ros.runtime.power_capped import knapsack
from dynofa_ros.runtime.power_capped.knapsack import Items, choose, pareto


def classes_of(rng, *, classes, items, keys=2):
    return [
        Items(rng.uniform(0.0, 1.0, items), rng.integers(0, 5, (items, keys)).astype(float))
        for _ in range(classes)
    ]


def brute_force(classes, capacity):
    """Return the best value of all choices."""
    values = []
    for items in itertools.product(*(range(len(each.weight)) for each in classes)):
        taken = list(zip(classes, items, strict=True))
        if sum(each.weight[item] for each, item in taken) <= capacity:
            values.append(tuple(sum(each.value[item] for each, item in taken).tolist()))
    return min(values)


@pytest.mark.parametrize('seed', range(20))
def test_the_choice_is_the_brute_force_optimum(seed):
    rng = np.random.default_rng(seed)
    classes = classes_of(rng, classes=4, items=5)
    lightest = sum(each.weight.min() for each in classes)
    capacity = lightest + rng.uniform(0.0, 2.0)
    taken = choose(classes, capacity=capacity, most_rows=10_000)
    assert taken.exact
    assert taken.value == brute_force(classes, capacity)
    chosen = list(zip(classes, taken.items, strict=True))
    assert sum(each.weight[item] for each, item in chosen) <= capacity
    assert tuple(sum(each.value[item] for each, item in chosen).tolist()) == taken.value


@pytest.mark.parametrize('seed', range(20))
def test_plain_numbers_and_arrays_agree(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    classes = classes_of(rng, classes=4, items=6, keys=1 + seed % 3)
    capacity = sum(each.weight.min() for each in classes) + rng.uniform(0.0, 2.0)
    plain = choose(classes, capacity=capacity, most_rows=10_000)
    monkeypatch.setattr(knapsack, 'FEW', 0)
    assert choose(classes, capacity=capacity, most_rows=10_000) == plain


def test_keys_are_lexicographic():
    first = Items(np.array([1.0, 1.0]), np.array([[0.0, 1e9], [1.0, -1e9]]))
    assert choose([first], capacity=1.0, most_rows=10).items == (0,)


def test_thinned_fronts_are_within_capacity_and_not_exact():
    rng = np.random.default_rng(1)
    classes = [
        Items(weight := np.sort(rng.uniform(0.0, 1.0, 30)), (1.0 - weight)[:, None])
        for _ in range(5)
    ]
    taken = choose(classes, capacity=1.5, most_rows=60)
    assert not taken.exact
    weights = [each.weight[item] for each, item in zip(classes, taken.items, strict=True)]
    assert sum(weights) <= 1.5
    assert taken.rows <= 5 * 60


def test_the_capacity_may_be_used_up():
    classes = [Items(np.array([0.1, 0.2]), np.array([[1.0], [0.0]]))] * 3
    assert choose(classes, capacity=0.1 + 0.1 + 0.1, most_rows=10).items == (0, 0, 0)


def test_a_capacity_below_the_lightest_items_is_rejected():
    with pytest.raises(ValueError, match=r'capacity is 0\.5; expected from 2'):
        choose([Items(np.ones(1), np.ones((1, 1)))] * 2, capacity=0.5, most_rows=10)


def test_too_few_rows_are_rejected():
    with pytest.raises(ValueError, match=r'most_rows is 3; expected from 4'):
        choose([Items(np.ones(2), np.ones((2, 1)))], capacity=1.0, most_rows=3)


def test_weights_fall_along_the_front():
    weight = np.array([3.0, 2.0, 2.0, 1.0, 4.0])
    value = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    assert pareto(weight, value).tolist() == [0, 1, 3]
