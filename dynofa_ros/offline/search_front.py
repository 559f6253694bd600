"""The front measured again as whole networks: what the search ranked, and what is true of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine import Measurement
from dynofa_ros.offline.search import Found
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost


@dataclass(frozen=True)
class Checked:
    """A found sub-network with what was measured of it."""

    found: Found
    cost: Cost
    accuracy: float
    """On held-out images; without images, what was predicted."""
    latency_s: float
    measurements: tuple[Measurement, ...]

    @property
    def config(self) -> SubnetConfig:
        """The sub-network."""
        return self.found.config


@dataclass(frozen=True)
class Ratio:
    """Measured latency over that by which the search ranked."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, checked: Sequence[Checked]) -> Ratio:
        """Return the ratio over a front."""
        ratios = [each.latency_s / each.found.latency_s for each in checked]
        return cls(float(np.median(ratios)), min(ratios), max(ratios))


def not_dominated(checked: Sequence[Checked]) -> list[Checked]:
    """Return those more accurate than every faster one, fastest first."""
    front: list[Checked] = []
    best = -math.inf
    for each in sorted(checked, key=lambda c: (c.latency_s, -c.accuracy)):
        if each.accuracy > best:
            front.append(each)
            best = each.accuracy
    return front
