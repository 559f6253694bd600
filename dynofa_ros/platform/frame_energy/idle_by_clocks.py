"""Idle power at each setting of the clocks: turning a clock down lowers it too."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass

from dynofa_ros.platform.frame_energy.idle import IdlePower
from dynofa_ros.platform.frame_energy.intervals import Interval

OTHER_CLOCKS_STD = 0.2
"""Share by which idle power at other clocks may be off (assumed)."""
MAX_SETTINGS = 64
MAX_CHANGES = 256


@dataclass(frozen=True)
class Idle:
    """Idle power as far as it is known."""

    mean_w: float
    std_w: float
    noise_j2_per_s: float


class IdleByClocks:
    """Learns from idle intervals; where the clocks of now were not seen idle, others stand in."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, IdlePower] = OrderedDict()  # last added to: last
        self._changes: deque[tuple[float, Hashable]] = deque(maxlen=MAX_CHANGES)

    def set_clocks(self, at_s: float, clocks: Hashable) -> None:
        """Say how the clocks stand from a time on."""
        self._changes.append((at_s, clocks))

    def changed_within(self, interval: Interval) -> bool:
        """Whether the clocks were turned in an interval: it is of both settings."""
        return any(interval.start_s < at_s < interval.end_s for at_s, _ in self._changes)

    def add(self, interval: Interval) -> None:
        """Add an interval in which nobody worked; intervals come in the order of time."""
        if self.changed_within(interval):
            return
        clocks = self._clocks_at(interval.end_s)
        idle = self._known.setdefault(clocks, IdlePower())
        idle.add(energy_j=interval.energy_j, start_s=interval.start_s, end_s=interval.end_s)
        self._known.move_to_end(clocks)
        if len(self._known) > MAX_SETTINGS:
            self._known.popitem(last=False)

    def at(self, now_s: float) -> Idle | None:
        """Return the idle power at a time; None while none was seen for long enough."""
        own = self._known.get(self._clocks_at(now_s))
        if own is not None and own.ready:
            return Idle(own.mean_w, own.std_w(now_s), own.noise_j2_per_s)
        other = next((each for each in reversed(self._known.values()) if each.ready), None)
        if other is None:
            return None
        std_w = math.hypot(other.std_w(now_s), OTHER_CLOCKS_STD * other.mean_w)
        return Idle(other.mean_w, std_w, other.noise_j2_per_s)

    def forget(self) -> None:
        """Forget what idle is, not how the clocks stand."""
        self._known.clear()

    def _clocks_at(self, now_s: float) -> Hashable:
        """Return how the clocks stood at a time; None before the first was said."""
        return next((clocks for at_s, clocks in reversed(self._changes) if at_s < now_s), None)
