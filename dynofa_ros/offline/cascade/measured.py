# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Calibrate the later stages of a selected cascade, and measure it on images that chose nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynofa_ros.offline.cascade.calibration import Flags, best_scores, fit_temperature, right
from dynofa_ros.offline.cascade.front import Candidate
from dynofa_ros.offline.cascade.logits import Classes, Index, Logits
from dynofa_ros.offline.evaluation.predictions import wilson_interval
from dynofa_ros.supernet.cascade_record import CascadeRecord, cascade_fingerprint
from dynofa_ros.supernet.subnet_record import SubnetRecord

LEAST_IMAGES = 100
"""That reach a stage, and both right and wrong ones among them, for a temperature of its own."""
DRAWS = 1000
"""Of the paired bootstrap (Efron, 1979)."""


@dataclass(frozen=True)
class MeasuredCascade:
    """A cascade with figures from the images that measure."""

    record: CascadeRecord
    top1: float
    """On the images that measure; ``record.accuracy`` is on the scale of the sub-networks."""
    interval: tuple[float, float]
    """95 % of its top-1 (Wilson)."""
    difference: float
    """Its top-1 minus that of the largest stage alone, on the same images."""
    difference_interval: tuple[float, float]
    """95 % (paired bootstrap)."""
    mean: float
    worst: float
    """Mean and worst-case cost, in the unit of the search."""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for a JSON file."""
        return vars(self) | {'record': dict(vars(self.record))}


def calibrated(
    candidate: Candidate, logits: Mapping[str, Logits], classes: Classes, own: Mapping[str, float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return thresholds and the temperatures of the later stages, fitted where they are reached.

    The search compares the middle stage of three by the sub-network's own temperature; its
    threshold is replaced by the one that escalates as many images with the temperature fitted here.
    """
    left = np.ones(len(classes), bool)
    thresholds, temperatures = list(candidate.thresholds), []
    current = own[candidate.stages[0]]
    for number, (stage, later) in enumerate(
        zip(candidate.stages, candidate.stages[1:], strict=False)
    ):
        score = best_scores(logits[stage], current)
        if number and left.any():
            before = best_scores(logits[stage], own[stage])[left] < thresholds[number]
            moved = float(np.quantile(score[left], before.mean()))
            thresholds[number] = round(min(max(moved, 0.0), 1.0), 3)
        left &= score < thresholds[number]
        current = own[later]
        if left.sum() >= LEAST_IMAGES:
            current = fit_temperature(logits[later][left], classes[left])
        temperatures.append(current)
    return tuple(thresholds), tuple(temperatures)


def cascade_name(stages: Sequence[str], thresholds: Sequence[float]) -> str:
    """Return the name of a cascade, such as ``small+large@0.74``."""
    return f'{"+".join(stages)}@{",".join(f"{each:g}" for each in thresholds)}'


def measured(
    candidate: Candidate,
    *,
    kept: Mapping[str, SubnetRecord],
    logits: Mapping[str, Logits],
    classes: Classes,
    choosing: Index,
    measuring: Index,
    fingerprints: Mapping[str, str],
    costs: Mapping[str, tuple[float, float]],
) -> MeasuredCascade:
    """Return the record of a cascade; ``costs`` are mean and worst cost of each sub-network."""
    stages = candidate.stages
    own = {stage: kept[stage].temperature for stage in stages}
    thresholds, temperatures = calibrated(
        candidate, {each: logits[each][choosing] for each in stages}, classes[choosing], own
    )
    unseen = {each: logits[each][measuring] for each in stages}
    correct = {each: right(unseen[each], classes[measuring]) for each in stages}
    images = len(measuring)
    left, answer = np.ones(images, bool), correct[stages[0]].copy()
    reached, answered, early = [], [], []
    escalations = escalated_images(
        stages, thresholds, (own[stages[0]], *temperatures), logits=unseen
    )
    for stage, later, escalated in zip(stages, stages[1:], escalations, strict=False):
        answered.append(_mean(correct[stage], left & ~escalated))
        early.append(_mean(correct[stage], escalated))
        reached.append(float(escalated.mean()))
        answer[escalated] = correct[later][escalated]
        left = escalated
    answered.append(_mean(correct[stages[-1]], left))
    difference = answer.astype(np.float64) - correct[stages[-1]]
    shares = (1.0, *reached)
    flops = sum(share * kept[each].flops for share, each in zip(shares, stages, strict=True))
    record = CascadeRecord(
        cascade_id=cascade_name(stages, thresholds),
        stages=stages,
        thresholds=thresholds,
        temperatures=temperatures,
        reached=tuple(reached),
        # On the scale of the sub-networks, measured on other images: docs/cascades.md.
        # A gain over the last stage is more likely luck than true, so none is promised.
        accuracy=max(kept[stages[-1]].accuracy + min(float(difference.mean()), 0.0), 0.0),
        answer_accuracy=tuple(answered),
        early_accuracy=tuple(early),
        flops=round(flops),
        images=images,
        fingerprint=cascade_fingerprint(
            fingerprints, stages=stages, thresholds=thresholds, temperatures=temperatures
        ),
    )
    return MeasuredCascade(
        record,
        float(answer.mean()),
        wilson_interval(float(answer.sum()), images),
        float(difference.mean()),
        bootstrap_interval(difference),
        sum(share * costs[each][0] for share, each in zip(shares, stages, strict=True)),
        sum(costs[each][1] for each in stages),
    )


def escalated_images(
    stages: Sequence[str],
    thresholds: Sequence[float],
    temperatures: Sequence[float],
    *,
    logits: Mapping[str, Logits],
) -> Iterator[Flags]:
    """Yield which images each stage but the last escalates, (images,).

    ``temperatures`` are those of the stages; that of the last one is not used.
    """
    left = np.ones(len(logits[stages[0]]), bool)
    for stage, threshold, temperature in zip(stages, thresholds, temperatures, strict=False):
        left = left & (best_scores(logits[stage], temperature) < threshold)
        yield left


def _mean(correct: Any, of: Any) -> float:
    return float(correct[of].mean()) if of.any() else math.nan


def bootstrap_interval(difference: Any) -> tuple[float, float]:
    """Return the 95 % interval of the mean of paired differences of -1, 0 and 1."""
    counts = [int((difference == value).sum()) for value in (-1, 0, 1)]
    draws = np.random.default_rng(0).multinomial(
        len(difference), np.array(counts) / len(difference), size=DRAWS
    )
    means = (draws[:, 2] - draws[:, 0]) / len(difference)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return low, high
