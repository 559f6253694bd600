# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Evolutionary search for sub-networks that are accurate and fast (Once-for-All, section 3.4).

pymoo's NSGA-II (Deb et al., 2002) finds the whole front of accuracy and latency in one run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pymoo.algorithms.moo.nsga2 import NSGA2  # type: ignore[import-untyped]
from pymoo.core.problem import Problem  # type: ignore[import-untyped]
from pymoo.operators.crossover.sbx import SBX  # type: ignore[import-untyped]
from pymoo.operators.mutation.pm import PM  # type: ignore[import-untyped]
from pymoo.operators.repair.rounding import RoundingRepair  # type: ignore[import-untyped]

from dynofa_ros.offline.evaluation.selection import accuracy_front, sample_candidates
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import SearchSpace

Figures = npt.NDArray[np.float64]
Predict = Callable[[Sequence[SubnetConfig]], Figures]


@dataclass(frozen=True)
class PredictedSubnet:
    """A sub-network of the front with its predicted accuracy and latency."""

    config: SubnetConfig
    accuracy: float
    latency_s: float


@dataclass(frozen=True)
class SearchSettings:
    """Population size, number of generations and seed."""

    population: int = 48
    generations: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        for field, least in (('population', 4), ('generations', 1), ('seed', 0)):
            if getattr(self, field) < least:
                raise ValueError(f'{field} is {getattr(self, field)}; expected {least} or above')


class ConfigEncoding:
    """Encodes a config as integers: the index of each elastic choice, the resolution last."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.choices = [
            (field, entry, choice.allowed)
            for field in space.fields
            for entry, choice in enumerate(space.choices(field))
            if len(choice.allowed) > 1
        ]
        sizes = [len(allowed) for _, _, allowed in self.choices] + [len(space.resolutions)]
        self.upper = np.array(sizes) - 1
        """Largest value of each integer."""

    def encode(self, config: SubnetConfig) -> list[int]:
        """Return the integers of a config."""
        indices = [allowed.index(getattr(config, f)[i]) for f, i, allowed in self.choices]
        return [*indices, self.space.resolutions.index(config.r)]

    def decode(self, indices: Sequence[int]) -> SubnetConfig:
        """Return the canonical config of a list of integers."""
        smallest = self.space.min_config()
        values = {field: list(getattr(smallest, field)) for field in self.space.fields}
        for (field, entry, allowed), index in zip(self.choices, indices, strict=False):
            values[field][entry] = allowed[int(index)]
        resolution = self.space.resolutions[int(indices[-1])]
        return self.space.canonical(self.space.config(r=resolution, **values))


class _CanonicalRepair(RoundingRepair):  # type: ignore[misc]
    """Rounds offspring to integers and makes them canonical, one encoding per network."""

    def __init__(self, encoding: ConfigEncoding) -> None:
        super().__init__()
        self._encoding = encoding

    def _do(self, problem: Problem, X: Any, **options: Any) -> Any:
        rounded = super()._do(problem, X, **options)
        return np.array([self._encoding.encode(self._encoding.decode(row)) for row in rounded])


class _LatencyAndAccuracy(Problem):  # type: ignore[misc]
    """Minimises latency and negative accuracy."""

    def __init__(self, encoding: ConfigEncoding, accuracy: Predict, latency_s: Predict) -> None:
        upper = encoding.upper
        super().__init__(n_var=len(upper), n_obj=2, xl=0, xu=upper, vtype=int)
        self._encoding, self._accuracy, self._latency_s = encoding, accuracy, latency_s

    def _evaluate(self, x: Any, out: dict[str, Any], *arguments: Any, **options: Any) -> None:
        configs = [self._encoding.decode(row) for row in x]
        out['F'] = np.column_stack([self._latency_s(configs), -self._accuracy(configs)])


def evolve(
    space: SearchSpace,
    *,
    accuracy: Predict,
    latency_s: Predict,
    settings: SearchSettings,
    report: Callable[[int], None] = lambda generation: None,
) -> list[PredictedSubnet]:
    """Return the Pareto front that was found, fastest first.

    ``report`` receives the number of each generation. KeyboardInterrupt ends the search early with
    the front so far; before the end of the first generation it is raised.

    Raises:
        ValueError: if the space has only one sub-network.
    """
    if space.size < 2:
        raise ValueError(f'the space holds {space.size} sub-network; expected 2 or more')
    encoding = ConfigEncoding(space)
    start = sample_candidates(space, count=settings.population, seed=settings.seed)
    repair = _CanonicalRepair(encoding)
    algorithm = NSGA2(
        pop_size=settings.population,
        sampling=np.array([encoding.encode(config) for config in start]),
        crossover=SBX(prob=0.9, eta=3.0, vtype=float, repair=repair),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=repair),
    )
    algorithm.setup(
        _LatencyAndAccuracy(encoding, accuracy, latency_s),
        seed=settings.seed,
        termination=('n_gen', settings.generations),
    )
    generation = 0
    try:
        while algorithm.has_next():
            algorithm.next()
            generation += 1
            report(generation)
    except KeyboardInterrupt:
        if not generation:
            raise
    found = [
        PredictedSubnet(encoding.decode(x), float(-negative_accuracy), float(seconds))
        for x, (seconds, negative_accuracy) in zip(
            algorithm.opt.get('X'), algorithm.opt.get('F'), strict=True
        )
    ]
    return accuracy_front(found, lambda each: each.latency_s)
