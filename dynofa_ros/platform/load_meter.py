"""How busy one simulated processor is, from the busy time that applications report."""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.platform.checks import check_fraction, check_not_negative, check_positive
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

    def add_busy(
        self, busy_s: float, *, threads: int, app: str = '', others: float = 0.0
    ) -> None:
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
