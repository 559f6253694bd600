"""How long the battery has to last, and the power that this leaves."""

from __future__ import annotations

import math

from dynofa_ros.runtime.cap import Cap
from dynofa_ros.runtime.checks import check_number


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
