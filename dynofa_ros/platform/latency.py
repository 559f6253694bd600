# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Latency of one frame on a processor as a function of its frequency.

Small layers do not take the time of their arithmetic: every layer has to be launched, and has a
minimum running time. So

    latency = layers * (overhead_s + overhead_cycles / f) + flops / (flop_per_cycle * f * speedup)

which is the published a + b/f of Dynamic-OFA (arXiv 2105.03596) with a and b expressed by the
network. ``docs/platforms.md`` describes the fit of the constants, and its error.
"""

from __future__ import annotations

from dynofa_ros.config_file import checked
from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.quantity import Fraction, NotNegative, Positive


@checked(PlatformError.of)
class LatencyModel:
    """Constants of the latency of one frame on one processor."""

    overhead_s_per_layer: NotNegative  # launch of one layer at any frequency [s]
    overhead_cycles_per_layer: NotNegative  # cycles of the processor's own clock per layer
    flop_per_cycle: Positive  # floating-point operations per cycle (2 per multiply-add), one thread
    serial_fraction: Fraction  # part of the arithmetic that more threads do not speed up, 0..1

    def speedup(self, threads: int) -> float:
        """Return the speedup of the arithmetic on `threads` cores over one (Amdahl 1967)."""
        return 1 / (self.serial_fraction + (1 - self.serial_fraction) / threads)

    def latency_s(self, *, frequency_hz: float, flops: int, layers: int, threads: int) -> float:
        """Return the latency of one frame without co-runners [s]."""
        overhead_s = self.overhead_s_per_layer + self.overhead_cycles_per_layer / frequency_hz
        arithmetic_s = flops / (self.flop_per_cycle * frequency_hz * self.speedup(threads))
        return layers * overhead_s + arithmetic_s
