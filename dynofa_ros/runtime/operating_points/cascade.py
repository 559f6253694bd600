# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cascades: sub-networks in a row; a later one runs only where the earlier ones are unsure.

A cascade is an operating point like any other, but its latency and energy depend on the image: most
images are answered at the first stage, the others are escalated. After Viola and Jones (CVPR 2001)
and IDK cascades (Wang et al., UAI 2018, arXiv 1706.00885).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_name, check_number, check_range, shortened
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.ranges import COUNT, STAGES_MAX

Place = tuple[str, str, int, float]  # engine, processor, threads, frequency [Hz]; -1: none


@dataclass(frozen=True)
class Cascade:
    """Two or three sub-networks, and when a later one runs; mirrors msg/Cascade.

    The shares and accuracies were measured on images that chose no threshold.
    """

    cascade_id: str
    stages: tuple[str, ...]  # sub-networks, the first to run first
    thresholds: tuple[float, ...]  # of each stage but the last: a lower score escalates
    reached: tuple[float, ...]  # share of the images that reach each stage after the first
    accuracy: float  # top-1 of its answers
    answer_accuracy: tuple[float, ...]  # of the images that each stage answers; NaN: none
    early_accuracy: tuple[float, ...]  # of each stage but the last, on the images it escalates
    images: int = 0  # on which this was measured

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of its range, or lists that do not fit together."""
        try:
            check_name('cascade_id', self.cascade_id)
            self._check()
        except ValueError as error:
            name = shortened(repr(self.cascade_id))
            raise ValueError(f'cascade {name}: {error}') from None

    def _check(self) -> None:
        if not 2 <= len(self.stages) <= STAGES_MAX:
            raise ValueError(
                f'stages holds {len(self.stages)} sub-networks; expected 2 to {STAGES_MAX}'
            )
        for stage in self.stages:
            check_name('stages', stage)
        if len(set(self.stages)) < len(self.stages):
            raise ValueError(f'stages is {", ".join(self.stages)}; expected each sub-network once')
        later = len(self.stages) - 1
        for name, values, count in (
            ('thresholds', self.thresholds, later),
            ('reached', self.reached, later),
            ('answer_accuracy', self.answer_accuracy, later + 1),
            ('early_accuracy', self.early_accuracy, later),
        ):
            if len(values) != count:
                raise ValueError(f'{name} holds {len(values)} values; expected {count}')
            for value in values:
                check_number(name, value, low=0.0, high=1.0, nan=name.endswith('accuracy'))
        if any(more < less for more, less in zip(self.reached, self.reached[1:], strict=False)):
            raise ValueError(f'reached is {list(self.reached)}; expected descending shares')
        check_number('accuracy', self.accuracy, low=0.0, high=1.0)
        check_range('images', self.images, COUNT)

    @property
    def answered(self) -> tuple[float, ...]:
        """The share of the images that each stage answers; the shares add up to 1."""
        return stage_shares(self.reached)


def stage_shares(reached: Sequence[float]) -> tuple[float, ...]:
    """Return the share of the images that ends at each stage, from `Cascade.reached`."""
    reaches = (1.0, *reached)
    ends = (*reached, 0.0)
    return tuple(reach - end for reach, end in zip(reaches, ends, strict=True))


@dataclass(frozen=True)
class CascadePoint(OperatingPoint):
    """An operating point of a cascade; latency, its deviation and energy are of a mean image.

    `subnet_id` is the name of the cascade, `precision` that of its last stage, `flops` the mean,
    `parameters` those of all stages.
    """

    cascade: Cascade | None = None
    stages: tuple[OperatingPoint, ...] = ()  # as without the cascade

    @classmethod
    def of(cls, cascade: Cascade, stages: Sequence[OperatingPoint]) -> CascadePoint:
        """Return the cascade's point whose `stages` share engine, processor, threads and clock."""
        reaches = (1.0, *cascade.reached)
        parts = list(zip(reaches, stages, strict=True))
        latency_s = sum(share * each.latency_s for share, each in parts)
        return cls(
            subnet_id=cascade.cascade_id,
            engine=stages[0].engine,
            processor=stages[0].processor,
            threads=stages[0].threads,
            frequency_hz=stages[0].frequency_hz,
            latency_s=latency_s,
            latency_std_s=_std_s(cascade, stages, mean_s=latency_s),
            energy_j=sum(share * each.energy_j for share, each in parts),
            accuracy=cascade.accuracy,
            flops=round(sum(share * each.flops for share, each in parts)),
            parameters=sum(each.parameters for each in stages),
            precision=stages[-1].precision,
            cascade=cascade,
            stages=tuple(stages),
        )


def _std_s(cascade: Cascade, stages: Sequence[OperatingPoint], *, mean_s: float) -> float:
    """Return the deviation of the mixture: what the stages vary, and which of them run."""
    second_moment = path_s = path_variance = 0.0
    for share, stage in zip(cascade.answered, stages, strict=True):
        path_s += stage.latency_s
        path_variance += stage.latency_std_s**2
        second_moment += share * (path_s**2 + path_variance)
    return math.sqrt(max(second_moment - mean_s**2, 0.0))


def by_place(points: Iterable[OperatingPoint]) -> dict[Place, dict[str, OperatingPoint]]:
    """Return the points of each engine, processor, threads and frequency, by sub-network."""
    places: dict[Place, dict[str, OperatingPoint]] = {}
    for point in points:
        clock_hz = -1.0 if math.isnan(point.frequency_hz) else point.frequency_hz
        place = (point.engine, point.processor, point.threads, clock_hz)
        places.setdefault(place, {})[point.subnet_id] = point
    return places


def cascade_points(
    cascades: Sequence[Cascade], points: Sequence[OperatingPoint]
) -> Iterator[CascadePoint]:
    """Yield each cascade at every engine, processor, threads and clock that has all its stages."""
    for here in by_place(points).values():
        for cascade in cascades:
            if (stages := _stages_in(here, cascade)) is not None:
                yield CascadePoint.of(cascade, stages)


def _stages_in(
    here: Mapping[str, OperatingPoint], cascade: Cascade
) -> tuple[OperatingPoint, ...] | None:
    found = tuple(here[each] for each in cascade.stages if each in here)
    return found if len(found) == len(cascade.stages) else None
