"""Follow a command until its receiver acknowledges it: nobody assumes that it was obeyed."""

from __future__ import annotations

import enum
import math


class AckStatus(enum.Enum):
    """What to do about the last command."""

    DONE = 'done'  # acknowledged, or never sent
    WAITING = 'waiting'  # its time is not up
    REPEAT = 'repeat'  # its time is up: send it again
    RENEW = 'renew'  # its number is used up: send it under a new one
    REFUSED = 'refused'  # the receiver will not obey: decide without it


class CommandTracker:
    """Sequence number, attempts and time-out of the last command to one receiver."""

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
        """Whether the receiver does what it was told, or was told nothing yet."""
        return self._acknowledged

    def new(self, *, now_s: float) -> int:
        """Count a new command, and return its sequence number."""
        self.sequence += 1
        self.attempts = 1
        self.sent_s = now_s
        self._sent = True
        self._acknowledged = self._refused = self._used_up = False
        return self.sequence

    def repeat(self, *, now_s: float) -> int:
        """Count one more attempt, and return the sequence number, which stays."""
        self.attempts += 1
        self.sent_s = now_s
        return self.sequence

    def observe(self, *, sequence: int, applied: bool, matches: bool) -> None:
        """Take in the receiver's state: the last command it saw, if it obeyed, if it still does."""
        if sequence > self.sequence:
            # It saw commands of a manager before this one. Count on from there, or it would take
            # the next command for an old one.
            self.sequence, self._used_up = sequence, self._sent
            self._acknowledged = not self._sent
            return
        if not self._sent:
            return
        mine = sequence == self.sequence and not self._used_up
        self._refused = mine and not applied
        self._acknowledged = mine and applied and matches
        if self._acknowledged:
            self.attempts = 0

    def check(self, *, now_s: float, timeout_s: float) -> AckStatus:
        """Say what to do now. A refusal counts once its time is up: a swap may take a while."""
        if self._used_up:
            return AckStatus.RENEW
        if self._acknowledged:
            return AckStatus.DONE
        if now_s - self.sent_s < timeout_s:
            return AckStatus.WAITING
        return AckStatus.REFUSED if self._refused else AckStatus.REPEAT
