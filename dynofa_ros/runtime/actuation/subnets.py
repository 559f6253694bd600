# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Command the sub-network of one application until it is acknowledged."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.actuation.command_tracker import AckStatus, CommandTracker
from dynofa_ros.runtime.decision.state import Choice
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.observation import SubnetObservation
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.settings import ManagerSettings, Objective


@dataclass(frozen=True)
class SwitchCommand:
    """Run this sub-network from the next frame on; mirrors msg/SubnetCommand."""

    app: str
    sequence: int
    subnet_id: str
    processor: str
    threads: int
    deadline_s: float  # NaN: none
    reason: str
    envelope: Envelope | None = None  # its first point is the one above; None: nothing else


class SubnetControl:
    """The last command of one application, and the operating points that it refused."""

    def __init__(self, app: str) -> None:
        self.tracker = CommandTracker()
        self._app = app
        self._last: SwitchCommand | None = None
        self._key: PointKey | None = None
        self._wider_since_s = math.inf  # the envelope has more points than the commanded one
        self._result = ''
        self._refused_until_s: dict[PointKey, float] = {}

    def observe(self, observation: SubnetObservation) -> None:
        """Update with the sub-network that the application runs."""
        self._result = observation.command_result
        last = self._last
        self.tracker.observe(
            sequence=observation.command_sequence,
            applied=observation.command_applied,
            matches=last is not None
            and observation.subnet_id == last.subnet_id
            and observation.processor == last.processor,
        )

    def refused(self, *, now_s: float) -> frozenset[PointKey]:
        """Return the points that the application cannot run at present."""
        return frozenset(key for key, until_s in self._refused_until_s.items() if until_s > now_s)

    def suspend_refused(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Exclude a refused point for `hold_s`; True if there is one."""
        timeout_s = settings.acknowledge_timeout_s
        if self.tracker.check(now_s=now_s, timeout_s=timeout_s) is not AckStatus.REFUSED:
            return False
        if self._key is None:  # excluded already, and not commanded since
            return False
        self._refused_until_s[self._key] = now_s + settings.hold_s
        self._key = None
        return True

    def command(
        self, choice: Choice, *, now_s: float, settings: ManagerSettings
    ) -> SwitchCommand | None:
        """Return the command to send now: a new one, the last one again, or none."""
        last, target = self._last, choice.target
        changed = (
            last is None
            or choice.point.key != self._key
            or not _equal(last.deadline_s, target.deadline_s)
            or self._is_new(choice.envelope, last.envelope, now_s=now_s, settings=settings)
        )
        status = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        if changed or status is AckStatus.RENEW:
            self._key, self._wider_since_s = choice.point.key, math.inf
            self._last = SwitchCommand(
                app=self._app,
                sequence=self.tracker.new(now_s=now_s),
                subnet_id=choice.point.subnet_id,
                processor=choice.point.processor,
                threads=choice.point.threads,
                deadline_s=target.deadline_s,
                reason=choice.reason,
                envelope=choice.envelope,
            )
            return self._last
        if status is AckStatus.REPEAT:
            self.tracker.repeat(now_s=now_s)
            return self._last
        return None

    def _is_new(
        self,
        envelope: Envelope | None,
        commanded: Envelope | None,
        *,
        now_s: float,
        settings: ManagerSettings,
    ) -> bool:
        """Whether an envelope differs so much from the commanded one that it is worth a command.

        A point that frames must not run any more is, at once; more points only once they have been
        allowed for `hold_s`: those at the edge of a power cap come and go. Their order is not.
        """
        if commanded is None or envelope is None:
            return commanded is not envelope
        before, now = set(commanded.points), set(envelope.points)
        if before - now or _terms(commanded) != _terms(envelope):
            return True
        self._wider_since_s = min(self._wider_since_s, now_s) if now - before else math.inf
        return now_s - self._wider_since_s >= settings.hold_s

    def warnings(self, *, now_s: float, settings: ManagerSettings) -> list[str]:
        """Return a warning for each refused point, and for a command without acknowledgement."""
        result = [
            f'{self._app} refused {key[0]} on {key[2]}: {self._result}'
            for key in sorted(self.refused(now_s=now_s))
        ]
        if self.tracker.attempts >= settings.acknowledge_attempts:
            result.append(
                f'{self._app} has not acknowledged command {self.tracker.sequence} '
                f'after {self.tracker.attempts} attempts'
            )
        return result


def _terms(envelope: Envelope) -> tuple[float | Objective, ...]:
    """Return how a frame chooses among the points of an envelope."""
    return (
        envelope.probability,
        envelope.min_accuracy,
        envelope.objective,
        envelope.energy_weight,
    )


def _equal(left_s: float, right_s: float) -> bool:
    """Whether two deadlines are equal, NaN (none) equal to NaN."""
    return left_s == right_s or (math.isnan(left_s) and math.isnan(right_s))
