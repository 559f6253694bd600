# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Attribution of an interval's energy to its frames in proportion to the model, and its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.frame_energy.frames import FrameAccount, FrameWork
from dynofa_ros.platform.frame_energy.idle import MEMORY_S
from dynofa_ros.platform.frame_energy.intervals import Interval

MIN_COUNT = 10.0
"""With fewer intervals, the relative error of a share is taken to be 100 %."""


@dataclass(frozen=True)
class WorkShares:
    """The frames that overlap an interval, and the modelled work of each in it.

    In joules if the platform's description knows all of them, otherwise in core-seconds.
    """

    accounts: tuple[FrameAccount, ...]
    modelled: tuple[float, ...]
    in_joules: bool

    @classmethod
    def of(cls, accounts: Sequence[FrameAccount], interval: Interval) -> WorkShares:
        """Return those of `accounts` that overlap an interval."""
        overlaps = [
            (account, overlap_s)
            for account in accounts
            if (overlap_s := account.frame.overlap_s(interval.start_s, interval.end_s)) > 0
        ]
        in_joules = not any(math.isnan(account.frame.modelled_w) for account, _ in overlaps)
        modelled = tuple(
            overlap_s * _rate(account.frame, in_joules=in_joules) for account, overlap_s in overlaps
        )
        return cls(tuple(account for account, _ in overlaps), modelled, in_joules)

    @property
    def shares(self) -> list[float]:
        """The fraction of each frame, 0..1."""
        total = math.fsum(self.modelled)
        return [each / total for each in self.modelled]

    def stds(self, relative_std: float) -> list[float]:
        """Return the standard deviation of each share, if frames deviate by `relative_std`.

        To first order: f e sqrt((1 - f)^2 + sum of the squares of the other shares), limited to
        the largest possible error.
        """
        shares = self.shares
        squares = math.fsum(share * share for share in shares)
        return [
            min(
                max(share, 1 - share),
                share * relative_std * math.sqrt(max(0.0, 1 - 2 * share + squares)),
            )
            for share in shares
        ]


def _rate(frame: FrameWork, *, in_joules: bool) -> float:
    return frame.modelled_w if in_joules else max(1, frame.threads)


class ModelSpread:
    """Estimates how far frames deviate from the model.

    It compares the energy of intervals above idle, A, with the sum of the model over their frames,
    M. If frames k take r m_k (1 + e_k), with independent e_k of standard deviation e, the residual
    A - r M has the variance r^2 e^2 sum m_k^2 plus the noise of the power. r is the ratio of the
    sums (ratio estimator; Cochran, Sampling Techniques, 1977, ch. 6). Decays with MEMORY_S.
    """

    def __init__(self) -> None:
        self._last_s = -math.inf
        # Of intervals, A, M, A^2, A M, M^2, sum m_k^2, and the variance of the noise.
        self._sums = [0.0] * 8

    def add(
        self, *, above_j: float, modelled: Sequence[float], noise_j2: float, at_s: float
    ) -> None:
        """Add the energy of an interval above idle, with the variance of its noise.

        `modelled` is the work of each of its frames, in any unit.
        """
        decay = math.exp(-max(0.0, at_s - self._last_s) / MEMORY_S)
        self._last_s = at_s
        model = math.fsum(modelled)
        frame_squares = math.fsum(each * each for each in modelled)
        terms = (
            1.0,
            above_j,
            model,
            above_j * above_j,
            above_j * model,
            model * model,
            frame_squares,
            noise_j2,
        )
        self._sums = [total * decay + term for total, term in zip(self._sums, terms, strict=True)]

    @property
    def residual_j2(self) -> float:
        """Mean square of the energy that the model does not explain [J^2]; NaN if unknown."""
        count, above, model, above_squares, products, model_squares, _, _ = self._sums
        if count < MIN_COUNT:
            return math.nan
        ratio = above / model
        squares = above_squares - 2 * ratio * products
        return max(0.0, squares + ratio * ratio * model_squares) / count

    @property
    def relative_std(self) -> float:
        """Relative standard deviation of a frame from the model, at most 1."""
        residual_j2 = self.residual_j2
        if math.isnan(residual_j2):
            return 1.0
        count, above, model, _, _, _, frame_squares, noise_j2 = self._sums
        frames_j2 = (above / model) ** 2 * frame_squares
        beyond_noise_j2 = max(0.0, residual_j2 * count - noise_j2)
        return 1.0 if beyond_noise_j2 >= frames_j2 else math.sqrt(beyond_noise_j2 / frames_j2)
