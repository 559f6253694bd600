# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Correction of a profile: how much longer one sub-network takes than its profile states."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_range
from dynofa_ros.runtime.ranges import CORRECTION, CORRECTION_STD

# Of a latency ratio; no profile is off by so much.
LOG_MAX = math.log(1e3)


@dataclass(frozen=True)
class Correction:
    """Observed / profiled latency of one sub-network without contention: mean and uncertainty."""

    mean: float = 1.0
    std: float = 0.0

    def __post_init__(self) -> None:
        check_range('correction', self.mean, CORRECTION)
        check_range('correction_std', self.std, CORRECTION_STD)


EXACT = Correction()  # the profile is taken as it is


def correction_of_log(log: float, variance: float) -> Correction:
    """Return the correction whose logarithm has this mean and variance."""
    mean = min(max(math.exp(log), CORRECTION.low), CORRECTION.high)
    return Correction(mean, min(mean * math.sqrt(variance), CORRECTION_STD.high))
