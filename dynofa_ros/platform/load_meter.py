"""How busy one simulated processor is, from the busy time that applications report."""

from __future__ import annotations

from dynofa_ros.platform.checks import check_fraction, check_not_negative
from dynofa_ros.platform.processor import Processor

# Reports come after the work, so a long frame spreads over several periods. No frame that this
# package means to run is longer than this, so more is a wrong report, not work.
MAX_BACKLOG_S = 10.0


class LoadMeter:
    """Busy time not accounted for yet, and the co-runners, of one processor."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._backlog_s = 0.0
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

    def add_busy(self, busy_s: float, *, threads: int) -> None:
        """Add the time that one frame kept `threads` of the processor's cores busy [s]."""
        check_not_negative('busy_s', busy_s)
        share = self._processor.cores_used(threads) / self._processor.cores
        self._backlog_s = min(self._backlog_s + busy_s * share, MAX_BACKLOG_S)

    def period(self, dt_s: float) -> float:
        """Account for one period and return its utilisation, 0..1.

        A frame beside co-runners takes longer, by `slowdown`, because it waits for them: only
        1/slowdown of its time is work of its own.
        """
        drained_s = min(self._backlog_s, dt_s)
        self._backlog_s -= drained_s
        slowdown = self._processor.slowdown(self._co_runner_utilisation)
        own = drained_s / dt_s / slowdown
        self.utilisation = min(1.0, own + self._co_runner_utilisation)
        return self.utilisation
