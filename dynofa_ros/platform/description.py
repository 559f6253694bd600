"""What a machine is: its processors, clocks, power, heat and battery, and how fast they are.

The device layer of *Dynamic DNNs Meet Runtime Resource Management on Mobile and Embedded
Platforms* (arXiv 2206.02525), as plain values. `load_platform` reads them from a YAML file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.checks import PlatformError, check_name, check_not_negative
from dynofa_ros.platform.processor import FrequencyDomain, Processor
from dynofa_ros.platform.thermal import ThermalZone


@dataclass(frozen=True)
class Platform:
    """One machine. Frequencies in Hz, power in W, time in s, energy in J."""

    name: str
    description: str
    idle_power_w: float  # of the board, everything idle [W]
    rail: str  # supply rail that carries the power of the whole board
    domains: Mapping[str, FrequencyDomain]
    processors: Mapping[str, Processor]
    thermal_zones: Mapping[str, ThermalZone]
    battery: Battery | None
    sources: Mapping[str, str]  # 'processors.gpu.cores' -> where the number comes from

    def __post_init__(self) -> None:
        check_name('name', self.name)
        check_name('rail', self.rail)
        check_not_negative('idle_power_w', self.idle_power_w)
        for field in ('domains', 'processors'):
            if not getattr(self, field):
                raise PlatformError(field=field, value={}, expected='at least one')
        for processor in self.processors.values():
            self._check_processor(processor)
        for zone in self.thermal_zones.values():
            where = f'thermal_zones.{zone.name}'
            domain = self._domain(f'{where}.domain', zone.domain)
            domain.check(f'{where}.throttled_frequency_hz', zone.throttled_frequency_hz)

    def _check_processor(self, processor: Processor) -> None:
        where = f'processors.{processor.name}'
        domain = self._domain(f'{where}.domain', processor.domain)
        table = processor.busy_power
        if (
            table.frequencies_hz[0] > domain.frequencies_hz[0]
            or table.frequencies_hz[-1] < domain.frequencies_hz[-1]
        ):
            raise PlatformError(
                field=f'{where}.busy_power.frequencies_hz',
                value=[table.frequencies_hz[0], table.frequencies_hz[-1]],
                expected=f'a table that covers domain {domain.name}, '
                f'{domain.frequencies_hz[0]:.0f} to {domain.frequencies_hz[-1]:.0f} Hz',
            )
        if min(table.power_w) < self.idle_power_w:
            raise PlatformError(
                field=f'{where}.busy_power.power_w',
                value=min(table.power_w),
                expected=f'at least idle_power_w, {self.idle_power_w:g}',
            )

    def _domain(self, field: str, name: str) -> FrequencyDomain:
        if name not in self.domains:
            raise PlatformError(field=field, value=name, expected=_one_of(self.domains))
        return self.domains[name]

    def processor(self, name: str) -> Processor:
        """Return a processor by name; raises PlatformError, which lists them, if there is none."""
        if name not in self.processors:
            raise PlatformError(field='processor', value=name, expected=_one_of(self.processors))
        return self.processors[name]

    def latency_s(
        self, *, processor: str, frequency_hz: float, flops: int, layers: int, threads: int = 1
    ) -> float:
        """Return the latency of one frame, batch 1, without co-runners [s].

        `flops`: floating-point operations of the frame, 2 per multiply-add. `layers`: its
        convolutions and fully connected layers, those of squeeze-and-excite included (batch
        normalisation and activation belong to the layer before them). `threads`: CPU threads;
        more than the processor has cores do not help, and a GPU does not mind them. Raises
        PlatformError for an unknown processor, a clock outside of its domain, and counts that
        are not positive.
        """
        unit = self.processor(processor)
        self._check_clock(unit, frequency_hz)
        if flops < 0:
            raise PlatformError(field='flops', value=flops, expected='at least 0')
        if layers < 1:
            raise PlatformError(field='layers', value=layers, expected='at least 1')
        return unit.latency.latency_s(
            frequency_hz=frequency_hz, flops=flops, layers=layers, threads=unit.cores_used(threads)
        )

    def energy_j(
        self, *, processor: str, frequency_hz: float, latency_s: float, threads: int = 1
    ) -> float:
        """Return the energy of one frame above idle [J]: (busy - idle power) x latency.

        Above idle, because idle power is paid whatever is run. `threads` as in `latency_s`: a
        processor of which k of n cores work draws k/n of its busy power above idle (assumed).
        """
        unit = self.processor(processor)
        self._check_clock(unit, frequency_hz)
        check_not_negative('latency_s', latency_s)
        share = unit.cores_used(threads) / unit.cores
        return (unit.busy_power.power_at(frequency_hz) - self.idle_power_w) * share * latency_s

    def slowdown(self, *, processor: str, co_runner_utilisation: float) -> float:
        """Return how many times longer a frame takes beside programs that use 0..1 of it."""
        return self.processor(processor).slowdown(co_runner_utilisation)

    def board_power_w(
        self, *, frequencies_hz: Mapping[str, float], utilisation: Mapping[str, float]
    ) -> float:
        """Return the power of the board [W]: idle + sum of (busy - idle) x utilisation.

        `frequencies_hz` by domain, `utilisation` by processor (0..1; not named: idle).
        """
        power_w = self.idle_power_w
        for name, busy in utilisation.items():
            unit = self.processor(name)
            busy_w = unit.busy_power.power_at(frequencies_hz[unit.domain])
            power_w += (busy_w - self.idle_power_w) * busy
        return power_w

    def _check_clock(self, unit: Processor, frequency_hz: float) -> None:
        listed = self.domains[unit.domain].frequencies_hz
        if not (math.isfinite(frequency_hz) and listed[0] - 1 <= frequency_hz <= listed[-1] + 1):
            raise PlatformError(
                field='frequency_hz',
                value=frequency_hz,
                expected=f'{listed[0]:.0f} to {listed[-1]:.0f} Hz on processor {unit.name}',
            )


def _one_of(names: Mapping[str, object]) -> str:
    return 'one of ' + ', '.join(sorted(names))
