# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Multiple-choice knapsack: one item of each class, the best value within a capacity.

Class by class, the Pareto front over total weight and value is kept (Nemhauser and Ullmann,
Discrete Dynamic Programming and Capital Allocation, Management Science 15(9), 1969). That is exact:
a dominated partial choice cannot become part of the optimum. Values are vectors in lexicographic
order, which addition preserves. Fronts that grow too long are thinned, which is not exact.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.operating_points.table import Floats, Indices

# Rounding, as a share of the capacity.
ROUNDING = 1e-12
# Up to this many combinations, plain numbers are faster than arrays.
FEW = 1500


@dataclass(frozen=True, eq=False)
class Items:
    """One class of items, of which one is taken."""

    weight: Floats  # (items,)
    value: Floats  # (items, keys), smaller is better


@dataclass(frozen=True)
class Taken:
    """The choice, and whether it is proven optimal."""

    items: tuple[int, ...]  # one a class
    value: tuple[float, ...]  # (keys,), summed
    exact: bool  # False: a front was thinned
    rows: int  # pairs evaluated


def choose(classes: Sequence[Items], *, capacity: float, most_rows: int) -> Taken:
    """Return the best choice, evaluating at most `most_rows` pairs of a front and a class.

    Raises ValueError if the lightest items exceed `capacity`, or if `most_rows` is less than twice
    the largest class.
    """
    lightest = np.array([each.weight.min() for each in classes])
    if lightest.sum() > capacity * (1 + ROUNDING):
        raise ValueError(f'capacity is {capacity:g}; expected from {lightest.sum():g}')
    widest = max(len(each.weight) for each in classes)
    if most_rows < 2 * widest:
        raise ValueError(f'most_rows is {most_rows}; expected from {2 * widest}')
    left = lightest.sum() - lightest.cumsum()  # of the remaining classes
    if math.prod(len(each.weight) for each in classes) <= min(FEW, most_rows):
        return _choose_of_few(classes, capacity=capacity, left=left.tolist())
    weight, value = np.zeros(1), np.zeros((1, classes[0].value.shape[1]))
    origins: list[tuple[Indices, Indices]] = []  # row of the previous front, item
    exact, evaluated = True, 0
    for each, rest in zip(classes, left, strict=True):
        front = np.arange(len(weight))
        if len(front) * len(each.weight) > most_rows:
            # The best and the lightest stay, so that one fits.
            front = np.linspace(0, len(front) - 1, most_rows // len(each.weight)).astype(np.intp)
            exact = False
        total = weight[front, None] + each.weight
        evaluated += total.size
        # For the last class `rest` is rounding only.
        before, item = np.nonzero(total <= max(capacity - rest, float(total.min())))
        weight, value = total[before, item], value[front[before]] + each.value[item]
        kept = pareto(weight, value)
        weight, value = weight[kept], value[kept]
        origins.append((front[before[kept]], item[kept]))
    row, items = 0, []
    for before, item in reversed(origins):
        items.append(int(item[row]))
        row = int(before[row])
    return Taken(tuple(reversed(items)), tuple(value[0].tolist()), exact, evaluated)


def _choose_of_few(classes: Sequence[Items], *, capacity: float, left: Sequence[float]) -> Taken:
    """Return the same choice, computed with plain numbers and without a limit on the pairs."""
    nothing = (0.0,) * classes[0].value.shape[1]
    front: list[tuple[tuple[float, ...], float, tuple[int, ...]]] = [(nothing, 0.0, ())]
    evaluated = 0
    for each, rest in zip(classes, left, strict=True):
        items = list(enumerate(zip(each.weight.tolist(), each.value.tolist(), strict=True)))
        evaluated += len(front) * len(items)
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
    return Taken(taken, value, True, evaluated)


def pareto(weight: Floats, value: Floats) -> Indices:
    """Return the rows of the Pareto front, best value first, weights strictly falling."""
    order = np.lexsort((weight, *value.T[::-1]))
    return np.asarray(order[new_minima(weight[order])])


def new_minima(values: Floats) -> npt.NDArray[np.bool_]:
    """Return which values are less than all before them, (values,)."""
    kept = np.ones(len(values), dtype=bool)
    kept[1:] = values[1:] < np.minimum.accumulate(values)[:-1]
    return kept
