"""Tell one application what to run, until it says that it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.actuation.command_tracker import AckStatus, CommandTracker
from dynofa_ros.runtime.decision.state import Choice
from dynofa_ros.runtime.observation import SubnetObservation
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.settings import ManagerSettings


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


class SubnetControl:
    """The last command of one application, and what it refused."""

    def __init__(self, app: str) -> None:
        self.tracker = CommandTracker()
        self._app = app
        self._last: SwitchCommand | None = None
        self._key: PointKey | None = None
        self._result = ''
        self._refused_until_s: dict[PointKey, float] = {}

    def observe(self, seen: SubnetObservation) -> None:
        """Take in what the application runs."""
        self._result = seen.command_result
        last = self._last
        matches = last is not None and (seen.subnet_id, seen.processor) == (
            last.subnet_id,
            last.processor,
        )
        self.tracker.observe(
            sequence=seen.command_sequence, applied=seen.command_applied, matches=matches
        )

    def refused(self, *, now_s: float) -> frozenset[PointKey]:
        """Return what the application cannot run at present."""
        return frozenset(key for key, until_s in self._refused_until_s.items() if until_s > now_s)

    def give_up_refused(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Leave a refused point out for `hold_s`; True if there is one."""
        timeout_s = settings.acknowledge_timeout_s
        if self.tracker.check(now_s=now_s, timeout_s=timeout_s) is not AckStatus.REFUSED:
            return False
        assert self._key is not None  # something was sent, or nothing could be refused
        self._refused_until_s[self._key] = now_s + settings.hold_s
        self._key = None
        return True

    def command(
        self, choice: Choice, *, now_s: float, settings: ManagerSettings
    ) -> SwitchCommand | None:
        """Return the command to send now: a new one, the last one again, or none."""
        last, target = self._last, choice.target
        same_deadline = last is not None and _same(last.deadline_s, target.deadline_s)
        changed = choice.point.key != self._key or not same_deadline
        state = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        if changed or state is AckStatus.RENEW:
            self._key = choice.point.key
            self._last = SwitchCommand(
                app=self._app,
                sequence=self.tracker.new(now_s=now_s),
                subnet_id=choice.point.subnet_id,
                processor=choice.point.processor,
                threads=choice.point.threads,
                deadline_s=target.deadline_s,
                reason=choice.reason,
            )
            return self._last
        if state is AckStatus.REPEAT:
            self.tracker.repeat(now_s=now_s)
            return self._last
        return None

    def warnings(self, *, now_s: float, settings: ManagerSettings) -> list[str]:
        """Say what was refused, and what is not acknowledged after so many attempts."""
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


def _same(left: float, right: float) -> bool:
    """Whether two deadlines are equal; none equals none."""
    return left == right or (math.isnan(left) and math.isnan(right))
