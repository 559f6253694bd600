# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The stages of the cascades among several operating points, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.latency import Stages
from dynofa_ros.runtime.operating_points.cascade import CascadePoint
from dynofa_ros.runtime.operating_points.point import OperatingPoint, cost

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
_Value = TypeVar('_Value', bound=Hashable)
_Array = TypeVar('_Array', Floats, Indices)


@dataclass(frozen=True, eq=False)
class CascadeTable:
    """The cascades among several points; (cascades, stages), padded with zeros."""

    rows: Indices  # (cascades,) of the points, ascending
    cascade_ids: tuple[str, ...]  # distinct
    cascade_of: Indices  # (cascades,) index in `cascade_ids`
    latency_s: Floats
    latency_std_s: Floats
    cost_j: Floats  # as of the points: `point.cost`
    reached: Floats  # share of the images that reach each stage, as measured; the first: 1
    answer_accuracy: Floats  # of the images that each stage answers; 0: none
    early_accuracy: Floats  # of the images that it escalates; 0: none
    subnets: tuple[tuple[str, str], ...]  # distinct sub-networks and processors
    subnet_of: Indices  # index in `subnets`; 0 where there is no stage

    @classmethod
    def of(cls, points: Sequence[OperatingPoint], *, energy_known: bool) -> CascadeTable | None:
        """Return the cascades among points; None: there are none."""
        found = {row: each for row, each in enumerate(points) if isinstance(each, CascadePoint)}
        if not found:
            return None
        cascades = tuple(found.values())
        width = max(len(each.stages) for each in cascades)
        on = [[(stage.subnet_id, stage.processor) for stage in each.stages] for each in cascades]
        ids = _numbered(each.subnet_id for each in cascades)
        subnets = _numbered(each for some in on for each in some)
        made = [each.cascade for each in cascades if each.cascade is not None]

        def padded(values: Iterable[Sequence[float]]) -> Floats:
            return np.array([(*each, *(0.0,) * (width - len(each))) for each in values])

        def of_stages(field: Callable[[OperatingPoint], float]) -> Floats:
            return padded([field(stage) for stage in each.stages] for each in cascades)

        return cls(
            rows=np.fromiter(found, np.intp, len(found)),
            cascade_ids=tuple(ids),
            cascade_of=np.array([ids[each.subnet_id] for each in cascades]),
            latency_s=of_stages(lambda each: each.latency_s),
            latency_std_s=of_stages(lambda each: each.latency_std_s),
            cost_j=of_stages(lambda each: cost(each, energy_known=energy_known)),
            reached=padded((1.0, *each.reached) for each in made),
            answer_accuracy=np.nan_to_num(padded(each.answer_accuracy for each in made)),
            early_accuracy=np.nan_to_num(padded(each.early_accuracy for each in made)),
            subnets=tuple(subnets),
            subnet_of=padded([subnets[each] for each in some] for some in on).astype(np.intp),
        )

    @staticmethod
    def joined(tables: Sequence[tuple[CascadeTable, int]]) -> CascadeTable:
        """Return several tables as one, each with the first row of its points."""
        ids = np.cumsum([0, *(len(each.cascade_ids) for each, _ in tables)])
        subnets = np.cumsum([0, *(len(each.subnets) for each, _ in tables)])

        def of_stages(field: Callable[[CascadeTable], Floats]) -> Floats:
            return _stacked([field(each) for each, _ in tables])

        def shifted(values: Sequence[Indices], by: Iterable[int]) -> Indices:
            return _stacked([each + more for each, more in zip(values, by, strict=False)])

        return CascadeTable(
            rows=shifted([each.rows for each, _ in tables], (start for _, start in tables)),
            cascade_ids=tuple(name for each, _ in tables for name in each.cascade_ids),
            cascade_of=shifted([each.cascade_of for each, _ in tables], ids.tolist()),
            latency_s=of_stages(lambda each: each.latency_s),
            latency_std_s=of_stages(lambda each: each.latency_std_s),
            cost_j=of_stages(lambda each: each.cost_j),
            reached=of_stages(lambda each: each.reached),
            answer_accuracy=of_stages(lambda each: each.answer_accuracy),
            early_accuracy=of_stages(lambda each: each.early_accuracy),
            subnets=tuple(subnet for each, _ in tables for subnet in each.subnets),
            subnet_of=shifted([each.subnet_of for each, _ in tables], subnets.tolist()),
        )

    def reached_now(self, observed: Mapping[str, Sequence[float]]) -> Floats:
        """Return the share of the images that reach each stage, those observed where known.

        `observed` has, by cascade, the share that reaches each stage after the first.
        """
        reached = self.reached.copy()
        for index, name in enumerate(self.cascade_ids):
            if name in observed:
                reached[self.cascade_of == index, 1 : 1 + len(observed[name])] = observed[name]
        return reached

    def stages(
        self, reached: Floats, *, correction: Floats | float = 1.0, std: Floats | float = 0.0
    ) -> Stages:
        """Return the latency of the stages.

        `reached` is the share of the frames that reach each stage; `correction` and `std` are as in
        `Correction`, of each stage.
        """
        shares = reached - np.pad(reached[:, 1:], ((0, 0), (0, 1)))
        return Stages(self.rows, shares, self.latency_s, self.latency_std_s, correction, std)

    def cut(self, reached: Floats, fits: Floats) -> Floats:
        """Return the share of the frames that reach each stage if some escalations are cut.

        `fits` is the probability that each stage, once it is wanted, is in time.
        """
        return np.asarray(reached * np.cumprod(fits, axis=1))

    def accuracy_lost(self, reached: Floats, fits: Floats) -> Floats:
        """Return how much less accurate each cascade is for its escalations that are cut.

        Then the early answer counts, on images that are hard for its stage.
        """
        uncut, cut = (self._accuracy(reached, each) for each in (np.ones_like(fits), fits))
        return uncut - cut

    def _accuracy(self, reached: Floats, fits: Floats) -> Floats:
        arrive = self.cut(reached, fits)
        unsure = np.divide(
            np.pad(reached[:, 1:], ((0, 0), (0, 1))),
            reached,
            out=np.zeros_like(reached),
            where=reached > 0.0,
        )
        is_cut = unsure * (1.0 - np.pad(fits[:, 1:], ((0, 0), (0, 1)), constant_values=1.0))
        answers = (1.0 - unsure) * self.answer_accuracy + is_cut * self.early_accuracy
        return np.asarray((arrive * answers).sum(axis=1))

    def mean_cost_j(self, reached: Floats, correction: Floats | float = 1.0) -> Floats:
        """Return the cost of a mean frame, (cascades,) [J].

        A sub-network that takes longer than profiled draws more, by `Correction`.
        """
        return np.asarray((reached * self.cost_j * correction).sum(axis=1))


def _numbered(values: Iterable[_Value]) -> dict[_Value, int]:
    """Return the distinct values in order, each with its index."""
    return {each: index for index, each in enumerate(dict.fromkeys(values))}


def _stacked(values: Sequence[_Array]) -> _Array:
    """Return values of several tables as one array; those of stages are padded with zeros."""
    if values[0].ndim > 1:
        width = max(each.shape[1] for each in values)
        values = [np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in values]
    return cast(_Array, np.concatenate(values))
