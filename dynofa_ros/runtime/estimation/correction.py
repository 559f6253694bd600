# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Correction of a profile: how much longer one sub-network takes than its profile states."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number

# A profile that is wrong by more is not that of this sub-network.
CORRECTION_MAX = 10.0
LOG_MAX = math.log(1e3)


@dataclass(frozen=True)
class Correction:
    """Observed / profiled latency of one sub-network without contention: mean and uncertainty."""

    mean: float = 1.0
    std: float = 0.0

    def __post_init__(self) -> None:
        check_number('correction', self.mean, low=0.0, above=True)
        check_number('correction std', self.std, low=0.0)


EXACT = Correction()  # the profile is taken as it is


def correction_of_log(log: float, variance: float) -> Correction:
    """Return the correction whose logarithm has this mean and variance."""
    mean = min(max(math.exp(log), 1.0 / CORRECTION_MAX), CORRECTION_MAX)
    return Correction(mean, mean * math.sqrt(variance))
