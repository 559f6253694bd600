# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Processors and the frequency domains that clock them."""

from __future__ import annotations

import math

from dynofa_ros.config_file import Name, Text, checked
from dynofa_ros.platform.checks import PlatformError, check_fraction, check_not_negative
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.platform.quantity import Ascending, NotNegative, PositiveCount

CPU = 'cpu'
"""The kind of processor whose clock Linux sets by cpufreq; that of any other is set by devfreq."""
SAME_FREQUENCY_HZ = 1.0  # frequencies that differ by less are the same


@checked(PlatformError.of)
class FrequencyDomain:
    """Processors that share one clock."""

    name: Name
    frequencies_hz: Ascending  # available [Hz]
    change_delay_s: NotNegative  # from the request until the new frequency is in force [s]

    def check(self, field: str, frequency_hz: float) -> float:
        """Return the listed frequency within `SAME_FREQUENCY_HZ` of `frequency_hz`.

        Raises PlatformError, which names the nearest one, where there is none.
        """
        if not math.isfinite(frequency_hz):
            lowest, highest = self.frequencies_hz[0], self.frequencies_hz[-1]
            raise PlatformError(
                field=field,
                value=frequency_hz,
                expected=f'a frequency of domain {self.name}, {lowest:.0f} to {highest:.0f} Hz',
            )
        nearest = min(self.frequencies_hz, key=lambda listed: abs(listed - frequency_hz))
        if abs(nearest - frequency_hz) > SAME_FREQUENCY_HZ:
            raise PlatformError(
                field=field,
                value=frequency_hz,
                expected=f'one of the {len(self.frequencies_hz)} frequencies of domain '
                f'{self.name}; the nearest is {nearest:.0f} Hz',
            )
        return nearest


@checked(PlatformError.of)
class Processor:
    """A CPU cluster, a GPU or an accelerator that can run networks."""

    name: Name
    kind: Text  # cpu, gpu, or any other name, such as npu or dsp
    domain: Text  # frequency domain that clocks it
    cores: PositiveCount  # CPU threads it runs at once; 1 for any other kind
    latency: LatencyModel
    busy_power: BusyPower
    contention: NotNegative  # slowdown added by a co-runner that is always busy

    def cores_used(self, threads: int) -> int:
        """Return the number of cores that `threads` threads keep busy."""
        if threads < 1:
            raise PlatformError(field='threads', value=threads, expected='at least 1')
        return min(threads, self.cores)

    def slowdown(self, co_runner_utilisation: float) -> float:
        """Return latency / undisturbed latency (>= 1) while co-runners use a fraction of it."""
        check_fraction('co_runner_utilisation', co_runner_utilisation)
        return self.slowdown_under_load(co_runner_utilisation)

    def slowdown_under_load(self, load: float) -> float:
        """Return the same for several programs whose fractions add up to `load`.

        `load` exceeds 1 where they compete for the same cores: two programs that are always busy
        are a load of 2.
        """
        check_not_negative('load', load)
        return 1 + self.contention * load
