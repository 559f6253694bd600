"""Multiple-choice knapsack: one item of each class, the best value within a capacity.

Class by class, what can be reached is kept as its Pareto front over weight and value, as Nemhauser
and Ullmann did (Discrete Dynamic Programming and Capital Allocation, Management Science 15(9),
1969). That is exact: what another beats in both cannot become part of the best, whatever comes
after. Values are vectors compared from their first number on; such an order survives addition,
which is all that the argument needs. Where fronts grow too long they are thinned, which is not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.runtime.operating_points.table import Floats, Indices

# A share of the capacity that is rounding.
ROUNDING = 1e-12
# Up to so many ways to take one of each class, plain numbers are faster than arrays.
FEW = 1500


@dataclass(frozen=True, eq=False)
class Items:
    """One class, of which one item is taken."""

    weight: Floats  # (items,)
    value: Floats  # (items, keys), smaller is better


@dataclass(frozen=True)
class Taken:
    """What to take, and how sure it is the best."""

    items: tuple[int, ...]  # one a class
    value: tuple[float, ...]  # (keys,), summed
    exact: bool  # False: a front was thinned
    rows: int  # pairs looked at


def choose(classes: Sequence[Items], *, capacity: float, most_rows: int) -> Taken:
    """Return the best choice; `most_rows` pairs of a front and a class are looked at, no more.

    Raises ValueError if even the lightest items are heavier than `capacity`, or if `most_rows` is
    less than twice the largest class.
    """
    lightest = np.array([each.weight.min() for each in classes])
    if lightest.sum() > capacity * (1 + ROUNDING):
        raise ValueError(f'capacity is {capacity:g}; expected from {lightest.sum():g}')
    widest = max(len(each.weight) for each in classes)
    if most_rows < 2 * widest:
        raise ValueError(f'most_rows is {most_rows}; expected from {2 * widest}')
    left = lightest.sum() - lightest.cumsum()  # of the classes still to come
    if math.prod(len(each.weight) for each in classes) <= min(FEW, most_rows):
        return _choose_of_few(classes, capacity=capacity, left=left.tolist())
    weight, value = np.zeros(1), np.zeros((1, classes[0].value.shape[1]))
    origins: list[tuple[Indices, Indices]] = []  # row of the front before, item
    exact, looked_at = True, 0
    for each, rest in zip(classes, left, strict=True):
        front = np.arange(len(weight))
        if len(front) * len(each.weight) > most_rows:
            # From the best to the lightest, so that one that fits stays.
            front = np.linspace(0, len(front) - 1, most_rows // len(each.weight)).astype(np.intp)
            exact = False
        total = weight[front, None] + each.weight
        looked_at += total.size
        # The last class leaves nothing to come but rounding.
        before, item = np.nonzero(total <= max(capacity - rest, float(total.min())))
        weight, value = total[before, item], value[front[before]] + each.value[item]
        kept = pareto(weight, value)
        weight, value = weight[kept], value[kept]
        origins.append((front[before[kept]], item[kept]))
    row, items = 0, []
    for before, item in reversed(origins):
        items.append(int(item[row]))
        row = int(before[row])
    return Taken(tuple(reversed(items)), tuple(value[0].tolist()), exact, looked_at)


def _choose_of_few(classes: Sequence[Items], *, capacity: float, left: Sequence[float]) -> Taken:
    """Do the same with plain numbers, and without a limit on the pairs; the result is the same."""
    nothing = (0.0,) * classes[0].value.shape[1]
    front: list[tuple[tuple[float, ...], float, tuple[int, ...]]] = [(nothing, 0.0, ())]
    looked_at = 0
    for each, rest in zip(classes, left, strict=True):
        items = list(enumerate(zip(each.weight.tolist(), each.value.tolist(), strict=True)))
        looked_at += len(front) * len(items)
        lightest = front[-1][1] + float(each.weight.min())
        limit = max(capacity - rest, lightest)
        reached = [
            (tuple(map(operator.add, value, added)), weight + more, (*taken, item))
            for value, weight, taken in front
            for item, (more, added) in items
            if weight + more <= limit
        ]
        reached.sort(key=operator.itemgetter(0, 1))
        front = reached[:1]
        for candidate in reached[1:]:
            if candidate[1] < front[-1][1]:
                front.append(candidate)
    value, _, taken = front[0]
    return Taken(taken, value, True, looked_at)


def pareto(weight: Floats, value: Floats) -> Indices:
    """Return the rows that no other beats in both, best value first, weights falling."""
    order = np.lexsort((weight, *value.T[::-1]))
    ordered = weight[order]
    kept = np.ones(len(order), dtype=bool)
    kept[1:] = ordered[1:] < np.minimum.accumulate(ordered)[:-1]
    return np.asarray(order[kept])
