# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Select the sub-networks worth keeping: each more accurate than every cheaper one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Protocol, TypeVar

import numpy as np

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.runtime.operating_points.pareto import pareto_front
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import SubnetRecord
from dynofa_ros.supernet.search_space import SearchSpace
from dynofa_ros.supernet.supernet import Supernet

CALIBRATION_IMAGES = 2048
"""Training images for batch norm calibration of a sub-network that is kept."""
TRIAL_CALIBRATION_IMAGES = 512
"""Training images for batch norm calibration of a candidate."""
LEAST_GAIN = 0.004
"""Accuracy that a more expensive sub-network must add to be worth keeping (assumed)."""


@dataclass(frozen=True)
class Candidate:
    """A sub-network with its cost and its accuracy on held-out images."""

    config: SubnetConfig
    cost: Cost
    accuracy: float

    @classmethod
    def of(cls, net: Supernet, config: SubnetConfig, accuracy: float) -> Candidate:
        """Return the candidate with the cost of a sub-network of ``net``."""
        return Candidate(config, cost(net.extract_subnet(config).cpu(), config.r), accuracy)

    def record(self, subnet_id: str, accuracy: float) -> SubnetRecord:
        """Return the entry of a model for this sub-network."""
        return SubnetRecord(subnet_id, self.config, accuracy, **asdict(self.cost))


class _HasAccuracy(Protocol):
    @property
    def accuracy(self) -> float: ...


Accurate = TypeVar('Accurate', bound=_HasAccuracy)


def sample_candidates(space: SearchSpace, *, count: int, seed: int) -> list[SubnetConfig]:
    """Return the smallest, the largest and random sub-networks, half of them uniform.

    A uniform sub-network makes the same choice in all blocks and stages.

    Raises:
        ValueError: if ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f'candidates is {count}; expected 2 or above')
    rng = Random(seed)
    fields = (*space.fields, 'r')
    products = itertools.product(*(space.allowed(field) for field in fields))
    uniform = [space.uniform(**dict(zip(fields, values, strict=True))) for values in products]
    configs = [space.min_config(), space.max_config()]
    configs += rng.sample(uniform, min(count // 2, len(uniform)))
    configs += [space.sample(rng) for _ in range(count)]
    return list(dict.fromkeys(space.canonical(config) for config in configs))[:count]


def measure_candidates(
    net: Supernet,
    configs: Sequence[SubnetConfig],
    *,
    calibration: Dataset,
    held_out: Dataset,
    report: Callable[[int], None],
    threads: int = 1,
) -> list[Candidate]:
    """Measure sub-networks on held-out images; ``report`` receives the number done."""
    measured = []
    for number, config in enumerate(configs, start=1):
        top1 = calibrated_top1(
            net,
            config,
            calibration=calibration,
            test=held_out,
            threads=threads,
            keep_statistics=False,
        )
        measured.append(Candidate.of(net, config, top1))
        report(number)
    return measured


def accuracy_front(
    items: Sequence[Accurate], cost_of: Callable[[Accurate], float], *, least_gain: float = 0.0
) -> list[Accurate]:
    """Return the Pareto front of accuracy against a cost, cheapest first.

    Each is more accurate than the one before it, by at least ``least_gain``.
    """
    costs = np.array([(cost_of(item), -item.accuracy) for item in items])
    front: list[Accurate] = []
    for item in (items[row] for row in pareto_front(costs)):
        if not front or item.accuracy >= front[-1].accuracy + least_gain:
            front.append(item)
    return front


def evenly_spaced(front: Sequence[Accurate], count: int) -> list[Accurate]:
    """Return ``count`` of a front, ends included, spaced in accuracy as evenly as it allows.

    Raises:
        ValueError: if ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f'count is {count}; expected 2 or above')
    if len(front) <= count:
        return list(front)
    low, high = front[0].accuracy, front[-1].accuracy
    levels = [low + (high - low) * i / (count - 1) for i in range(count)]
    chosen = {min(range(len(front)), key=lambda i: abs(front[i].accuracy - x)) for x in levels}
    return [front[i] for i in sorted(chosen | {0, len(front) - 1})]


def finalize(
    net: Supernet,
    selected: Sequence[Candidate],
    *,
    calibration: Dataset,
    test: Dataset,
    threads: int = 1,
) -> list[SubnetRecord]:
    """Calibrate and measure on the test images; drop those that a cheaper one outperforms."""
    kept: list[SubnetRecord] = []
    for each in selected:
        top1 = calibrated_top1(
            net, each.config, calibration=calibration, test=test, threads=threads
        )
        if kept and top1 <= kept[-1].accuracy:
            net.statistics.pop(each.config, None)
            continue
        subnet_id = f'r{each.config.r}-{each.cost.flops / 1e6:.1f}mflop'
        if any(other.subnet_id == subnet_id for other in kept):
            subnet_id += f'-{each.config.digest()}'
        kept.append(each.record(subnet_id, top1))
    return kept
