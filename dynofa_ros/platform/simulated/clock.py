# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The simulated clock of a frequency domain: limits, pending changes and thermal throttling."""

from __future__ import annotations

import math

from dynofa_ros.platform.processor import FrequencyDomain
from dynofa_ros.platform.settings import Limits

# A shorter remaining delay is a rounding error of the time steps.
ROUNDING_S = 1e-9


class SimulatedClock:
    """The clock of one frequency domain.

    Like Linux's governor `performance`, it runs at the highest frequency that its limits allow. The
    initial limits are the whole range.
    """

    def __init__(self, domain: FrequencyDomain) -> None:
        self.domain = domain
        self.cap_hz = math.inf  # finite while throttled
        self.restore()

    def restore(self) -> None:
        """Restore the initial state, without delay."""
        self.limits = Limits(self.domain.frequencies_hz[0], self.domain.frequencies_hz[-1])
        self._requested_hz = self.limits.max_hz
        self._next_hz = math.nan
        self._delay_s = math.inf

    @property
    def frequency_hz(self) -> float:
        """The current frequency."""
        return min(self._requested_hz, self.cap_hz)

    @property
    def next_frequency_hz(self) -> float:
        """The frequency after the pending change; NaN: none is pending."""
        return self._next_hz

    @property
    def throttled(self) -> bool:
        """Whether the temperature limits the frequency."""
        return self._requested_hz > self.cap_hz

    @property
    def until_change_s(self) -> float:
        """Time until the pending change is in force; infinite: none is pending."""
        return self._delay_s

    def set(self, limits: Limits, *, behind_s: float = 0.0) -> str:
        """Set the limits; the frequency follows after the domain's delay. Return a description.

        `behind_s`: time since the last `advance`, by which the delay is extended [s].
        """
        self.limits = limits
        name, delay_s, target_hz = self.domain.name, self.domain.change_delay_s, limits.max_hz
        if target_hz == self._requested_hz:
            self._next_hz, self._delay_s = math.nan, math.inf
            return f'{name}: {target_hz:.0f} Hz already'
        kind = 'fixed' if limits.fixed else f'highest of the range from {limits.min_hz:.0f} Hz'
        if target_hz == self._next_hz:
            return f'{name}: {target_hz:.0f} Hz, {kind}, change already pending'
        self._next_hz, self._delay_s = target_hz, delay_s + behind_s
        if delay_s == 0:
            self.advance(self._delay_s)
        return f'{name}: {target_hz:.0f} Hz, {kind}, in force after {delay_s:g} s'

    def advance(self, dt_s: float) -> None:
        """Advance the time."""
        self._delay_s -= dt_s
        if self._delay_s <= ROUNDING_S:
            self._requested_hz = self._next_hz
            self._next_hz, self._delay_s = math.nan, math.inf
