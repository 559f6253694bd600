# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Linux's frequency governors, modelled after the kernel documentation and named as there.

CPU: `Documentation/admin-guide/pm/cpufreq.rst`, `Documentation/scheduler/schedutil.rst`. GPU:
`Documentation/driver-api/devfreq.rst` and `governor_simpleondemand.c`, devfreq's load-following
governor. Jetson's own nvhost_podgov is not in mainline Linux and not modelled. Constants are those
of the kernels that Jetsons run (4.9, 5.10). Governors set a frequency without delay: an assumption
in their favour.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence

from dynofa_ros.platform import FrequencyDomain, Platform, PlatformError
from dynofa_ros.platform.processor import CPU

# Minimum sampling period of both CPU governors: `cpufreq_policy_transition_delay_us` returns 1000
# times the transition latency, but no more than 10 ms (kernels before 6.9; ondemand's sampling_rate
# is documented as "typically of the order of 10000" us).
CPU_PERIOD_S = 0.01
# ondemand: 80 %, but 95 % with fine-grained idle accounting, as on every tickless kernel
# (MICRO_FREQUENCY_UP_THRESHOLD of cpufreq_ondemand.c).
ONDEMAND_UP_THRESHOLD = 0.95
# schedutil: "1.25 * f_0 * util / max", so a quarter of headroom.
SCHEDUTIL_HEADROOM = 1.25
# PELT: "y^32 = 0.5" over periods of 1024 us (schedutil.rst).
PELT_HALF_LIFE_S = 32 * 1024e-6
# UTIL_EST: weight of the newest sample of the moving average, 1 / 2^UTIL_EST_WEIGHT_SHIFT.
UTIL_EST_WEIGHT = 0.25
# simple_ondemand: DFSO_UPTHRESHOLD and DFSO_DOWNDIFFERENTIAL of governor_simpleondemand.c.
DEVFREQ_UP_THRESHOLD = 0.90
DEVFREQ_DOWN_DIFFERENTIAL = 0.05
# devfreq_profile.polling_ms of the Tegra GPU driver, nvgpu (scale.c).
DEVFREQ_PERIOD_S = 0.025


