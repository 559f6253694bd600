# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""An operating point: sub-network x engine x processor x threads x frequency, and its cost.

Dynamic DNNs Meet Runtime Resource Management, arXiv 2206.02525, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_name, check_number, check_range, shortened
from dynofa_ros.runtime.ranges import (
    COUNT,
    DURATION_S,
    FRAME_ENERGY_J,
    FREQUENCY_HZ,
    PART_S,
    THREADS,
)

PointKey = tuple[str, str, str, int]  # OperatingPoint.key

# Power assumed for every point if energies are unknown, so that the latency decides.
PROXY_POWER_W = 1.0


@dataclass(frozen=True)
class OperatingPoint:
    """One configuration of a sub-network and the cost of a frame; mirrors msg/OperatingPoint."""

    subnet_id: str
    engine: str
    processor: str
    threads: int
    frequency_hz: float  # NaN: the frequency cannot be set
    latency_s: float  # without co-runners
    latency_std_s: float
    energy_j: float  # above idle; NaN: unknown
    accuracy: float
    flops: int
    parameters: int
    precision: str = 'float32'  # of the computation; empty: unknown
    latency_p95_s: float = math.nan  # 95th percentile of the measured frames

    def __post_init__(self) -> None:
        try:
            check_name('subnet_id', self.subnet_id)
            check_name('engine', self.engine, empty=True)
            check_name('processor', self.processor)
            check_name('precision', self.precision, empty=True)
            check_range('threads', self.threads, THREADS)
            check_range('frequency_hz', self.frequency_hz, FREQUENCY_HZ, nan=True)
            check_range('latency_s', self.latency_s, DURATION_S)
            check_range('latency_std_s', self.latency_std_s, PART_S)
            check_range('latency_p95_s', self.latency_p95_s, PART_S, nan=True)
            check_range('energy_j', self.energy_j, FRAME_ENERGY_J, nan=True)
            check_number('accuracy', self.accuracy, low=0.0, high=1.0)
            check_range('flops', self.flops, COUNT)
            check_range('parameters', self.parameters, COUNT)
        except ValueError as error:
            name = shortened(repr(self.subnet_id))
            raise ValueError(f'operating point {name}: {error}') from None

    @property
    def key(self) -> PointKey:
        """The operating point without its frequency."""
        return (self.subnet_id, self.engine, self.processor, self.threads)


def cost(point: OperatingPoint, *, energy_known: bool) -> float:
    """Return the cost of a frame at `point` [J], as `PointTable.cost_j`."""
    return point.energy_j if energy_known else point.latency_s * PROXY_POWER_W
