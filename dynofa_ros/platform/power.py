"""What the board draws while one processor is busy, against its clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynofa_ros.platform.checks import PlatformError, check_ascending, check_positive


@dataclass(frozen=True)
class BusyPower:
    """Power of the whole board with one processor fully busy and all others idle.

    Measured points, interpolated linearly. A table, not a formula, because boards change their
    supply voltage in steps, and because a table is what people measure.
    """

    frequencies_hz: tuple[float, ...]  # ascending [Hz]
    power_w: tuple[float, ...]  # of the board, at each of them [W]

    def __post_init__(self) -> None:
        check_ascending('frequencies_hz', self.frequencies_hz)
        if len(self.power_w) != len(self.frequencies_hz):
            raise PlatformError(
                field='power_w',
                value=list(self.power_w),
                expected=f'{len(self.frequencies_hz)} numbers, one per frequency of the table',
            )
        for power_w in self.power_w:
            check_positive('power_w', power_w)

    def power_at(self, frequency_hz: float) -> float:
        """Return the board's power at a clock [W]; beyond the table, that of its nearest end."""
        return float(np.interp(frequency_hz, self.frequencies_hz, self.power_w))
