# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the state of the platform says about each processor: its clock and its contention."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dynofa_ros.msg import PlatformState
from dynofa_ros.runtime import DomainObservation
from dynofa_ros.runtime.checks import shortened
from dynofa_ros.runtime.turns import takes_turns

# A state is published ten times a second, so a clock may have changed this long before it is seen.
STATE_AGE_S = 0.1


@dataclass(frozen=True)
class _Clock:
    """The clock of one processor, since a time, and before that."""

    hz: float
    since_s: float
    before_hz: float


def disagreement(state: PlatformState, *, platform: str, simulated: bool) -> str:
    """Return how the platform of a state differs from that of this node; empty: it does not.

    The name of a real machine depends on whether its description fits, so only simulated ones are
    compared by name.
    """
    same = state.platform in ('', platform) or not simulated
    if state.simulated == simulated and same:
        return ''
    theirs, ours = (
        f'{name} ({"simulated" if modelled else "measured"})'
        for name, modelled in (
            (shortened(state.platform), state.simulated),
            (platform, simulated),
        )
    )
    return (
        f'platform_state is of {theirs}; expected {ours}, on which this node runs: give it and '
        'the platform node the same `platform` and `device`'
    )


class PlatformView:
    """Clocks and contention by processor; written by one thread, read by another."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._time = clock
        self._clocks: dict[str, _Clock] = {}
        self._contention: dict[str, float] = {}

    def observe(self, domains: Iterable[DomainObservation]) -> None:
        """Update with the domains of a state."""
        for domain in domains:
            contention = domain.contention or (math.nan,) * len(domain.processors)
            for processor, added in zip(domain.processors, contention, strict=True):
                self.set_clock(processor, domain.frequency_hz)
                self._contention[processor] = added

    def set_clock(self, processor: str, frequency_hz: float) -> None:
        """Set the frequency at which a processor runs frames [Hz]; NaN: unknown."""
        known = self._clocks.get(processor)
        if known is None:
            self._clocks[processor] = _Clock(frequency_hz, -math.inf, frequency_hz)
        elif known.hz != frequency_hz and not (math.isnan(known.hz) and math.isnan(frequency_hz)):
            self._clocks[processor] = _Clock(frequency_hz, self._time(), known.hz)

    def clock_hz(self, processor: str) -> float:
        """Return the present frequency of a processor [Hz]; NaN: unknown."""
        known = self._clocks.get(processor)
        return math.nan if known is None else known.hz

    def clocks_since(self, processor: str, start_s: float) -> tuple[float, ...]:
        """Return the frequencies at which a frame that started then may have run [Hz]."""
        known = self._clocks.get(processor)
        if known is None:
            return (math.nan,)
        changed = known.since_s > start_s - STATE_AGE_S
        return (known.hz, known.before_hz) if changed else (known.hz,)

    def takes_turns(self, processor: str) -> bool:
        """Return whether the frames of all applications take turns on a processor."""
        return takes_turns(self._contention.get(processor, math.nan))
