"""How busy the CPU cores are: `/proc/stat` (`Documentation/filesystems/proc.rst`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynofa_ros.platform.linux.sysfs import Sysfs

STAT = '/proc/stat'
IDLE = (3, 4)
"""Which of a line's numbers are idle time: idle and iowait."""
COUNTED = 8
"""Numbers that add up to all time; the guests' time behind them is in the first two already."""


class CpuLoad:
    """Busy part of each core between two samples."""

    def __init__(self, sysfs: Sysfs) -> None:
        self._sysfs = sysfs
        self._busy: dict[int, float] = {}
        self._last = self._times()

    def sample(self) -> None:
        """End a period: `utilisation` is of the time since the sample before."""
        times = self._times()
        for core, (idle, total) in times.items():
            before_idle, before_total = self._last.get(core, (0, 0))
            passed = total - before_total
            # Linux's ticks are 10 ms: a period without one says nothing new.
            if passed > 0:
                self._busy[core] = min(1.0, max(0.0, 1 - (idle - before_idle) / passed))
                self._last[core] = (idle, total)

    def utilisation(self, cores: Sequence[int]) -> float:
        """Return the mean busy part of some cores, 0..1; NaN where none is known."""
        busy = [self._busy[core] for core in cores if core in self._busy]
        return sum(busy) / len(busy) if busy else math.nan

    def _times(self) -> dict[int, tuple[int, int]]:
        """Return idle and total time of each core, in ticks."""
        times = {}
        for line in self._sysfs.text(STAT).splitlines():
            name, *words = line.split()
            if name.startswith('cpu') and name[3:].isdigit():
                ticks = [int(word) for word in words[:COUNTED]]
                times[int(name[3:])] = (sum(ticks[each] for each in IDLE), sum(ticks))
        return times
