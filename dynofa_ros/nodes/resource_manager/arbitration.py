# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Of several resource managers, one commands.

Two managers would switch sub-networks and frequencies back and forth. Each publishes its identity
in `manager_state`, and the one that started first commands. The others stand by: they listen, and
publish neither commands nor states. Once the first one has been silent for `TAKE_OVER_S`, the next
takes over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

# A manager publishes its state at least this often [s], whatever its decision rate is.
PRESENCE_S = 1.0
# Silence after which a manager counts as gone [s]: one state may be late or lost.
TAKE_OVER_S = 2.5


class Identity(NamedTuple):
    """A resource manager. The lower one commands: it started earlier, or has the lower number."""

    started_ns: int  # by the clock of its machine
    manager_id: int  # random, above 0


class Arbitration:
    """Whether this manager commands, by the identities that it receives."""

    def __init__(self, identity: Identity, *, clock: Callable[[], float]) -> None:
        self.identity = identity
        self._clock = clock
        self._senior = identity
        self._heard_s = -math.inf

    def hear(self, other: Identity) -> None:
        """Update with the sender of a state, which may be this manager itself."""
        if other < self.identity:
            self._senior, self._heard_s = other, self._clock()

    @property
    def standby(self) -> bool:
        """Whether a manager that started earlier is present."""
        return self._clock() - self._heard_s < TAKE_OVER_S

    @property
    def senior(self) -> str:
        """The manager that commands instead, for a text."""
        earlier_s = (self.identity.started_ns - self._senior.started_ns) * 1e-9
        return f'manager {self._senior.manager_id:016x}, started {earlier_s:.1f} s earlier'
