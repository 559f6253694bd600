# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A row of the fault matrix, and what was observed of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accounting import Account

if TYPE_CHECKING:
    from rig import Rig

MEMORY_BYTES = 256 * 2**20
"""Goal: the peak resident memory of a node grows by less than this in any row."""
RESTART_S = 20.0
"""Goal: a node that is started again works after this time; it has a profile and a cache."""


@dataclass(frozen=True)
class Fault:
    """A fault: how it is injected and removed, and what must hold.

    For every row: no node ends by itself; the robot works again within `recover_s`; every frame is
    served, dropped or refused, unless `loses`; all frequency settings are as found after a
    shutdown.
    """

    name: str
    inject: Callable[[Rig], Iterator[None]]
    """Injects the fault, yields while it lasts, removes it."""
    goal: str
    """What must be observed while the fault lasts, in words."""
    seen: Callable[[Rig], object] | None = None
    """Whether `goal` is observed; None: the goal is that nothing is."""
    seen_s: float = 5.0
    """Time within which `goal` must be observed [s]."""
    lasts_s: float = 1.5
    """Duration of a fault without `seen`, and least duration of every fault [s]."""
    recover_s: float = 5.0
    """Time after the fault within which everything works [s]."""
    loses: bool = False
    """Whether frames sent until everything works again may be lost."""
    lost_by_dds: int = 0
    """Frames that may be replaced in DDS before perception receives them: its queue keeps one."""
    twice: bool = False
    """Whether two nodes account for frames, so that some are accounted for twice."""
    manager: Mapping[str, object] = field(default_factory=dict)
    """Parameters of the resource manager."""
    needs_mounts: bool = False
    """Whether it needs a mount namespace of its own, which only root can make."""
    quick: bool = False
    """Whether continuous integration runs it."""
    gentle: bool = False
    """Whether every node lives through it, so that a soak may draw it at any time."""


@dataclass(frozen=True)
class Outcome:
    """What was observed of a fault; times are NaN if it never happened."""

    account: Account
    seen_s: float
    recovered_s: float
    as_found: bool
    outage_frames: int
    """Frames sent from the beginning of the fault until everything worked again."""
    memory_bytes: int
    """Largest growth of a node's peak resident memory."""
    died: tuple[str, ...]

    def broken(self, fault: Fault) -> list[str]:
        """Return what went wrong, however slow the machine is."""
        found = [*self.died]
        if fault.seen is not None and math.isnan(self.seen_s):
            found.append(f'not observed: {fault.goal}')
        if math.isnan(self.recovered_s):
            found.append('it did not recover')
        if not self.as_found:
            found.append('frequency settings are not as found')
        most = self.outage_frames if fault.loses else 0
        least = -self.outage_frames if fault.twice else 0
        if not least <= self.account.lost <= most:
            found.append(
                f'frames not accounted for: {self.account.lost}; expected {least} to {most}'
            )
        if self.memory_bytes > MEMORY_BYTES:
            found.append(f'a node grew by {self.memory_bytes / 2**20:.0f} MiB')
        return found

    def slow(self, fault: Fault) -> list[str]:
        """Return the goals missed that a busy machine misses too: times, and frames lost by DDS."""
        found = []
        if self.account.lost_by_dds > fault.lost_by_dds and not fault.loses:
            found.append(
                f'frames lost by DDS: {self.account.lost_by_dds}; expected {fault.lost_by_dds}'
            )
        if fault.seen is not None and self.seen_s > fault.seen_s:
            found.append(f'observed after {self.seen_s:.1f} s; expected {fault.seen_s:g} s')
        if self.recovered_s > fault.recover_s:
            found.append(f'recovered after {self.recovered_s:.1f} s; expected {fault.recover_s:g}')
        return found
