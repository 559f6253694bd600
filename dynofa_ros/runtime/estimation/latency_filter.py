# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Kalman filter of one processor: its slowdown, and a correction for each sub-network.

    log(observed / profiled latency) = log slowdown + log correction(sub-network) + noise

The slowdown is contention, which all sub-networks share (ALERT: Wan et al., USENIX ATC 2020,
section 3.2: one factor whose variance widens the prediction). A correction is the error of the
profile of one sub-network, which contention does not explain. The filter is joint: a frame tells
only the sum of the two, so both stay uncertain, and the first frames of another sub-network decide
between them, also in retrospect. The observation noise is estimated.

A cumulative sum tells a step from noise: two frames that deviate by three standard deviations are
one, or four by two. Then the estimate jumps to them, while a single slow frame hardly moves it. A
step of a sub-network that has just begun to run is mostly its correction, any other one is
contention. The later stages of a cascade run between frames of the first one, so each has a sum of
its own as well: a step that the first stage does not show is its correction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.estimation.correction import LOG_MAX, Correction, correction_of_log
from dynofa_ros.runtime.estimation.frame_scores import FrameScores
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.estimation.step_detector import CLIP, CumulativeSum, Step
from dynofa_ros.runtime.ranges import CORRECTION, CORRECTION_STD

Floats = npt.NDArray[np.float64]

# Tuning, ours; all are of logarithms (test/runtime/estimation/test_latency_filter.py).
SLOWDOWN_PRIOR_STD = 0.05  # before the first frame, for what all sub-networks share
CORRECTION_PRIOR_STD = 0.1  # before its first frame: a profile is right within 10 %
NOISE_STD_MIN = 0.01  # two runs of one network never agree better than this
DRIFT_VARIANCE = 0.001**2  # random walk of the slowdown per frame: temperature, memory layout
NOISE_MEMORY = 0.98  # weight of the previous noise estimate at each frame: about 50 frames
SURPRISE = CLIP  # standard deviations

# A wrong profile shows at once after a switch, contention at any time. So a step may belong to the
# sub-network if it is one of its first frames ever, or begins with the first ones after a switch.
NEW_FRAMES = 5
SWITCH_FRAMES = 2
# After a surprise, a later stage may be left out as too slow. It is tried again after so many
# frames, so that a second surprise can tell a step from an outlier.
LATER_FRAMES = 10
# Shares of such a step that count as correction; the rest is slowdown. In doubt, other sub-networks
# are expected to be fast: if they are not, their first frames tell; if they are never run, none do.
NEW_SHARE = 0.9  # of a new sub-network
KNOWN_SHARE = 0.5  # of one that has run before
FASTER_SHARE = 0.2  # of a step down
# Contention does not speed up: a step down from here is a correction.
SLOWDOWN_MIN = -2.0 * SLOWDOWN_PRIOR_STD
MOST_SUBNETS = 64  # with covariances; of others only the correction is kept


@dataclass
class _LaterStage:
    """The frames of a later stage of a cascade, between those of the first one."""

    detector: CumulativeSum = field(default_factory=CumulativeSum)
    surprise: float = math.nan  # as of the filter, of its last frame


