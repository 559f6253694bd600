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
def test_it_is_the_best_of_all_choices_that_fit(seed):
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
def test_plain_numbers_and_arrays_take_the_same(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    classes = classes_of(rng, classes=4, items=6, keys=1 + seed % 3)
    capacity = sum(each.weight.min() for each in classes) + rng.uniform(0.0, 2.0)
    plain = choose(classes, capacity=capacity, most_rows=10_000)
    monkeypatch.setattr(knapsack, 'FEW', 0)
    assert choose(classes, capacity=capacity, most_rows=10_000) == plain


def test_an_earlier_key_outweighs_any_later_one():
    first = Items(np.array([1.0, 1.0]), np.array([[0.0, 1e9], [1.0, -1e9]]))
    assert choose([first], capacity=1.0, most_rows=10).items == (0,)


def test_thinned_fronts_still_fit_and_say_so():
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


def test_it_fits_exactly():
    classes = [Items(np.array([0.1, 0.2]), np.array([[1.0], [0.0]]))] * 3
    assert choose(classes, capacity=0.1 + 0.1 + 0.1, most_rows=10).items == (0, 0, 0)


def test_what_cannot_fit_is_refused():
    with pytest.raises(ValueError, match=r'capacity is 0\.5; expected from 2'):
        choose([Items(np.ones(1), np.ones((1, 1)))] * 2, capacity=0.5, most_rows=10)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match=r'most_rows is 3; expected from 4'):
        choose([Items(np.ones(2), np.ones((2, 1)))], capacity=1.0, most_rows=3)


def test_a_front_falls_in_weight_as_it_gets_worse():
    weight = np.array([3.0, 2.0, 2.0, 1.0, 4.0])
    value = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    assert pareto(weight, value).tolist() == [0, 1, 3]
