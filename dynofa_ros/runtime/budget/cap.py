# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power caps: their filter against flapping, and the cap of a mission."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number, check_range
from dynofa_ros.runtime.ranges import MISSION_S

# A cap rises only to the minimum of this time, and only by more than this share.
RISE_AFTER_S = 20.0
RISE_SHARE = 0.1


@dataclass(frozen=True)
class Cap:
    """Cap on the power of the board [W]; infinite: none."""

    power_w: float = math.inf
    reason: str = 'none'
    name: str = 'the power cap'  # what sets it, in a sentence

    def __post_init__(self) -> None:
        """Raise ValueError unless the power is infinite or a finite number from 0."""
        if self.power_w != math.inf:
            check_number('power_cap_w', self.power_w, low=0.0)

    def __str__(self) -> str:
        """Return power and reason."""
        return self.reason if math.isinf(self.power_w) else f'{self.power_w:.4g} W ({self.reason})'


class CapFilter:
    """Follows a noisy cap down at once, and up after `RISE_AFTER_S`."""

    def __init__(self) -> None:
        self.name = Cap.name
        """What set the cap that applies, which may be one of some seconds ago."""
        self._held_w = math.inf
        # Time, cap and name of the last seconds, without caps followed by a lower one: ascending.
        self._minima: deque[tuple[float, float, str]] = deque()

    def reset(self) -> None:
        """Forget earlier caps, after a change of the limit itself."""
        self._held_w = math.inf
        self._minima.clear()

    def update(self, power_w: float, *, now_s: float, name: str = Cap.name) -> float:
        """Update with the cap as of now; return the cap to apply [W]."""
        while self._minima and self._minima[-1][1] >= power_w:
            self._minima.pop()
        self._minima.append((now_s, power_w, name))
        while now_s - self._minima[0][0] > RISE_AFTER_S:
            self._minima.popleft()
        _, minimum_w, minimum_name = self._minima[0]
        if power_w < self._held_w:
            self._held_w, self.name = power_w, name
        elif minimum_w > (1.0 + RISE_SHARE) * self._held_w:
            self._held_w, self.name = minimum_w, minimum_name
        elif power_w == self._held_w:
            self.name = name
        return self._held_w


class Mission:
    """The time that the battery has to last, as of the last request."""

    def __init__(self) -> None:
        self._end_s = math.nan
        self._last = Cap()

    def begin(self, duration_s: float, *, begun_s: float) -> None:
        """Begin a mission of `duration_s` at `begun_s`; 0 cancels.

        Raises ValueError for an impossible duration, and keeps the present mission.
        """
        check_range('duration_s', duration_s, MISSION_S)
        check_number('begun_s', begun_s)
        self._end_s = begun_s + duration_s if duration_s > 0.0 else math.nan
        self._last = Cap()

    def left_s(self, *, now_s: float) -> float:
        """Return the time left, 0 after the end; NaN: no mission."""
        return self._end_s if math.isnan(self._end_s) else max(0.0, self._end_s - now_s)

    def cap(self, energy_j: float, *, now_s: float) -> Cap:
        """Return the power at which `energy_j` lasts until the end.

        While the energy is unknown (NaN), the last cap holds; without one there is no cap.
        """
        left_s = self.left_s(now_s=now_s)
        if not left_s > 0.0:
            return Cap()
        if not math.isnan(energy_j):
            reason = f'mission: {energy_j:.4g} J for {left_s:.4g} s'
            self._last = Cap(energy_j / left_s, reason, 'the mission')
        return self._last