def at_or_above(frequencies_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the lowest listed frequency that is at least `wanted_hz`, or else the highest."""
    # A target computed from a listed frequency may exceed it by rounding.
    index = bisect.bisect_left(frequencies_hz, wanted_hz * (1 - 1e-9))
    return frequencies_hz[min(index, len(frequencies_hz) - 1)]


class Governor:
    """The governor of one frequency domain; this one keeps a fixed frequency.

    `period_s` is the sampling period; 0 means that it never samples. `first_hz` is the frequency at
    the start.
    """

    name = ''  # as in Linux

    def __init__(self, first_hz: float, *, period_s: float = 0.0) -> None:
        self.first_hz, self.period_s = first_hz, period_s

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Account for `dt_s` with the busiest core at a utilisation of `busy`, 0..1."""

    def frame_done(self) -> None:
        """Account for the end of a frame."""

    def next_hz(self, frequency_hz: float) -> float:
        """Return the listed frequency to set, and start a new sampling period."""
        return self.first_hz


class LoadGovernor(Governor):
    """Base of the governors that act on the busy time since the last sample.

    They start at the highest frequency, where the bootloader leaves it.
    """

    def __init__(self, frequencies_hz: Sequence[float], *, period_s: float = CPU_PERIOD_S) -> None:
        super().__init__(frequencies_hz[-1], period_s=period_s)
        self._frequencies_hz = frequencies_hz
        self._busy_s = self._passed_s = 0.0

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Accumulate busy time."""
        self._busy_s += busy * dt_s
        self._passed_s += dt_s

    def next_hz(self, frequency_hz: float) -> float:
        """Return the frequency for the load since the last sample; unchanged if no time passed."""
        if self._passed_s == 0.0:
            return frequency_hz
        load = self._busy_s / self._passed_s
        self._busy_s = self._passed_s = 0.0
        return self._for_load(load, frequency_hz)

    def _for_load(self, load: float, frequency_hz: float) -> float:
        raise NotImplementedError


class Ondemand(LoadGovernor):
    """`ondemand`: the highest frequency above a load threshold, otherwise proportional to load."""

    def _for_load(self, load: float, frequency_hz: float) -> float:
        lowest, highest = self._frequencies_hz[0], self._frequencies_hz[-1]
        if load > ONDEMAND_UP_THRESHOLD:
            return highest
        wanted_hz = lowest + load * (highest - lowest)
        return min(self._frequencies_hz, key=lambda each: abs(each - wanted_hz))


class SimpleOndemand(LoadGovernor):
    """`simple_ondemand` of devfreq: the highest frequency above a threshold, else just enough."""

    def __init__(self, frequencies_hz: Sequence[float]) -> None:
        super().__init__(frequencies_hz, period_s=DEVFREQ_PERIOD_S)

    def _for_load(self, load: float, frequency_hz: float) -> float:
        up, down = DEVFREQ_UP_THRESHOLD, DEVFREQ_DOWN_DIFFERENTIAL
        if load > up:
            return self._frequencies_hz[-1]
        if load > up - down:
            return frequency_hz
        return at_or_above(self._frequencies_hz, load * frequency_hz / (up - down / 2))


class Schedutil(LoadGovernor):
    """`schedutil`: 1.25 times the scheduler's utilisation, relative to the highest frequency.

    Utilisation is PELT's: an exponentially decaying mean of the busiest core's running time, scaled
    by its frequency (frequency-invariant). UTIL_EST keeps the utilisation at the end of a frame as
    an estimate for the next one; it applies while a frame runs. Boosts for I/O and `uclamp` are not
    modelled.
    """

    def __init__(self, frequencies_hz: Sequence[float]) -> None:
        super().__init__(frequencies_hz)
        self._utilisation = 0.0
        self._enqueued = self._mean = 0.0
        self._running = False

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Decay the utilisation towards the present one."""
        used = busy * frequency_hz / self._frequencies_hz[-1]
        self._utilisation = used + (self._utilisation - used) * 0.5 ** (dt_s / PELT_HALF_LIFE_S)
        self._running = busy == 1.0

    def frame_done(self) -> None:
        """Update UTIL_EST with the utilisation at the end of a frame."""
        self._enqueued = self._utilisation
        self._mean += UTIL_EST_WEIGHT * (self._enqueued - self._mean)

    def next_hz(self, frequency_hz: float) -> float:
        """Return the lowest frequency that leaves the headroom."""
        estimate = max(self._enqueued, self._mean) if self._running else 0.0
        utilisation = max(self._utilisation, estimate)
        wanted_hz = SCHEDUTIL_HEADROOM * utilisation * self._frequencies_hz[-1]
        return at_or_above(self._frequencies_hz, wanted_hz)


GOVERNORS: dict[str, Callable[[Sequence[float]], Governor]] = {
    'performance': lambda frequencies_hz: Governor(frequencies_hz[-1]),
    'powersave': lambda frequencies_hz: Governor(frequencies_hz[0]),
    'ondemand': Ondemand,
    'schedutil': Schedutil,
    'simple_ondemand': SimpleOndemand,
}
CPUFREQ, DEVFREQ = 'cpufreq', 'devfreq'
# Linux sets the clock of a CPU by cpufreq and that of anything else by devfreq.
SUBSYSTEMS = {
    'performance': (CPUFREQ, DEVFREQ),
    'powersave': (CPUFREQ, DEVFREQ),
    'ondemand': (CPUFREQ,),
    'schedutil': (CPUFREQ,),
    'simple_ondemand': (DEVFREQ,),
}


def make_governor(name: str, domain: FrequencyDomain) -> Governor:
    """Return the named governor for a domain. Raises PlatformError that lists the known names."""
    if name not in GOVERNORS:
        raise PlatformError(
            field='governor', value=name, expected=f'one of {", ".join(sorted(GOVERNORS))}'
        )
    governor = GOVERNORS[name](domain.frequencies_hz)
    governor.name = name
    return governor


def subsystem_of(domain: str, platform: Platform) -> str:
    """Return the part of Linux that sets the clock of a domain."""
    kinds = {each.kind for each in platform.processors.values() if each.domain == domain}
    return CPUFREQ if CPU in kinds else DEVFREQ


def remarks(governors: Mapping[str, Governor], platform: Platform) -> Iterator[str]:
    """Yield a remark for each domain whose governor Linux does not have there."""
    for domain, governor in governors.items():
        subsystem = subsystem_of(domain, platform)
        if subsystem not in SUBSYSTEMS.get(governor.name, (subsystem,)):
            yield f'not in Linux: {governor.name} on {domain}, whose clock {subsystem} sets'
