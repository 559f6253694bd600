"""How much of each processor every application occupies, learned from the frames it reports.

Applications that share a processor slow each other down. Each of them, and the device, hears the
same reports and so arrives at the same loads: the mean over about a second of what
`simulation/unit.py` works out frame by frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dynofa_ros.platform.checks import check_fraction, check_not_negative, check_positive
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.processor import Processor

# Reports come after the work, so a long frame spreads over several periods. No frame that this
# package means to run is longer than this, so more is a wrong report, not work.
MAX_BACKLOG_S = 10.0


@dataclass
class _Backlog:
    """What one application has reported and is not accounted for yet."""

    work_s: float = 0.0  # of the whole processor, its own work alone
    rate: float = 0.0  # part of the processor that its last frame used, while it ran


class LoadMeter:
    """Busy time not accounted for yet, of each application, and the co-runners of one processor."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._backlogs: dict[str, _Backlog] = {}
        self._co_runner_utilisation = 0.0
        self.utilisation = 0.0  # of the last period, co-runners included, 0..1

    @property
    def co_runner_utilisation(self) -> float:
        """Part of the processor used by programs that we do not manage, 0..1."""
        return self._co_runner_utilisation

    @co_runner_utilisation.setter
    def co_runner_utilisation(self, utilisation: float) -> None:
        check_fraction('co_runner_utilisation', utilisation)
        self._co_runner_utilisation = utilisation

    def add_busy(self, busy_s: float, *, threads: int, app: str = '', others: float = 0.0) -> None:
        """Add the time that one frame of an application kept `threads` cores busy [s].

        Beside co-runners and the load of `others` a frame takes longer, by `slowdown`, because it
        waits for them: only 1/slowdown of its time is work of its own.
        """
        check_not_negative('busy_s', busy_s)
        slowdown = self._processor.slowdown_beside(self._co_runner_utilisation + others)
        backlog = self._backlogs.setdefault(app, _Backlog())
        backlog.rate = self._processor.cores_used(threads) / self._processor.cores / slowdown
        longest_s = MAX_BACKLOG_S * backlog.rate
        backlog.work_s = min(backlog.work_s + busy_s * backlog.rate, longest_s)

    def period(self, dt_s: float) -> float:
        """Account for one period and return its utilisation, 0..1.

        An application works on one frame at a time, so it does no more than one in the period.
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


# Long against the period of a camera, short against what a person waits for.
MEMORY_S = 1.0
# An application that is silent for this many of its periods, or of its frames, is gone.
SILENT_PERIODS = 2.0


@dataclass
class _Presence:
    """One application on the processor that it reported last."""

    processor: str
    load: float = 0.0  # part of the processor's cores, 0..1
    until_s: float = 0.0  # when it counts as gone, if it reports nothing more
    frames: deque[tuple[float, float]] = field(default_factory=deque)  # reported at, core time [s]

    def add(self, now_s: float, *, busy_s: float, share: float) -> None:
        """Take in a frame that kept a share of the processor's cores busy.

        The load is measured from report to report: a part of a period would count a frame too
        many or too few.
        """
        before_s = self.frames[-1][0] if self.frames else now_s
        work_s = busy_s * share
        self.frames.append((now_s, work_s))
        while len(self.frames) > 2 and self.frames[1][0] <= now_s - MEMORY_S:
            self.frames.popleft()
        first_s = self.frames[0][0]
        total_s = sum(each_s for _, each_s in self.frames) - self.frames[0][1]
        if first_s == now_s:  # the first one: a period is not known yet
            total_s, first_s = work_s, now_s - max(MEMORY_S, busy_s)
        self.load = min(total_s / (now_s - first_s), 1.0)
        longest_s = max(now_s - before_s, min(busy_s, MAX_BACKLOG_S))
        self.until_s = now_s + max(MEMORY_S, SILENT_PERIODS * longest_s)


class Occupancy:
    """The part of each processor that every application keeps busy.

    One thread may add while another one reads.
    """

    def __init__(self, platform: Platform, *, clock: Callable[[], float]) -> None:
        """`clock` returns seconds and never goes back."""
        self._platform = platform
        self._clock = clock
        self._present: dict[str, _Presence] = {}

    def add(self, app: str, *, processor: str, busy_s: float, threads: int) -> None:
        """Take in a frame that an application has just ended: `threads` cores for `busy_s`.

        An application works on one frame at a time, so on one processor: the last one it named.

        Raises:
            PlatformError: for a time that is negative or not finite, no threads, or a processor
                that the platform does not have.
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

    def beside(self, app: str, processor: str) -> float:
        """Return the load of all other applications on a processor together.

        Each is a part of its cores, 0..1; the sum is above 1 where several want the same cores.
        """
        now_s = self._clock()
        return sum(
            each.load
            for name, each in self._present.items()
            if name != app and each.processor == processor and now_s < each.until_s
        )
