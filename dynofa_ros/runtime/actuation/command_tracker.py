# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Track a command until its receiver acknowledges it; no command is assumed to be obeyed."""

from __future__ import annotations

import enum
import math

# Numbers of commands: a counter from 1 that does not get here in the life of a robot. It begins
# anew behind this one, and receivers obey a lower number as well as a higher one.
SEQUENCE_MAX = 2**53


def plausible_sequence(sequence: int) -> bool:
    """Whether a number can be that of a command, or 0: no command yet."""
    return 0 <= sequence <= SEQUENCE_MAX


class AckStatus(enum.Enum):
    """What to do about the last command."""

    DONE = 'done'  # acknowledged, or never sent
    WAITING = 'waiting'  # within the timeout
    REPEAT = 'repeat'  # timed out: send again
    RENEW = 'renew'  # sequence number used by an earlier manager: send with a new one
    REFUSED = 'refused'  # refused by the receiver: decide without it


class CommandTracker:
    """Sequence number, attempts and timeout of the last command to one receiver."""

    def __init__(self) -> None:
        self.sequence = 0
        self.attempts = 0  # since the last acknowledgement
        self.sent_s = -math.inf
        self._sent = False
        self._acknowledged = True
        self._refused = False
        self._used_up = False

    @property
    def acknowledged(self) -> bool:
        """Whether the receiver obeys the last command, or none was sent."""
        return self._acknowledged

    def new(self, *, now_s: float) -> int:
        """Register a new command, and return its sequence number."""
        self.sequence = self.sequence % SEQUENCE_MAX + 1
        self.attempts = 1
        self.sent_s = now_s
        self._sent = True
        self._acknowledged = self._refused = self._used_up = False
        return self.sequence

    def repeat(self, *, now_s: float) -> None:
        """Register another attempt with the same sequence number."""
        self.attempts += 1
        self.sent_s = now_s

    def observe(self, *, sequence: int, applied: bool, matches: bool) -> None:
        """Update with the receiver's state.

        `sequence` is the last command that it received, `applied` whether it obeyed, and `matches`
        whether its state is still the commanded one. An implausible number is not adopted, so the
        command is sent again and replaces it.
        """
        if sequence > self.sequence and plausible_sequence(sequence):
            # The receiver got commands from another manager: the next number is above those.
            self.sequence, self._used_up = sequence, self._sent
            self._acknowledged = not self._sent
            return
        if not self._sent:
            return
        own = sequence == self.sequence and not self._used_up
        self._refused = own and not applied
        self._acknowledged = own and applied and matches
        if self._acknowledged:
            self.attempts = 0

    def check(self, *, now_s: float, timeout_s: float) -> AckStatus:
        """Return what to do now. A refusal counts after the timeout: a switch may take a while."""
        if self._used_up:
            return AckStatus.RENEW
        if self._acknowledged:
            return AckStatus.DONE
        if now_s - self.sent_s < timeout_s:
            return AckStatus.WAITING
        return AckStatus.REFUSED if self._refused else AckStatus.REPEAT
