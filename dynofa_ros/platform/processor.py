"""Processors and the frequency domains that clock them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.checks import (
    PlatformError,
    check_ascending,
    check_fraction,
    check_name,
    check_not_negative,
)
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower

KINDS = ('cpu', 'gpu')


@dataclass(frozen=True)
class FrequencyDomain:
    """Processors that share one clock."""

    name: str
    frequencies_hz: tuple[float, ...]  # that the clock can be set to, ascending [Hz]
    change_delay_s: float  # from the request until the new clock is in force [s]

    def __post_init__(self) -> None:
        check_name('name', self.name)
        check_ascending('frequencies_hz', self.frequencies_hz)
        check_not_negative('change_delay_s', self.change_delay_s)

    def check(self, field: str, frequency_hz: float) -> float:
        """Return the frequency of the list that `frequency_hz` is, to within 1 Hz.

        Raises PlatformError, which names the nearest one, where it is none of them.
        """
        if not math.isfinite(frequency_hz):
            lowest, highest = self.frequencies_hz[0], self.frequencies_hz[-1]
            raise PlatformError(
                field=field,
                value=frequency_hz,
                expected=f'a frequency of domain {self.name}, {lowest:.0f} to {highest:.0f} Hz',
            )
        nearest = min(self.frequencies_hz, key=lambda listed: abs(listed - frequency_hz))
        if abs(nearest - frequency_hz) > 1:
            raise PlatformError(
                field=field,
                value=frequency_hz,
                expected=f'one of the {len(self.frequencies_hz)} frequencies of domain '
                f'{self.name}; the nearest is {nearest:.0f} Hz',
            )
        return nearest


@dataclass(frozen=True)
class Processor:
    """Something that can run a network: a CPU cluster or a GPU."""

    name: str
    kind: str  # cpu or gpu
    domain: str  # frequency domain that clocks it
    cores: int  # CPU threads it runs at once; 1 for a GPU
    latency: LatencyModel
    busy_power: BusyPower
    contention: float  # slowdown added by a co-runner that is always busy

    def __post_init__(self) -> None:
        check_name('name', self.name)
        check_name('domain', self.domain)
        if self.kind not in KINDS:
            raise PlatformError(field='kind', value=self.kind, expected=' or '.join(KINDS))
        if self.cores < 1:
            raise PlatformError(field='cores', value=self.cores, expected='at least 1')
        check_not_negative('contention', self.contention)

    def cores_used(self, threads: int) -> int:
        """Return how many cores that many threads keep busy: no more than there are."""
        if threads < 1:
            raise PlatformError(field='threads', value=threads, expected='at least 1')
        return min(threads, self.cores)

    def slowdown(self, co_runner_utilisation: float) -> float:
        """Return observed / undisturbed latency beside programs that use this part of it, >= 1."""
        check_fraction('co_runner_utilisation', co_runner_utilisation)
        return self.slowdown_beside(co_runner_utilisation)

    def slowdown_beside(self, load: float) -> float:
        """Return the same beside several programs, whose parts of it add up to `load`.

        That is above 1 where they want the same cores: two that are always busy are 2.
        """
        check_not_negative('load', load)
        return 1 + self.contention * load
