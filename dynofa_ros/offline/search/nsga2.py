"""Evolutionary search for sub-networks that are accurate and fast (Once-for-All, section 3.4).

NSGA-II (Deb et al., 2002) finds the whole front of accuracy against latency in one run. It comes
from pymoo: sorting into fronts, crowding distances and the operators on integers are all there,
tested by many users.
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

from dynofa_ros.offline.evaluation.selection import sample_candidates
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import SearchSpace

Figures = npt.NDArray[np.float64]
Predict = Callable[[Sequence[SubnetConfig]], Figures]


@dataclass(frozen=True)
class PredictedSubnet:
    """A sub-network of the front, with what it was ranked by: nothing of it is measured."""

    config: SubnetConfig
    accuracy: float
    latency_s: float


@dataclass(frozen=True)
class SearchSettings:
    """How long and how broadly to search."""

    population: int = 48
    generations: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings with which nothing can evolve.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for field, least in (('population', 4), ('generations', 1), ('seed', 0)):
            if getattr(self, field) < least:
                raise ValueError(f'{field} is {getattr(self, field)}; it must be at least {least}')


class ConfigEncoding:
    """A config as whole numbers: the rank of each choice that there is, the resolution last."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.choices = [
            (field, entry, choice.allowed)
            for field in space.fields
            for entry, choice in enumerate(space.choices(field))
            if len(choice.allowed) > 1
        ]
        self.most = np.array([len(c[2]) - 1 for c in self.choices] + [len(space.resolutions) - 1])

    def encode(self, config: SubnetConfig) -> list[int]:
        """Return the ranks of a config's choices."""
        ranks = [allowed.index(getattr(config, f)[i]) for f, i, allowed in self.choices]
        return [*ranks, self.space.resolutions.index(config.r)]

    def decode(self, ranks: Sequence[int]) -> SubnetConfig:
        """Return the canonical config of ranks."""
        smallest = self.space.min_config()
        values = {field: list(getattr(smallest, field)) for field in self.space.fields}
        for (field, entry, allowed), rank in zip(self.choices, ranks, strict=False):
            values[field][entry] = allowed[int(rank)]
        resolution = self.space.resolutions[int(ranks[-1])]
        return self.space.canonical(self.space.config(r=resolution, **values))


class _Canonical(RoundingRepair):  # type: ignore[misc]
    """Makes offspring whole numbers, and one of all that run the same network."""

    def __init__(self, genes: ConfigEncoding) -> None:
        super().__init__()
        self._genes = genes

    def _do(self, problem: Problem, X: Any, **options: Any) -> Any:
        rounded = super()._do(problem, X, **options)
        return np.array([self._genes.encode(self._genes.decode(row)) for row in rounded])


class _Accurate(Problem):  # type: ignore[misc]
    """Least latency and least (negative) accuracy."""

    def __init__(self, genes: ConfigEncoding, accuracy: Predict, latency_s: Predict) -> None:
        super().__init__(n_var=len(genes.most), n_obj=2, xl=0, xu=genes.most, vtype=int)
        self._genes, self._accuracy, self._latency_s = genes, accuracy, latency_s

    def _evaluate(self, x: Any, out: dict[str, Any], *arguments: Any, **options: Any) -> None:
        configs = [self._genes.decode(row) for row in x]
        out['F'] = np.column_stack([self._latency_s(configs), -self._accuracy(configs)])


def evolve(
    space: SearchSpace,
    *,
    accuracy: Predict,
    latency_s: Predict,
    settings: SearchSettings,
    report: Callable[[int], None] = lambda generation: None,
) -> list[PredictedSubnet]:
    """Return the front of what was found, fastest first; ``report`` gets each generation's number.

    KeyboardInterrupt ends the search early, with what was found so far; before the first
    generation is done it is raised.

    Raises:
        ValueError: if the space has but one sub-network.
    """
    genes = ConfigEncoding(space)
    if space.size < 2:
        raise ValueError('the space holds 1 sub-network; a search needs 2 or more to choose from')
    start = sample_candidates(space, count=settings.population, seed=settings.seed)
    repair = _Canonical(genes)
    algorithm = NSGA2(
        pop_size=settings.population,
        sampling=np.array([genes.encode(config) for config in start]),
        crossover=SBX(prob=0.9, eta=3.0, vtype=float, repair=repair),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=repair),
    )
    algorithm.setup(
        _Accurate(genes, accuracy, latency_s),
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
    best = zip(algorithm.opt.get('X'), algorithm.opt.get('F'), strict=True)
    front: list[PredictedSubnet] = []
    for each in sorted(
        (
            PredictedSubnet(genes.decode(x), float(-minus), float(seconds))
            for x, (seconds, minus) in best
        ),
        key=lambda found: (found.latency_s, -found.accuracy),
    ):
        if not front or each.accuracy > front[-1].accuracy:  # not as good and as fast as another
            front.append(each)
    return front
