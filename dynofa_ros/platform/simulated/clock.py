"""One simulated clock: its limits, the change under way, and the cap that heat puts on it."""

from __future__ import annotations

import math

from dynofa_ros.platform.processor import FrequencyDomain
from dynofa_ros.platform.settings import Limits

# Below this a remaining delay is rounding error of the steps that counted it down.
NOTHING_S = 1e-9


class SimulatedClock:
    """The clock of one frequency domain.

    Its governor is Linux's `performance`, the default here: it runs at the highest frequency that
    its limits allow, and at start the limits are the whole range.
    """

    def __init__(self, domain: FrequencyDomain) -> None:
        self.domain = domain
        self.cap_hz = math.inf  # set while throttled
        self.restore()

    def restore(self) -> None:
        """Go back to how it was at the start, at once."""
        self.limits = Limits(self.domain.frequencies_hz[0], self.domain.frequencies_hz[-1])
        self._requested_hz = self.limits.max_hz
        self._next_hz = math.nan
        self._delay_s = math.inf

    @property
    def frequency_hz(self) -> float:
        """The clock now."""
        return min(self._requested_hz, self.cap_hz)

    @property
    def next_frequency_hz(self) -> float:
        """The clock that a change under way leads to; NaN: none."""
        return self._next_hz

    @property
    def throttled(self) -> bool:
        """Whether heat holds it below what was asked."""
        return self._requested_hz > self.cap_hz

    @property
    def until_change_s(self) -> float:
        """Time left until a change under way is in force; infinite: none."""
        return self._delay_s

    def set(self, limits: Limits, *, behind_s: float = 0.0) -> str:
        """Take new limits; the frequency follows after the domain's delay. Return it in words.

        `behind_s`: time since the last `advance`, which the delay does not count [s].
        """
        self.limits = limits
        name, delay_s, target_hz = self.domain.name, self.domain.change_delay_s, limits.max_hz
        if target_hz == self._requested_hz:
            self._next_hz, self._delay_s = math.nan, math.inf
            return f'{name}: {target_hz:.0f} Hz already'
        kind = 'fixed' if limits.fixed else f'highest of the range from {limits.min_hz:.0f} Hz'
        if target_hz == self._next_hz:
            return f'{name}: {target_hz:.0f} Hz, {kind}, on its way already'
        self._next_hz, self._delay_s = target_hz, delay_s + behind_s
        if delay_s == 0:
            self.advance(self._delay_s)
        return f'{name}: {target_hz:.0f} Hz, {kind}, in force after {delay_s:g} s'

    def advance(self, dt_s: float) -> None:
        """Let time pass."""
        self._delay_s -= dt_s
        if self._delay_s <= NOTHING_S:
            self._requested_hz = self._next_hz
            self._next_hz, self._delay_s = math.nan, math.inf
