# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frame accounting: each frame that a camera sent is served, dropped, refused or lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Account:
    """Frames of one camera over some time.

    Dropped: replaced by a newer frame before perception began with it. Refused: not an image. Lost
    by DDS: replaced before perception received it, which its diagnostics count.
    """

    sent: int
    served: int
    dropped: int
    refused: int
    lost_by_dds: int = 0

    @property
    def lost(self) -> int:
        """Frames that nothing tells of."""
        return self.sent - self.served - self.dropped - self.refused - self.lost_by_dds

    def __add__(self, other: Account) -> Account:
        return Account(
            sent=self.sent + other.sent,
            served=self.served + other.served,
            dropped=self.dropped + other.dropped,
            refused=self.refused + other.refused,
            lost_by_dds=self.lost_by_dds + other.lost_by_dds,
        )


def account(
    sent: Iterable[str], reports: Iterable[Any], *, app: str, lost_by_dds: int = 0
) -> Account:
    """Return the account of the frames `sent`, from the frame reports of one application."""
    frames, own = set(sent), [each for each in reports if each.app == app]
    return Account(
        sent=len(frames),
        served=len({each.header.frame_id for each in own} & frames),
        dropped=sum(each.dropped for each in own),
        refused=sum(each.refused for each in own),
        lost_by_dds=lost_by_dds,
    )
