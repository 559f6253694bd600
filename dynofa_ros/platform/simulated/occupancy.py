# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The load of each application on each processor, derived from its frame reports.

Applications that share a processor slow each other down. All of them, and the device, receive the
same reports and therefore compute the same loads: the mean over about a second of what
`simulation/processor.py` computes frame by frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dynofa_ros.platform.checks import check_fraction, check_not_negative, check_positive
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.processor import Processor

# A report follows the work, so a long frame is spread over several periods. No realistic frame is
# longer than this, so more is a faulty report.
MAX_BACKLOG_S = 10.0


@dataclass
class _Backlog:
    """Reported work of one application that is not yet accounted for."""

    work_s: float = 0.0  # of the whole processor, without waiting
    rate: float = 0.0  # fraction of the processor that its last frame used


class LoadMeter:
    """Pending busy time of all applications on one processor, and its co-runners."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._backlogs: dict[str, _Backlog] = {}
        self._co_runner_utilisation = 0.0
        self.utilisation = 0.0  # of the last period, co-runners included, 0..1

    @property
    def co_runner_utilisation(self) -> float:
        """Fraction of the processor used by programs that we do not manage, 0..1."""
        return self._co_runner_utilisation

    @co_runner_utilisation.setter
    def co_runner_utilisation(self, utilisation: float) -> None:
        check_fraction('co_runner_utilisation', utilisation)
        self._co_runner_utilisation = utilisation

    def add_busy(self, busy_s: float, *, threads: int, app: str = '', others: float = 0.0) -> None:
        """Add the time that one frame of an application kept `threads` cores busy [s].

        Co-runners and the load of `others` delay a frame by the factor `slowdown`, so that only
        1/slowdown of its time is its own work.
        """
        check_not_negative('busy_s', busy_s)
        slowdown = self._processor.slowdown_under_load(self._co_runner_utilisation + others)
        backlog = self._backlogs.setdefault(app, _Backlog())
        backlog.rate = self._processor.cores_used(threads) / self._processor.cores / slowdown
        longest_s = MAX_BACKLOG_S * backlog.rate
        backlog.work_s = min(backlog.work_s + busy_s * backlog.rate, longest_s)

    def period(self, dt_s: float) -> float:
        """Account for one period and return its utilisation, 0..1.

        An application processes one frame at a time, so its rate limits its work in the period.
        """
        check_positive('dt_s', dt_s)
        own_s = 0.0
        for app, backlog in list(self._backlogs.items()):
            done_s = min(backlog.work_s, backlog.rate * dt_s)
            backlog.work_s -= done_s
            own_s += done_s
            if backlog.work_s <= 0:
                del self._backlogs[app]
        self.utilisation = min(1.0, own_s / dt_s + self._co_runner_utilisation)
        return self.utilisation


# Averaging window: long compared with a camera period, short for a user.
MEMORY_S = 1.0
# An application without a report for this many of its periods, or frames, is considered gone.
SILENT_PERIODS = 2.0


@dataclass
class _Presence:
    """One application on the processor of its last report."""

    processor: str
    load: float = 0.0  # fraction of the processor's cores, 0..1
    until_s: float = 0.0  # considered gone at this time without another report
    frames: deque[tuple[float, float]] = field(
        default_factory=deque
    )  # time of the report, core time [s]

    def add(self, now_s: float, *, busy_s: float, share: float) -> None:
        """Add a frame that kept a share of the processor's cores busy.

        The load is measured from report to report, because a fraction of a period would count one
        frame too many or too few.
        """
        before_s = self.frames[-1][0] if self.frames else now_s
        work_s = busy_s * share
        self.frames.append((now_s, work_s))
        while len(self.frames) > 2 and self.frames[1][0] <= now_s - MEMORY_S:
            self.frames.popleft()
        first_s = self.frames[0][0]
        total_s = sum(each_s for _, each_s in self.frames) - self.frames[0][1]
        if first_s == now_s:  # the first report: the period is still unknown
            total_s, first_s = work_s, now_s - max(MEMORY_S, busy_s)
        self.load = min(total_s / (now_s - first_s), 1.0)
        longest_s = max(now_s - before_s, min(busy_s, MAX_BACKLOG_S))
        self.until_s = now_s + max(MEMORY_S, SILENT_PERIODS * longest_s)


class Occupancy:
    """The load of every application on each processor.

    Thread-safe for one writer and several readers.
    """

    def __init__(self, platform: Platform, *, clock: Callable[[], float]) -> None:
        """`clock` returns monotonic seconds."""
        self._platform = platform
        self._clock = clock
        self._present: dict[str, _Presence] = {}

    def add(self, app: str, *, processor: str, busy_s: float, threads: int) -> None:
        """Add a frame that an application has just finished: `threads` cores for `busy_s`.

        An application processes one frame at a time, so its load is on its last processor only.

        Raises:
            PlatformError: for a time that is negative or not finite, zero threads, or an unknown
                processor.
        """
        check_not_negative('busy_s', busy_s)
        unit = self._platform.processor(processor)
        share = unit.cores_used(threads) / unit.cores
        now_s = self._clock()
        present = {name: each for name, each in self._present.items() if now_s < each.until_s}
        presence = present.get(app)
        if presence is None or presence.processor != processor:
            presence = _Presence(processor)
        presence.add(now_s, busy_s=busy_s, share=share)
        present[app] = presence
        self._present = present

    def load_of_others(self, app: str, processor: str) -> float:
        """Return the total load of all other applications on a processor.

        Each is a fraction of its cores, 0..1; the sum exceeds 1 where they compete for cores.
        """
        now_s = self._clock()
        return sum(
            each.load
            for name, each in self._present.items()
            if name != app and each.processor == processor and now_s < each.until_s
        )
