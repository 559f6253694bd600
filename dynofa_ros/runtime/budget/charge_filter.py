# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Charge of the battery without the noise of its messages: the median of the last seconds.

Charge estimates follow the voltage, which sags under load, and single readings are garbage; a
battery itself changes by less than a percent in this time.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

# The median follows a change after half of this time: long against the sag under a frame, short
# against the discharge of any battery.
WINDOW_S = 10.0
READINGS_MIN = 5  # from a publisher so slow that the window holds fewer
SPACING_S = 0.25  # readings that follow sooner are left out


class ChargeFilter:
    """Median of the readings of the last `WINDOW_S`, of at least `READINGS_MIN` if there are."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()  # time [s], charge

    def observe(self, charge: float, *, now_s: float) -> None:
        """Update with a known charge, a fraction."""
        readings = self._readings
        if readings and now_s - readings[-1][0] < SPACING_S:
            return
        readings.append((now_s, charge))
        while len(readings) > READINGS_MIN and now_s - readings[0][0] > WINDOW_S:
            readings.popleft()

    def charge(self) -> float:
        """Return the median; NaN before the first reading."""
        return median(charge for _, charge in self._readings) if self._readings else math.nan

    def reset(self) -> None:
        """Forget all readings."""
        self._readings.clear()
