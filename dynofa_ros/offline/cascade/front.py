# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Search the cascades of a model for the front of accuracy, mean cost and worst-case cost.

The accuracy of a candidate, relative to its last stage, is estimated with less noise than counting
gives: where an early answer differs from that of the last stage, half of the estimate is what the
labels say, the other half what the last stage's own probabilities say of both answers, scaled so
that both agree over all images. A threshold that is the luckiest of hundreds would promise what
chance gave, so a margin of half a standard error of that estimate is subtracted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.offline.cascade.calibration import Values, probabilities, right
from dynofa_ros.offline.cascade.logits import Classes, Logits
from dynofa_ros.runtime.operating_points.pareto import pareto_front
from dynofa_ros.supernet.subnet_record import SubnetRecord

PAIR_THRESHOLDS = np.round(np.arange(0.30, 0.996, 0.01), 2)
TRIPLE_THRESHOLDS = np.round(np.arange(0.40, 0.96, 0.05), 2)
LEAST_SHARE = 0.02
"""Of the images that each stage must answer: a smaller one says little of its accuracy."""
LEAST_SAVING = 0.1
"""Fraction of the mean cost."""
MARGIN = 0.5
"""Standard errors of the estimated loss that are subtracted from the accuracy."""
DROPS = (0.0, 0.001, 0.002, 0.003, 0.004)
"""Accuracy below the best sub-network's: the cheapest cascade within each is kept."""


@dataclass(frozen=True)
class StageCost:
    """Cost of one run of a sub-network: mean counts towards energy, worst towards latency."""

    mean: float
    worst: float


@dataclass(frozen=True)
class Candidate:
    """A cascade, or a single sub-network, with estimates from the images that choose."""

    stages: tuple[str, ...]
    thresholds: tuple[float, ...]
    accuracy: float
    """With the margin."""
    mean: float
    worst: float


@dataclass(frozen=True)
class Scored:
    """What one sub-network says of the images that choose."""

    score: Values
    probability: Values  # (images, classes)
    answer: Classes
    correct: Values  # 0 or 1

    @classmethod
    def of(cls, logits: Logits, classes: Classes, temperature: float) -> Scored:
        """Return it for logits, (images, classes)."""
        probability = probabilities(logits, temperature)
        correct = right(logits, classes).astype(np.float64)
        return cls(probability.max(1), probability, logits.argmax(1), correct)


def candidates(
    scored: Mapping[str, Scored], costs: Mapping[str, StageCost], kept: Iterable[SubnetRecord]
) -> list[Candidate]:
    """Return the sub-networks, and all cascades of them with ascending operations."""
    flops = {each.subnet_id: each.flops for each in kept}
    order = sorted(flops, key=lambda name: flops[name])
    found = [
        Candidate((name,), (), float(scored[name].correct.mean()), cost.mean, cost.worst)
        for name in order
        for cost in [costs[name]]
    ]
    for count, thresholds in ((2, PAIR_THRESHOLDS), (3, TRIPLE_THRESHOLDS)):
        for stages in itertools.combinations(order, count):
            if any(flops[a] >= flops[b] for a, b in itertools.pairwise(stages)):
                continue  # an int8 sub-network and its float32 version
            found += _of_stages(stages, thresholds, scored, costs)
    return found


def _of_stages(
    stages: tuple[str, ...],
    thresholds: Values,
    scored: Mapping[str, Scored],
    costs: Mapping[str, StageCost],
) -> Iterator[Candidate]:
    last = scored[stages[-1]]
    images = np.arange(len(last.score))
    best = last.probability[images, last.answer]
    losses = []  # of answering at each stage but the last
    for stage in stages[:-1]:
        early = scored[stage]
        believed = best - last.probability[images, early.answer]
        counted = last.correct - early.correct
        # The last stage believes itself too much where another network differs from it.
        bias = counted.sum() / total if (total := believed.sum()) > 0 else 1.0
        losses.append((max(bias, 0.0) * believed + counted) / 2)
    accuracy, worst = float(last.correct.mean()), sum(costs[each].worst for each in stages)
    for chosen in itertools.product(thresholds.tolist(), repeat=len(stages) - 1):
        loss, left = np.zeros(len(images)), np.ones(len(images), bool)
        mean, shares = costs[stages[0]].mean, []
        for stage, later, threshold, of_stage in zip(
            stages, stages[1:], chosen, losses, strict=False
        ):
            sure = left & (scored[stage].score >= threshold)
            loss[sure] = of_stage[sure]
            left &= ~sure
            shares.append(float(sure.mean()))
            mean += float(left.mean()) * costs[later].mean
        if min(*shares, float(left.mean())) < LEAST_SHARE:
            continue
        margin = MARGIN * float(loss.std()) / np.sqrt(len(images))
        yield Candidate(stages, chosen, accuracy - float(loss.mean()) - margin, mean, worst)


def select(found: Sequence[Candidate], keep: int) -> list[Candidate]:
    """Return at most ``keep`` cascades of the front of three costs, cheapest first.

    First the most accurate and the cheapest within each of DROPS of the best sub-network, then
    others, spaced evenly in accuracy. A cascade must save LEAST_SAVING against
    the cheapest sub-network of its accuracy.
    """
    plain = [each for each in found if len(each.stages) == 1]
    table = np.array([(each.mean, -each.accuracy, each.worst) for each in found])
    front = [found[row] for row in pareto_front(table)]
    useful = [
        each for each in front if len(each.stages) > 1 and saving(each, plain) >= LEAST_SAVING
    ]
    useful.sort(key=lambda each: each.accuracy)
    best = max(each.accuracy for each in plain)
    chosen: dict[Candidate, None] = dict.fromkeys(useful[-1:])  # the most accurate
    for drop in DROPS:
        near = [each for each in useful if each.accuracy >= best - drop]
        if near:
            chosen[min(near, key=lambda each: (each.mean, each.worst))] = None
    left = keep - len(chosen)
    # One for each interval of accuracy below: the one that saves most.
    lower = [each for each in useful if each.accuracy < best - max(DROPS)]
    if lower and left > 0:
        edges = np.linspace(lower[0].accuracy, best - max(DROPS), left + 1)
        for low, high in itertools.pairwise(edges.tolist()):
            if inside := [each for each in lower if low <= each.accuracy < high]:
                chosen[max(inside, key=lambda each: saving(each, plain))] = None
    return sorted([*chosen][:keep], key=lambda each: each.mean)


def saving(candidate: Candidate, plain: Sequence[Candidate]) -> float:
    """Return the fraction saved against the cheapest sub-network at least as accurate.

    If there is none, against the most accurate one.
    """
    costs = [each.mean for each in plain if each.accuracy >= candidate.accuracy]
    costs = costs or [max(plain, key=lambda each: each.accuracy).mean]
    return 1.0 - candidate.mean / min(costs)
