"""Choose the sub-networks worth keeping: more accurate than any that costs less."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeVar

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import SubnetRecord
from dynofa_ros.supernet.search_space import SearchSpace
from dynofa_ros.supernet.supernet import Supernet

CALIBRATION_IMAGES = 2048
"""Training images that the batch norm of a kept sub-network is calibrated on."""
TRIAL_CALIBRATION_IMAGES = 512
"""The same, of a sub-network that is only tried."""
LEAST_GAIN = 0.004
"""Accuracy that a dearer sub-network must add to be worth keeping (assumed)."""


@dataclass(frozen=True)
class Candidate:
    """A sub-network with its cost and its accuracy on held-out images."""

    config: SubnetConfig
    cost: Cost
    accuracy: float


class _HasAccuracy(Protocol):
    @property
    def accuracy(self) -> float: ...


Accurate = TypeVar('Accurate', bound=_HasAccuracy)


def sample_candidates(space: SearchSpace, *, count: int, seed: int) -> list[SubnetConfig]:
    """Return the smallest, the largest, and random others; half of them uniform.

    A uniform sub-network makes one choice for all its blocks and stages.

    Raises:
        ValueError: if ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f'candidates is {count}; it must be at least 2')
    rng = Random(seed)
    fields = (*space.fields, 'r')
    products = itertools.product(*(space.allowed(field) for field in fields))
    uniform = [space.uniform(**dict(zip(fields, values, strict=True))) for values in products]
    everyone = [space.min_config(), space.max_config()]
    everyone += rng.sample(uniform, min(count // 2, len(uniform)))
    everyone += [space.sample(rng) for _ in range(count)]
    return list(dict.fromkeys(space.canonical(config) for config in everyone))[:count]


def measure_candidates(
    net: Supernet,
    configs: Sequence[SubnetConfig],
    *,
    calibration: Dataset,
    held_out: Dataset,
    report: Callable[[int], None],
    threads: int = 1,
) -> list[Candidate]:
    """Measure every sub-network on images that were not trained on; ``report`` gets the count."""
    tried = []
    for number, config in enumerate(configs, start=1):
        accuracy = calibrated_top1(
            net, config, calibration=calibration, test=held_out, threads=threads
        )
        counted = cost(net.extract_subnet(config).cpu(), config.r)
        tried.append(Candidate(config, counted, accuracy))
        net.statistics.pop(config, None)
        report(number)
    return tried


def pareto_front(tried: Sequence[Candidate]) -> list[Candidate]:
    """Return those more accurate than every cheaper one, cheapest first."""
    front: list[Candidate] = []
    for each in sorted(tried, key=lambda c: (c.cost.flops, -c.accuracy)):
        if not front or each.accuracy >= front[-1].accuracy + LEAST_GAIN:
            front.append(each)
    return front


def evenly_spaced(front: Sequence[Accurate], count: int) -> list[Accurate]:
    """Return ``count`` of a front, ends included, as evenly spaced in accuracy as it allows.

    Raises:
        ValueError: if ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f'count is {count}; it must be at least 2')
    if len(front) <= count:
        return list(front)
    low, high = front[0].accuracy, front[-1].accuracy
    wanted = [low + (high - low) * i / (count - 1) for i in range(count)]
    chosen = {min(range(len(front)), key=lambda i: abs(front[i].accuracy - w)) for w in wanted}
    return [front[i] for i in sorted(chosen | {0, len(front) - 1})]


def finalize(
    net: Supernet,
    chosen: Sequence[Candidate],
    *,
    calibration: Dataset,
    test: Dataset,
    threads: int = 1,
) -> list[SubnetRecord]:
    """Calibrate and measure the chosen ones on the test images; drop those a cheaper one beats."""
    kept: list[SubnetRecord] = []
    for each in chosen:
        accuracy = calibrated_top1(
            net, each.config, calibration=calibration, test=test, threads=threads
        )
        if kept and accuracy <= kept[-1].accuracy:
            net.statistics.pop(each.config, None)
            continue
        flops, parameters, layers = each.cost.flops, each.cost.parameters, each.cost.layers
        name = f'r{each.config.r}-{flops / 1e6:.1f}mflop'
        if any(other.subnet_id == name for other in kept):
            name += f'-{each.config.digest()}'
        kept.append(SubnetRecord(name, each.config, accuracy, flops, parameters, layers))
    return kept
