"""Who was at work in an interval of time, and how its energy above idle is shared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.platform.frame_energy.account import FrameAccount
from dynofa_ros.platform.frame_energy.frame_records import FrameWork
from dynofa_ros.platform.frame_energy.intervals import Interval


@dataclass(frozen=True)
class WorkShares:
    """The frames at work in one interval, and what the model says that each took in it.

    By the platform's description [J] where that knows all of them, else in core-seconds.
    """

    accounts: tuple[FrameAccount, ...]
    modelled: tuple[float, ...]
    in_joules: bool

    @classmethod
    def of(cls, accounts: Sequence[FrameAccount], interval: Interval) -> WorkShares:
        """Return those of `accounts` that were at work in an interval."""
        at_work = [
            (account, overlap_s)
            for account in accounts
            if (overlap_s := account.frame.overlap_s(interval.start_s, interval.end_s)) > 0
        ]
        in_joules = not any(math.isnan(account.frame.modelled_w) for account, _ in at_work)
        modelled = tuple(
            overlap_s * _rate(account.frame, in_joules=in_joules) for account, overlap_s in at_work
        )
        return cls(tuple(account for account, _ in at_work), modelled, in_joules)

    @property
    def shares(self) -> list[float]:
        """Each frame's part of the whole, 0..1."""
        whole = math.fsum(self.modelled)
        return [each / whole for each in self.modelled]

    def stds(self, relative_std: float) -> list[float]:
        """Return each share's standard deviation, if frames are `relative_std` off the model.

        To first order: f e sqrt((1 - f)^2 + sum of the other shares' squares). At most what the
        share can be wrong by.
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
