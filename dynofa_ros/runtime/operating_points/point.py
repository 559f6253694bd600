"""An operating point: sub-network x engine x processor x threads x frequency, and its cost.

Dynamic DNNs Meet Runtime Resource Management, arXiv 2206.02525, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_name, check_number

PointKey = tuple[str, str, str, int]  # OperatingPoint.key


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
            check_name('processor', self.processor)
            check_number('threads', self.threads, low=0)
            check_number('frequency_hz', self.frequency_hz, low=0.0, above=True, nan=True)
            check_number('latency_s', self.latency_s, low=0.0, above=True)
            check_number('latency_std_s', self.latency_std_s, low=0.0)
            check_number('latency_p95_s', self.latency_p95_s, low=0.0, nan=True)
            check_number('energy_j', self.energy_j, low=0.0, nan=True)
            check_number('accuracy', self.accuracy, low=0.0, high=1.0)
            check_number('flops', self.flops, low=0)
            check_number('parameters', self.parameters, low=0)
        except ValueError as error:
            raise ValueError(f'operating point {self.subnet_id!r}: {error}') from None

    @property
    def key(self) -> PointKey:
        """The operating point without its frequency."""
        return (self.subnet_id, self.engine, self.processor, self.threads)
