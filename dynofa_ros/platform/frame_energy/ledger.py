# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Attribution of measured energy to frames: docs/energy.md states the rules.

The energy of an interval between two samples, minus idle power, is attributed to the frames that
overlap it, in proportion to the platform's model. Energy is conserved.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import replace

from dynofa_ros.platform.device import UNAVAILABLE, PowerSample
from dynofa_ros.platform.frame_energy.frames import (
    MAX_FRAME_S,
    EnergyTotals,
    FrameAccount,
    FrameEnergy,
    FrameWork,
    not_measured,
)
from dynofa_ros.platform.frame_energy.idle import MEMORY_S, Idle, IdleBySetting
from dynofa_ros.platform.frame_energy.intervals import SOURCES, Interval, SampledEnergy
from dynofa_ros.platform.frame_energy.sharing import ModelSpread, WorkShares

GRACE_S = 0.15
"""Maximum delay of a report, and of the meter noticing that its sensor failed."""
MIN_DELAY_S = 0.5
"""Maximum duration of the first frame of an application, which is unknown until it ends."""
MAX_FRAMES = 5000
MAX_INTERVALS = 2000
MAX_APPS = 64
"""With more applications, lost reports of some are not noticed."""


class ReportGaps:
    """The time of frames whose reports were lost (best effort), as one span that only grows.

    Frames are numbered. A missing one was processed between the frames before and after it.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[int, float]] = {}
        self._start_s = math.inf
        self._end_s = -math.inf

    def add_frame(self, frame: FrameWork) -> None:
        """Record a frame, and a gap if its predecessor is missing."""
        sequence, end_s = self._latest.pop(frame.app, (frame.sequence, frame.end_s))
        if frame.sequence > sequence + 1 and frame.start_s > end_s:
            self.add_gap(end_s, frame.start_s)
        self._latest[frame.app] = (frame.sequence, frame.end_s)
        if len(self._latest) > MAX_APPS:
            del self._latest[next(iter(self._latest))]

    def add_gap(self, start_s: float, end_s: float) -> None:
        """Record a time with work that cannot be attributed."""
        self._start_s = min(self._start_s, start_s)
        self._end_s = max(self._end_s, end_s)

    def overlap(self, start_s: float, end_s: float) -> bool:
        """Whether a gap overlaps a time span; spans must ascend from call to call."""
        if start_s >= self._end_s:
            self._start_s, self._end_s = math.inf, -math.inf
        return start_s < self._end_s and end_s > self._start_s


class FrameEnergyLedger:
    """Receives frames and samples as they arrive; returns the energy of each frame.

    An interval is settled once it is older than `GRACE_S` plus the longest frame of the last
    minute, at least `MIN_DELAY_S`: the report of an overlapping frame can be this late. No input
    raises an exception.
    """

    def __init__(self) -> None:
        self._sampled = SampledEnergy()
        self._intervals: deque[Interval] = deque()
        self._window: Interval | None = None  # settled, but not attributed yet
        self._accounts: list[FrameAccount] = []
        self._longest: deque[FrameWork] = deque(maxlen=MAX_FRAMES)  # descending, later ones last
        self._gaps = ReportGaps()
        self._source_now = UNAVAILABLE
        self._source = UNAVAILABLE  # the last one that measured
        self._idle = IdleBySetting()
        self._spreads = {True: ModelSpread(), False: ModelSpread()}  # by whether it is in joules
        self._measured_s = -math.inf
        self._settled_s = -math.inf
        self._worked_s = -math.inf
        self._totals = EnergyTotals(0.0, 0.0, 0.0, 0.0, 0.0)

    def add_frame(self, frame: FrameWork) -> bool:
        """Add a frame; return False if there are too many, and its energy will not be returned."""
        self._gaps.add_frame(frame)
        if len(self._accounts) >= MAX_FRAMES:
            self._gaps.add_gap(frame.start_s, frame.end_s)
            return False
        self._accounts.append(FrameAccount(frame))
        while self._longest and self._longest[-1].duration_s <= frame.duration_s:
            self._longest.pop()
        self._longest.append(frame)
        return True

    def set_frequencies(self, at_s: float, setting: Hashable) -> None:
        """Record the frequency setting from a time on, on which idle power depends."""
        self._idle.set_frequencies(at_s, setting)

    def add_sample(self, sample: PowerSample) -> list[FrameEnergy]:
        """Add a sample of the energy counter; return the frames that it settles.

        Its energy is unknown if it is NaN, or its source is not `measured_rail`, `measured_rapl` or
        `measured_battery`.
        """
        if not math.isfinite(sample.at_s):
            return []
        if self._sampled.is_before_last(sample.at_s):
            return self._restart(sample)
        if self._sampled.last is None:
            self._settled_s = sample.at_s
        interval = self._sampled.add(sample)
        self._update_source()
        if interval is not None:
            self._intervals.append(interval)
            self._count(measured_j=interval.energy_j, pending_j=interval.energy_j)
        self._settle(sample.at_s)
        return self._completed(sample.at_s)

    @property
    def totals(self) -> EnergyTotals:
        """Attribution of all energy measured so far."""
        return self._totals

    def _update_source(self) -> None:
        now = self._sampled.last.source if self._sampled.last else UNAVAILABLE
        if now != self._source_now:
            self._close_window()
            # The sensor may have failed before the intervals that are still open.
            self._invalidate_intervals()
        self._source_now = now
        if now not in (UNAVAILABLE, self._source):
            self._source = now
            self._reset_estimates()

    def _invalidate_intervals(self) -> None:
        self._intervals = deque(replace(each, known=False) for each in self._intervals)

    def _reset_estimates(self) -> None:
        """Forget idle power and model errors: they are those of another source, or another time."""
        self._idle.reset()
        self._spreads = {True: ModelSpread(), False: ModelSpread()}

    def _restart(self, sample: PowerSample) -> list[FrameEnergy]:
        """Start again after the clock went backwards; return all open frames as unavailable."""
        self._invalidate_intervals()
        self._settle(math.inf)
        dropped = [self._complete(account) for account in self._accounts]
        self._accounts, self._gaps = [], ReportGaps()
        self._measured_s = min(self._measured_s, sample.at_s)
        self._settled_s, self._worked_s = sample.at_s, -math.inf
        self._reset_estimates()
        self._sampled.add(sample)
        self._update_source()
        return dropped

    def _settle(self, now_s: float) -> None:
        while self._longest and abs(now_s - self._longest[0].end_s) > MEMORY_S:
            self._longest.popleft()
        longest_s = self._longest[0].duration_s if self._longest else 0.0
        edge_s = now_s - GRACE_S - max(MIN_DELAY_S, longest_s)
        while self._intervals and (
            self._intervals[0].end_s <= edge_s or len(self._intervals) > MAX_INTERVALS
        ):
            self._settle_interval(self._intervals.popleft())

    def _settle_interval(self, interval: Interval) -> None:
        start_s, end_s = interval.start_s, interval.end_s
        free = not WorkShares.of(self._accounts, interval).accounts
        known = interval.known and not self._gaps.overlap(start_s, end_s)
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
            self._attribute(window, WorkShares.of(self._accounts, window), idle)

    def _near_work(self, interval: Interval) -> bool:
        guard_s = SOURCES[self._source].guard_s
        start_s, end_s = interval.start_s - guard_s, interval.end_s + guard_s
        return self._worked_s > start_s or any(
            account.frame.overlap_s(start_s, end_s) > 0 for account in self._accounts
        )

    def _attribute(self, interval: Interval, work: WorkShares, idle: Idle) -> None:
        idle_w, passed_s = idle.mean_w, interval.passed_s
        above_j = interval.energy_j - idle_w * passed_s
        noise_j2 = idle.noise_j2_per_s * passed_s
        spread = self._spreads[work.in_joules]
        spread.add(above_j=above_j, modelled=work.modelled, noise_j2=noise_j2, at_s=interval.end_s)
        variance_j2, relative_std = noise_j2, spread.relative_std
        if not SOURCES[self._source].counts:
            # For a sampled sensor, all energy that the model does not explain is sensor error.
            residual_j2 = spread.residual_j2
            unexplained_j2 = above_j**2 if math.isnan(residual_j2) else residual_j2
            variance_j2, relative_std = max(noise_j2, unexplained_j2), 0.0
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
        """Remove and return the frames that no open interval overlaps."""
        open_, done = [], []
        for account in self._accounts:
            frame = account.frame
            if frame.end_s <= self._settled_s:
                self._worked_s = max(self._worked_s, frame.end_s)
                done.append(self._complete(account))
            elif frame.start_s > now_s + MAX_FRAME_S:
                done.append(self._complete(account))  # drop an invalid report
            else:
                open_.append(account)
        self._accounts = open_
        return done

    def _complete(self, account: FrameAccount) -> FrameEnergy:
        energy_j = account.energy_j
        if account.covered:
            self._count(frames_j=energy_j, pending_j=-energy_j)
            return account.measured(self._source, window_s=SOURCES[self._source].window_s)
        self._count(unattributed_j=energy_j, pending_j=-energy_j)
        no_sensor = account.frame.start_s - self._measured_s > MEMORY_S
        return not_measured(account.frame, modelled=no_sensor)

    def _count(self, **changes_j: float) -> None:
        now = {name: getattr(self._totals, name) + each for name, each in changes_j.items()}
        self._totals = replace(self._totals, **now)
