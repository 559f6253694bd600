"""A limit of the power, with its reason; and how one that moves is followed without flapping."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from dynofa_ros.runtime.checks import check_number

# A cap rises to the lowest of the last seconds, and only if that is so much higher.
RISE_AFTER_S = 20.0
RISE_SHARE = 0.1


@dataclass(frozen=True)
class Cap:
    """What the board may draw [W]; infinite: no limit."""

    power_w: float = math.inf
    reason: str = 'none'

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        if self.power_w != math.inf:
            check_number('power_cap_w', self.power_w, low=0.0)

    def __str__(self) -> str:
        """Put it into words."""
        return self.reason if math.isinf(self.power_w) else f'{self.power_w:.4g} W ({self.reason})'


class SteadyCap:
    """Falls at once, and rises slowly: a cap is estimated, so it trembles."""

    def __init__(self) -> None:
        self._held_w = math.inf
        # Those of the last seconds that nothing lower has followed: ascending.
        self._lowest: deque[tuple[float, float]] = deque()

    def reset(self) -> None:
        """Forget what was held: the limit itself is another one now."""
        self._held_w = math.inf
        self._lowest.clear()

    def follow(self, power_w: float, *, now_s: float) -> float:
        """Take in the cap as it is now; return the one to keep to [W]."""
        while self._lowest and self._lowest[-1][1] >= power_w:
            self._lowest.pop()
        self._lowest.append((now_s, power_w))
        while now_s - self._lowest[0][0] > RISE_AFTER_S:
            self._lowest.popleft()
        lowest_w = self._lowest[0][1]
        if power_w < self._held_w:
            self._held_w = power_w
        elif lowest_w > (1.0 + RISE_SHARE) * self._held_w:
            self._held_w = lowest_w
        return self._held_w


class Mission:
    """From the last request on; a duration of 0 is none."""

    def __init__(self) -> None:
        self._end_s = math.nan
        self._last = Cap()

    def begin(self, duration_s: float, *, begun_s: float) -> None:
        """Last for `duration_s` from `begun_s` on; 0 cancels.

        Raises ValueError for a duration that is negative or not finite: the mission stays.
        """
        check_number('duration_s', duration_s, low=0.0)
        check_number('begun_s', begun_s)
        self._end_s = begun_s + duration_s if duration_s > 0.0 else math.nan
        self._last = Cap()

    def left_s(self, *, now_s: float) -> float:
        """Return the time left, 0 once it is over; NaN: there is none."""
        return self._end_s if math.isnan(self._end_s) else max(0.0, self._end_s - now_s)

    def cap(self, energy_j: float, *, now_s: float) -> Cap:
        """Return the power at which `energy_j` lasts until the end.

        It is worked out anew each time: what was saved early may be spent later. While the energy
        is unknown (NaN) it stays as it was last, which is right if that much is drawn; none if the
        energy was never known.
        """
        left_s = self.left_s(now_s=now_s)
        if not left_s > 0.0:
            return Cap()
        if not math.isnan(energy_j):
            self._last = Cap(energy_j / left_s, f'mission: {energy_j:.4g} J for {left_s:.4g} s')
        return self._last
