# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power of the board while one processor is busy, as a function of its frequency."""

from __future__ import annotations

import numpy as np

from dynofa_ros.config_file import checked
from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.quantity import Ascending, Numbers


@checked(PlatformError.of)
class BusyPower:
    """Power of the whole board with one processor fully busy and all others idle.

    Measured points, interpolated linearly. A table rather than a formula, because boards change
    their supply voltage in steps.
    """

    frequencies_hz: Ascending  # [Hz]
    power_w: Numbers  # of the board, at each of them [W]

    def __post_init__(self) -> None:
        """Raise PlatformError unless there is one power per frequency."""
        if len(self.power_w) != len(self.frequencies_hz):
            raise PlatformError(
                field='power_w',
                value=list(self.power_w),
                expected=f'{len(self.frequencies_hz)} numbers, one per frequency of the table',
            )

    def power_at(self, frequency_hz: float) -> float:
        """Return the board's power [W]; outside of the table, that of its nearest end."""
        return float(np.interp(frequency_hz, self.frequencies_hz, self.power_w))
