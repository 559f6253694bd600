"""The governors of Linux, written from its documentation and named as there.

CPU: `Documentation/admin-guide/pm/cpufreq.rst`, `Documentation/scheduler/schedutil.rst`. GPU:
`Documentation/driver-api/devfreq.rst` and the rule of `governor_simpleondemand.c`, the devfreq
governor that follows the load; Jetson's own, nvhost_podgov, is not in mainline Linux and not
modelled. Constants are those of the kernels that Jetsons run (4.9, 5.10). A clock that a governor
turns changes at once: in its favour, and assumed.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Protocol

from dynofa_ros.platform import FrequencyDomain, PlatformError


class Governor(Protocol):
    """The governor of one frequency domain."""

    period_s: float  # between two looks at the load; 0: it never looks
    first_hz: float  # the clock it starts at

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Take in a time in which the busiest core was busy for a share, 0..1, at one clock."""
        ...

    def slept(self) -> None:
        """Take in that a frame is done."""
        ...

    def next_hz(self, frequency_hz: float) -> float:
        """Return the clock to run at, one of the domain's, and start to count anew."""
        ...


def at_or_above(frequencies_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the lowest listed frequency that is not below `wanted_hz`; else the highest."""
    # A target computed from a listed frequency may lie above it by rounding.
    index = bisect.bisect_left(frequencies_hz, wanted_hz * (1 - 1e-9))
    return frequencies_hz[min(index, len(frequencies_hz) - 1)]


def nearest(frequencies_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the listed frequency that is nearest to `wanted_hz`."""
    return min(frequencies_hz, key=lambda each: abs(each - wanted_hz))


# Both look at most this often: `cpufreq_policy_transition_delay_us` gives 1000 times the
# transition latency, but no more than 10 ms (kernels before 6.9; ondemand's sampling_rate is
# documented as "typically of the order of 10000" us).
CPU_PERIOD_S = 0.01
# ondemand: 80 %, but 95 % where idle time is counted finely, as on every tickless kernel
# (MICRO_FREQUENCY_UP_THRESHOLD of cpufreq_ondemand.c).
ONDEMAND_UP_THRESHOLD = 0.95
# schedutil: "1.25 * f_0 * util / max"; the quarter is to spare.
SCHEDUTIL_HEADROOM = 1.25
# PELT: "y^32 = 0.5" over periods of 1024 us (schedutil.rst).
PELT_HALF_LIFE_S = 32 * 1024e-6
# UTIL_EST: weight of the newest sample of the moving average, 1 / 2^UTIL_EST_WEIGHT_SHIFT.
UTIL_EST_WEIGHT = 0.25
# simple_ondemand: DFSO_UPTHRESHOLD and DFSO_DOWNDIFFERENCTIAL of governor_simpleondemand.c.
DEVFREQ_UP_THRESHOLD = 0.90
DEVFREQ_DOWN_DIFFERENTIAL = 0.05
# devfreq_profile.polling_ms of the Tegra GPU driver, nvgpu (scale.c).
DEVFREQ_PERIOD_S = 0.025


class FixedGovernor:
    """`performance` and `powersave`: one clock, whatever the load."""

    period_s = 0.0

    def __init__(self, frequency_hz: float) -> None:
        self.first_hz = frequency_hz

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Take no notice."""

    def slept(self) -> None:
        """Take no notice."""

    def next_hz(self, frequency_hz: float) -> float:
        """Return the one clock."""
        return self.first_hz


class BusyGovernor:
    """What the governors share that count busy time between two looks."""

    def __init__(self, frequencies_hz: Sequence[float], *, period_s: float) -> None:
        self.period_s = period_s
        self.first_hz = frequencies_hz[-1]  # left by the bootloader; the first look changes it
        self._frequencies_hz = frequencies_hz
        self._busy_s = self._passed_s = 0.0

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Count busy time."""
        self._busy_s += busy * dt_s
        self._passed_s += dt_s

    def slept(self) -> None:
        """Take no notice."""

    def next_hz(self, frequency_hz: float) -> float:
        """Return the clock for the load since the last look; at the very start, the one it has."""
        if self._passed_s == 0.0:
            return frequency_hz
        share = self._busy_s / self._passed_s
        self._busy_s = self._passed_s = 0.0
        return self._for_load(share, frequency_hz)

    def _for_load(self, share: float, frequency_hz: float) -> float:
        raise NotImplementedError


class Ondemand(BusyGovernor):
    """`ondemand`: the highest clock above a threshold of load, else in proportion to it."""

    def __init__(self, frequencies_hz: Sequence[float]) -> None:
        super().__init__(frequencies_hz, period_s=CPU_PERIOD_S)

    def _for_load(self, share: float, frequency_hz: float) -> float:
        lowest, highest = self._frequencies_hz[0], self._frequencies_hz[-1]
        if share > ONDEMAND_UP_THRESHOLD:
            return highest
        return nearest(self._frequencies_hz, lowest + share * (highest - lowest))


class SimpleOndemand(BusyGovernor):
    """`simple_ondemand` of devfreq: the highest clock above a threshold, else what suffices."""

    def __init__(self, frequencies_hz: Sequence[float]) -> None:
        super().__init__(frequencies_hz, period_s=DEVFREQ_PERIOD_S)

    def _for_load(self, share: float, frequency_hz: float) -> float:
        up, down = DEVFREQ_UP_THRESHOLD, DEVFREQ_DOWN_DIFFERENTIAL
        if share > up:
            return self._frequencies_hz[-1]
        if share > up - down:
            return frequency_hz
        return at_or_above(self._frequencies_hz, share * frequency_hz / (up - down / 2))


class Schedutil:
    """`schedutil`: 1.25 times the utilisation that the scheduler has seen, as a share of the most.

    Utilisation is PELT's: an exponentially decaying mean of the time the busiest core ran, scaled
    by its clock (frequency-invariant). UTIL_EST keeps what a frame used up to its end for the next
    one; it counts while one runs. Boosts for I/O and `uclamp` are left out.
    """

    def __init__(self, frequencies_hz: Sequence[float]) -> None:
        self.period_s = CPU_PERIOD_S
        self.first_hz = frequencies_hz[-1]
        self._frequencies_hz = frequencies_hz
        self._utilisation = 0.0
        self._enqueued = self._mean = 0.0
        self._running = False

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Let the utilisation approach what is used now."""
        used = busy * frequency_hz / self._frequencies_hz[-1]
        self._utilisation = used + (self._utilisation - used) * 0.5 ** (dt_s / PELT_HALF_LIFE_S)
        self._running = busy == 1.0

    def slept(self) -> None:
        """Keep what was used up to the end of a frame."""
        self._enqueued = self._utilisation
        self._mean += UTIL_EST_WEIGHT * (self._enqueued - self._mean)

    def next_hz(self, frequency_hz: float) -> float:
        """Return the lowest clock that leaves the headroom."""
        estimate = max(self._enqueued, self._mean) if self._running else 0.0
        utilisation = max(self._utilisation, estimate)
        wanted_hz = SCHEDUTIL_HEADROOM * utilisation * self._frequencies_hz[-1]
        return at_or_above(self._frequencies_hz, wanted_hz)


GOVERNORS: dict[str, Callable[[Sequence[float]], Governor]] = {
    'performance': lambda frequencies_hz: FixedGovernor(frequencies_hz[-1]),
    'powersave': lambda frequencies_hz: FixedGovernor(frequencies_hz[0]),
    'ondemand': Ondemand,
    'schedutil': Schedutil,
    'simple_ondemand': SimpleOndemand,
}


def make_governor(name: str, domain: FrequencyDomain) -> Governor:
    """Return a governor of this name for a domain. Raises PlatformError, which lists the names."""
    if name not in GOVERNORS:
        raise PlatformError(
            field='governor', value=name, expected=f'one of {", ".join(sorted(GOVERNORS))}'
        )
    return GOVERNORS[name](domain.frequencies_hz)
