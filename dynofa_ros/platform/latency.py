"""How long one frame takes on a processor, against its clock.

A network of small layers does not take the time of its arithmetic: every layer has to be launched,
and has a shortest running time however little it computes. So

    latency = layers * (overhead_s + overhead_cycles / f) + flops / (flop_per_cycle * f * speedup)

which is the published a + b/f of Dynamic-OFA (arXiv 2105.03596) with a and b spelled out in terms
of the network. ``docs/platforms.md`` says how the constants were fitted, and with what error.
"""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.platform.checks import check_fraction, check_not_negative, check_positive


@dataclass(frozen=True)
class LatencyModel:
    """Constants of the latency of one frame on one processor."""

    overhead_s_per_layer: float  # launch of one layer, whatever the clock [s]
    overhead_cycles_per_layer: float  # cycles of the processor's own clock per layer
    flop_per_cycle: float  # floating-point operations per cycle (2 per multiply-add), one thread
    serial_fraction: float  # part of the arithmetic that more threads do not speed up, 0..1

    def __post_init__(self) -> None:
        check_not_negative('overhead_s_per_layer', self.overhead_s_per_layer)
        check_not_negative('overhead_cycles_per_layer', self.overhead_cycles_per_layer)
        check_positive('flop_per_cycle', self.flop_per_cycle)
        check_fraction('serial_fraction', self.serial_fraction)

    def speedup(self, threads: int) -> float:
        """Return how much faster the arithmetic is on `threads` cores than on one (Amdahl 1967)."""
        return 1 / (self.serial_fraction + (1 - self.serial_fraction) / threads)

    def latency_s(self, *, frequency_hz: float, flops: int, layers: int, threads: int) -> float:
        """Return the latency of one frame without co-runners [s]."""
        overhead_s = self.overhead_s_per_layer + self.overhead_cycles_per_layer / frequency_hz
        arithmetic_s = flops / (self.flop_per_cycle * frequency_hz * self.speedup(threads))
        return layers * overhead_s + arithmetic_s