class LatencyFilter:
    """Tracks the slowdown of one application on one processor, and its corrections there."""

    def __init__(
        self, *, noise_std: float = 0.03, corrections: Mapping[str, Correction] | None = None
    ) -> None:
        """Start at 1; `noise_std` is the initial relative spread of a frame.

        `corrections`, by sub-network, were learned earlier.
        """
        check_number('noise_std', noise_std, low=0.0)
        self._noise = max(noise_std, NOISE_STD_MIN) ** 2
        # Row 0 is the slowdown; the others are sub-networks.
        self._rows: dict[str, int] = {}
        self._mean = np.zeros(1)
        self._covariance = np.full((1, 1), SLOWDOWN_PRIOR_STD**2)
        # Mean and variance of the corrections without a row.
        self._stored = {
            name: (math.log(each.mean), (each.std / each.mean) ** 2)
            for name, each in (corrections or {}).items()
        }
        self._frames: dict[str, int] = {}  # of each sub-network with a row, so far
        self._last_frame: dict[str, int] = {}  # number of its last frame
        self._count = 0
        self._running = ''
        self._since_switch = 0  # frames
        self._detector = CumulativeSum()
        self._later: dict[str, _LaterStage] = {}  # of the sub-networks with a row
        # Sub-network of the step that may have begun, and its share of it.
        self._began: tuple[str, float] = ('', 0.0)
        self._surprise = math.nan
        self._scores = FrameScores()

    @property
    def surprise(self) -> float:
        """Slowdown of the last frame, if it may be the first of a step; otherwise NaN."""
        return self._surprise

    def own_surprise(self, subnet_id: str) -> float:
        """Return the same of the last frame of a later stage, whatever ran after it."""
        known = self._later.get(subnet_id)
        if known is None or self._count - self._last_frame[subnet_id] > LATER_FRAMES:
            return math.nan
        return known.surprise

    @property
    def seen(self) -> tuple[str, ...]:
        """The sub-networks that have run, at most `MOST_SUBNETS`."""
        return tuple(self._rows)

    def expected(self, subnet_id: str) -> float:
        """Return the expected observed / profiled latency of a sub-network."""
        return math.exp(float(self._mean[0]) + self._own(subnet_id)[0])

    def slowdown(self) -> Slowdown:
        """Return the slowdown of the next frame.

        Its spread is that of a frame of the sub-network that ran last, for which `correction` adds
        none: the sum of both is known much better than either.
        """
        variance = self._noise + self._variance(self._rows.get(self._running, 0))
        mean = math.exp(float(self._mean[0]))
        return Slowdown(mean, mean * math.sqrt(variance), self._scores.ascending())

    def correction(self, subnet_id: str) -> Correction:
        """Return a correction, and its uncertainty relative to the sub-network that ran last."""
        log, variance = self._own(subnet_id)
        last, row = self._rows.get(self._running, 0), self._rows.get(subnet_id, 0)
        if last:
            variance += float(self._covariance[last, last])
            if row:
                variance -= 2.0 * float(self._covariance[last, row])
        return correction_of_log(log, max(variance, 0.0))

    def corrections(self, subnet_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Return mean and uncertainty of many corrections, each as of `correction`."""
        rows = np.array([self._rows.get(each, 0) for each in subnet_ids])
        logs, variances = self._mean[rows], self._covariance[rows, rows]
        for index in np.flatnonzero(rows == 0).tolist():
            logs[index], variances[index] = self._own(subnet_ids[index])
        if last := self._rows.get(self._running, 0):
            shared = np.where(rows > 0, self._covariance[last, rows], 0.0)
            variances += self._covariance[last, last] - 2.0 * shared
        means = np.clip(np.exp(logs), CORRECTION.low, CORRECTION.high)
        stds = means * np.sqrt(np.maximum(variances, 0.0))
        return means, np.minimum(stds, CORRECTION_STD.high)

    def learned(self) -> dict[str, Correction]:
        """Return each correction learned so far with its own uncertainty, to keep."""
        names = dict.fromkeys((*self._stored, *self._rows))
        return {name: correction_of_log(*self._own(name)) for name in names}

    def observe(self, subnet_id: str, ratio: float, *, later: bool = False) -> bool:
        """Update with one observed / profiled latency; True if it completes a step.

        `later`: it is that of a cascade's stage after the first. Raises ValueError unless `ratio`
        is finite and above 0.
        """
        check_number('slowdown ratio', ratio, low=0.0, above=True)
        row = self._run(subnet_id)
        self._covariance[0, 0] += DRIFT_VARIANCE
        prior = self._variance(row)
        std = math.sqrt(prior + self._noise)
        innovation = math.log(ratio) - float(self._mean[0] + self._mean[row])
        self._scores.add(innovation / std)
        doubtful = self._detector.doubtful(std)
        step = self._detector.observe(innovation, std=std)
        if self._detector.count == 1:
            self._began = subnet_id, self._own_share(subnet_id)
        elif self._began[0] != subnet_id:
            self._began = subnet_id, 0.0
        surprising = step is None and abs(innovation) > SURPRISE * std
        self._surprise = ratio / math.exp(float(self._mean[row])) if surprising else math.nan
        own_share = self._began[1] if self._began[0] == subnet_id else 0.0
        if later:
            own_step = self._later_stage(subnet_id).observe(innovation, std=std)
            self._later[subnet_id].surprise = self._surprise
            if step is None and own_step is not None:
                step, own_share = own_step, 1.0
        if step is not None:
            self._step(subnet_id, step, own_share=own_share)
            self._reset_sums()
        else:
            limit = SURPRISE * std
            clipped = max(-limit, min(limit, innovation))
            # One that may begin a step must not use up the doubt that the step will need.
            self._update(row, clipped, noise=self._noise + limit**2 * (surprising or doubtful))
            # Of the innovation's variance, prior + noise, this is the part of the noise.
            residual = clipped**2 * self._noise / (prior + self._noise)
            noise = NOISE_MEMORY * self._noise + (1.0 - NOISE_MEMORY) * residual
            self._noise = max(noise, NOISE_STD_MIN**2)
        return step is not None

    def forget(self, elapsed_s: float, *, time_constant_s: float) -> None:
        """Age by `elapsed_s` without frames: the slowdown returns to 1, as uncertain as at first.

        Contention may have ended unobserved. Corrections are kept.
        """
        check_number('elapsed_s', elapsed_s, low=0.0)
        keep = math.exp(-elapsed_s / time_constant_s)
        self._mean[0] *= keep
        self._covariance[0, :] *= keep
        self._covariance[:, 0] *= keep
        self._covariance[0, 0] += (1.0 - keep**2) * SLOWDOWN_PRIOR_STD**2
        self._reset_sums()
        self._surprise = math.nan

    def _reset_sums(self) -> None:
        """Forget the steps that may have begun."""
        self._detector.reset()
        self._later.clear()

    def _later_stage(self, subnet_id: str) -> CumulativeSum:
        """Return the sum of a later stage's own frames."""
        return self._later.setdefault(subnet_id, _LaterStage()).detector

    def _own(self, subnet_id: str) -> tuple[float, float]:
        """Return mean and variance of a correction, without those of the slowdown."""
        row = self._rows.get(subnet_id)
        if row is None:
            return self._stored.get(subnet_id, (0.0, CORRECTION_PRIOR_STD**2))
        return float(self._mean[row]), float(self._covariance[row, row])

    def _variance(self, row: int) -> float:
        """Return the variance of slowdown plus correction; row 0: of the slowdown."""
        covariance = self._covariance
        if row == 0:
            return float(covariance[0, 0])
        return max(float(covariance[0, 0] + 2.0 * covariance[0, row] + covariance[row, row]), 0.0)

    def _run(self, subnet_id: str) -> int:
        """Count a frame of a sub-network, and return its row."""
        if subnet_id != self._running:
            self._running, self._since_switch = subnet_id, 0
        self._since_switch += 1
        self._count += 1
        if subnet_id not in self._rows:
            self._add_row(subnet_id)
        self._frames[subnet_id] += 1
        self._last_frame[subnet_id] = self._count
        return self._rows[subnet_id]

    def _add_row(self, subnet_id: str) -> None:
        """Append a row; the sub-network that has not run for longest gives up its own."""
        if len(self._rows) >= MOST_SUBNETS:
            self._remove_row(min(self._rows, key=self._last_frame.__getitem__))
        log, variance = self._own(subnet_id)
        self._stored.pop(subnet_id, None)
        self._mean = np.append(self._mean, log)
        self._covariance = np.pad(self._covariance, (0, 1))
        self._covariance[-1, -1] = variance
        self._rows[subnet_id] = len(self._mean) - 1
        self._frames[subnet_id] = 0

    def _remove_row(self, subnet_id: str) -> None:
        self._stored[subnet_id] = self._own(subnet_id)
        row = self._rows.pop(subnet_id)
        del self._frames[subnet_id], self._last_frame[subnet_id]
        self._later.pop(subnet_id, None)
        self._mean = np.delete(self._mean, row)
        self._covariance = np.delete(np.delete(self._covariance, row, 0), row, 1)
        self._rows = {name: each - (each > row) for name, each in self._rows.items()}

    def _step(self, subnet_id: str, step: Step, *, own_share: float) -> None:
        """Jump to the mean of some frames; their differences are the uncertainty.

        `own_share` of the step is the sub-network's correction; less of a step down, unless it is
        certain.
        """
        row, size = self._rows[subnet_id], step.size
        if size < 0.0 and own_share < 1.0:
            own_share = min(own_share, FASTER_SHARE)
        shared = (1.0 - own_share) * size
        shared = max(shared, min(SLOWDOWN_MIN - float(self._mean[0]), 0.0))
        # Variances in the ratio of the shares, so that the update splits the step like this.
        self._covariance[0, 0] += shared * size
        self._covariance[row, row] += (size - shared) * size
        self._update(row, size, noise=self._noise / step.samples + step.spread)

    def _own_share(self, subnet_id: str) -> float:
        """Return which part of a step that begins now is the sub-network's correction."""
        if self._frames[subnet_id] <= NEW_FRAMES:
            return NEW_SHARE
        return KNOWN_SHARE if self._since_switch <= SWITCH_FRAMES else 0.0

    def _update(self, row: int, innovation: float, *, noise: float) -> None:
        """Kalman update: the observation is the sum of rows 0 and `row`."""
        column = self._covariance[:, 0] + self._covariance[:, row]
        gain = column / (float(column[0] + column[row]) + noise)
        self._mean += gain * innovation
        # Of arrays this small, np.outer and np.clip would take most of the time.
        self._covariance -= gain[:, None] * column
        self._mean = np.minimum(np.maximum(self._mean, -LOG_MAX), LOG_MAX)
