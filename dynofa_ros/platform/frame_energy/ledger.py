"""Measured energy, shared among the frames that were worked on: docs/energy.md states the rules.

The energy of an interval between two samples, minus that of the idle machine, belongs to the frames
that were at work in it, as the platform's model would share it. Nothing is given twice.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import replace

from dynofa_ros.platform.device import UNAVAILABLE
from dynofa_ros.platform.frame_energy.account import FrameAccount, not_measured
from dynofa_ros.platform.frame_energy.frame_records import (
    MAX_FRAME_S,
    EnergyTotals,
    FrameEnergy,
    FrameWork,
)
from dynofa_ros.platform.frame_energy.gaps import ReportGaps
from dynofa_ros.platform.frame_energy.idle import MEMORY_S
from dynofa_ros.platform.frame_energy.idle_by_clocks import Idle, IdleByClocks
from dynofa_ros.platform.frame_energy.intervals import Interval, SampledEnergy
from dynofa_ros.platform.frame_energy.shares import WorkShares
from dynofa_ros.platform.frame_energy.source import SOURCES
from dynofa_ros.platform.frame_energy.spread import ModelSpread

GRACE_S = 0.15
"""For a report on its way, and a meter that notices late that its sensor is gone."""
UNHEARD_S = 0.5
"""So long may the first frame of an application take, of which nobody knows until it ends."""
MAX_FRAMES = 5000
MAX_INTERVALS = 2000


class FrameEnergyLedger:
    """Is told of frames and samples as they come; says what each frame took.

    An interval is settled when it is older than `GRACE_S` and the longest frame of the last minute,
    at least `UNHEARD_S`: so long may a frame that is at work in it still be unheard of. No input
    raises anything.
    """

    def __init__(self) -> None:
        self._sampled = SampledEnergy()
        self._intervals: deque[Interval] = deque()
        self._window: Interval | None = None  # settled, but not shared yet
        self._accounts: list[FrameAccount] = []
        self._longest: deque[FrameWork] = deque(maxlen=MAX_FRAMES)  # ever shorter, ever later
        self._gaps = ReportGaps()
        self._source_now = UNAVAILABLE
        self._source = UNAVAILABLE  # the last that measured
        self._idle = IdleByClocks()
        self._spreads = {True: ModelSpread(), False: ModelSpread()}  # by whether it is in joules
        self._measured_s = -math.inf
        self._settled_s = -math.inf
        self._worked_s = -math.inf
        self._totals = EnergyTotals(0.0, 0.0, 0.0, 0.0, 0.0)

    def add_frame(self, frame: FrameWork) -> bool:
        """Hear of a frame; False if there are too many already, and nothing will be said of it."""
        self._gaps.heard(frame)
        if len(self._accounts) >= MAX_FRAMES:
            self._gaps.unknown(frame.start_s, frame.end_s)
            return False
        self._accounts.append(FrameAccount(frame))
        while self._longest and self._longest[-1].duration_s <= frame.duration_s:
            self._longest.pop()
        self._longest.append(frame)
        return True

    def set_clocks(self, at_s: float, clocks: Hashable) -> None:
        """Say how the clocks stand from a time on: idle power is of one setting of them."""
        self._idle.set_clocks(at_s, clocks)

    def add_sample(self, now_s: float, *, energy_j: float, source: str) -> list[FrameEnergy]:
        """Take what the meter has counted by now; return the frames that are settled thereby.

        `source` is `measured_rail`, `measured_rapl` or `measured_battery`; anything else, or an
        energy that is NaN: not known.
        """
        if not math.isfinite(now_s):
            return []
        if self._sampled.went_back(now_s):
            return self._start_again(now_s, energy_j=energy_j, source=source)
        before = self._sampled.last
        interval = self._sampled.sample(now_s, energy_j=energy_j, source=source)
        if before is None:
            self._settled_s = now_s
        self._follow_source()
        if interval is not None:
            self._intervals.append(interval)
            self._count(measured_j=interval.energy_j, pending_j=interval.energy_j)
        self._settle(now_s)
        return self._completed(now_s)

    @property
    def totals(self) -> EnergyTotals:
        """Where all energy that was measured so far went."""
        return self._totals

    def _follow_source(self) -> None:
        now = self._sampled.last.source if self._sampled.last else UNAVAILABLE
        if now != self._source_now:
            self._close_window()
            # What is open may already lack the sensor.
            self._intervals = deque(replace(each, known=False) for each in self._intervals)
        self._source_now = now
        if now not in (UNAVAILABLE, self._source):
            self._source = now
            self._forget()

    def _forget(self) -> None:
        """Forget what idle is: another source, or another time."""
        self._idle.forget()
        self._spreads = {True: ModelSpread(), False: ModelSpread()}

    def _start_again(self, now_s: float, *, energy_j: float, source: str) -> list[FrameEnergy]:
        """Give up what is open: the clock went back."""
        self._intervals = deque(replace(each, known=False) for each in self._intervals)
        self._settle(math.inf)
        violated_targets = [self._complete(account) for account in self._accounts]
        self._accounts, self._gaps = [], ReportGaps()
        self._measured_s = min(self._measured_s, now_s)
        self._settled_s, self._worked_s = now_s, -math.inf
        self._forget()
        self._sampled.sample(now_s, energy_j=energy_j, source=source)
        self._follow_source()
        return violated_targets

    def _settle(self, now_s: float) -> None:
        while self._longest and abs(now_s - self._longest[0].end_s) > MEMORY_S:
            self._longest.popleft()
        longest_s = self._longest[0].duration_s if self._longest else 0.0
        edge_s = now_s - GRACE_S - max(UNHEARD_S, longest_s)
        while self._intervals and (
            self._intervals[0].end_s <= edge_s or len(self._intervals) > MAX_INTERVALS
        ):
            self._settle_interval(self._intervals.popleft())

    def _settle_interval(self, interval: Interval) -> None:
        start_s, end_s = interval.start_s, interval.end_s
        free = not WorkShares.of(self._accounts, interval).accounts
        known = interval.known and not self._gaps.touch(start_s, end_s)
        if interval.known:
            self._measured_s = end_s
        if known and free and not self._near_work(interval):
            self._idle.add(interval)
        if known and free and self._window is None:
            self._count(idle_j=interval.energy_j, pending_j=-interval.energy_j)
        elif known and self._idle.at(end_s):
            self._window = self._window.with_next(interval) if self._window else interval
            full = self._window.passed_s >= SOURCES[self._source].window_s
            if full or self._idle.changed_within(self._window):
                self._close_window()
        else:
            self._close_window()
            self._count(unattributed_j=interval.energy_j, pending_j=-interval.energy_j)
        self._settled_s = self._window.start_s if self._window else end_s

    def _close_window(self) -> None:
        window, self._window = self._window, None
        if window is None:
            return
        idle = self._idle.at(window.end_s)
        if idle is None:
            self._count(unattributed_j=window.energy_j, pending_j=-window.energy_j)
        else:
            self._share(window, WorkShares.of(self._accounts, window), idle)

    def _near_work(self, interval: Interval) -> bool:
        guard_s = SOURCES[self._source].guard_s
        start_s, end_s = interval.start_s - guard_s, interval.end_s + guard_s
        return self._worked_s > start_s or any(
            account.frame.overlap_s(start_s, end_s) > 0 for account in self._accounts
        )

    def _share(self, interval: Interval, work: WorkShares, idle: Idle) -> None:
        idle_w, passed_s = idle.mean_w, interval.passed_s
        above_j = interval.energy_j - idle_w * passed_s
        noise_j2 = idle.noise_j2_per_s * passed_s
        spread = self._spreads[work.in_joules]
        spread.add(
            above_j=above_j, modelled_j=work.modelled, noise_j2=noise_j2, at_s=interval.end_s
        )
        variance_j2, relative_std = noise_j2, spread.relative_std
        if not SOURCES[self._source].counts:
            # What the model does not explain is then taken to be the sensor's error.
            variance_j2, relative_std = max(noise_j2, unexplained_j2(spread, above_j)), 0.0
        stds = work.stds(relative_std)
        for account, share, std in zip(work.accounts, work.shares, stds, strict=True):
            account.add(
                interval,
                above_j=above_j,
                share=share,
                idle_w=idle_w,
                idle_std_w=idle.std_w,
                sharing_std=std,
                variance_j2=share**2 * variance_j2,
            )
        self._count(idle_j=idle_w * passed_s, pending_j=-idle_w * passed_s)

    def _completed(self, now_s: float) -> list[FrameEnergy]:
        """Return the frames of which no interval is open any more."""
        open_, done = [], []
        for account in self._accounts:
            frame = account.frame
            if frame.end_s <= self._settled_s:
                self._worked_s = max(self._worked_s, frame.end_s)
                done.append(self._complete(account))
            elif frame.start_s > now_s + MAX_FRAME_S:
                done.append(self._complete(account))  # a wrong report must not stay for ever
            else:
                open_.append(account)
        self._accounts = open_
        return done

    def _complete(self, account: FrameAccount) -> FrameEnergy:
        given_j = account.energy_j
        if account.covered:
            self._count(frames_j=given_j, pending_j=-given_j)
            return account.measured(self._source, window_s=SOURCES[self._source].window_s)
        self._count(unattributed_j=given_j, pending_j=-given_j)
        no_sensor = account.frame.start_s - self._measured_s > MEMORY_S
        return not_measured(account.frame, modelled=no_sensor)

    def _count(self, **changes_j: float) -> None:
        now = {name: getattr(self._totals, name) + each for name, each in changes_j.items()}
        self._totals = replace(self._totals, **now)


def unexplained_j2(spread: ModelSpread, above_j: float) -> float:
    """Return the mean square of what the model does not explain; all of it while unknown [J^2]."""
    residual_j2 = spread.residual_j2
    return above_j**2 if math.isnan(residual_j2) else residual_j2
