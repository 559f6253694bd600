"""Know the platform's clocks, and turn them until the platform says that they are turned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dynofa_ros.runtime.actuation.command_tracker import AckStatus, CommandTracker
from dynofa_ros.runtime.decision.state import Domain
from dynofa_ros.runtime.decision.transition import CLOCK_TOLERANCE
from dynofa_ros.runtime.observation import DomainObservation, PlatformObservation
from dynofa_ros.runtime.settings import ManagerSettings

# A frame reported now may have run at the clock before the last change: frames and clocks arrive
# on different topics, and a Jetson Xavier NX takes 0.8 s to change.
CHANGE_S = 2.0


@dataclass(frozen=True)
class ClockCommand:
    """Turn these clocks; mirrors msg/DvfsCommand."""

    sequence: int
    clocks_hz: Mapping[str, float] = field(default_factory=dict)
    reason: str = ''


class ClockNews(NamedTuple):
    """What is new in a platform's state."""

    others: bool  # its domains are others than before
    turned: bool  # a clock is another than before


class ClockControl:
    """Clocks as they are and as they were asked for."""

    def __init__(self) -> None:
        self.tracker = CommandTracker()
        self._seen: PlatformObservation | None = None
        self._seen_s = -math.inf
        self._before_hz: dict[str, tuple[float, float]] = {}  # clock before, until when it counts
        self._last: ClockCommand | None = None
        self._commanded_hz: dict[str, float] = {}
        self._held_until_s: dict[str, float] = {}

    def observe(
        self, seen: PlatformObservation, *, now_s: float, settings: ManagerSettings
    ) -> ClockNews:
        """Take in the platform's state."""
        before = {each.name: each for each in self._seen.domains} if self._seen else {}
        turned = False
        for domain in seen.domains:
            old = before.get(domain.name)
            if old is not None and not _close(old.frequency_hz, domain.frequency_hz):
                self._before_hz[domain.name] = (old.frequency_hz, now_s + CHANGE_S)
                turned = True
        others = {_shape(each) for each in before.values()} != {_shape(d) for d in seen.domains}
        self._seen, self._seen_s = seen, now_s
        in_time = now_s - self.tracker.sent_s < settings.acknowledge_timeout_s
        self.tracker.observe(
            sequence=seen.command_sequence,
            applied=seen.command_applied,
            matches=in_time or not self._astray(),
        )
        return ClockNews(others, turned)

    def _astray(self) -> dict[str, float]:
        """Return the domains of the last command that do not run at the clock it asked for."""
        if self._seen is None or self._last is None:
            return {}
        return {
            each.name: each.frequency_hz
            for each in self._seen.domains
            if each.name in self._last.clocks_hz
            and not _close(each.frequency_hz, self._last.clocks_hz[each.name])
        }

    def stale(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Whether the platform has not been heard of for `report_timeout_s`."""
        return now_s - self._seen_s >= settings.report_timeout_s

    def domains(self, *, now_s: float, settings: ManagerSettings) -> tuple[Domain, ...]:
        """Return the domains to decide on; one that is not ours to set keeps the clock it has."""
        if self._seen is None:
            return ()
        ours = settings.dvfs and not self.stale(now_s=now_s, settings=settings)
        return tuple(
            Domain(
                name=each.name,
                processors=each.processors,
                frequencies_hz=each.frequencies_hz,
                frequency_hz=each.frequency_hz,
                commanded_hz=self._commanded_hz.get(each.name, math.nan),
                settable=ours
                and each.settable
                and self._held_until_s.get(each.name, -math.inf) <= now_s,
            )
            for each in self._seen.domains
        )

    def clocks_of(self, processor: str, *, now_s: float) -> tuple[float, ...]:
        """Return the clocks a frame reported now may have run at; NaN where that is unknown."""
        for each in self._seen.domains if self._seen else ():
            if processor in each.processors:
                old_hz, until_s = self._before_hz.get(each.name, (math.nan, -math.inf))
                return (each.frequency_hz, old_hz) if now_s < until_s else (each.frequency_hz,)
        return (math.nan,)

    def give_up_refused(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Leave clocks that cannot be turned alone for `hold_s`; True if there are any."""
        state = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        tired = self.tracker.attempts >= settings.acknowledge_attempts
        if self._last is None or not (
            state is AckStatus.REFUSED or (state is AckStatus.REPEAT and tired)
        ):
            return False
        for name in self._astray() or self._last.clocks_hz:
            self._held_until_s[name] = now_s + settings.hold_s
            self._commanded_hz.pop(name, None)
        self._last = None
        return True

    def command(
        self,
        clocks_hz: Mapping[str, float],
        *,
        reason: str,
        now_s: float,
        settings: ManagerSettings,
    ) -> ClockCommand | None:
        """Return the command to send now: a new one, the last one again, or none."""
        if not clocks_hz:
            return None
        state = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        if self._last is None or self._last.clocks_hz != clocks_hz or state is AckStatus.RENEW:
            self._last = ClockCommand(self.tracker.new(now_s=now_s), dict(clocks_hz), reason)
            self._commanded_hz.update(clocks_hz)
            return self._last
        if state in (AckStatus.REPEAT, AckStatus.REFUSED):
            self.tracker.repeat(now_s=now_s)
            return self._last
        return None

    def acknowledged(self, *, now_s: float) -> bool:
        """Whether the platform did what it was told last, and nothing was given up."""
        return self.tracker.acknowledged and not self._held(now_s=now_s)

    def _held(self, *, now_s: float) -> list[str]:
        """Return the domains left alone because they could not be turned."""
        return sorted(name for name, until_s in self._held_until_s.items() if until_s > now_s)

    def warnings(self, *, now_s: float, settings: ManagerSettings) -> list[str]:
        """Say what is missing or was not obeyed."""
        if self._seen is None:
            return ['no platform_state: clocks unknown, none commanded']
        result = [
            f'clock of {name} cannot be turned, left alone: {self._seen.command_result}'
            for name in self._held(now_s=now_s)
        ]
        if self.stale(now_s=now_s, settings=settings):
            age_s = now_s - self._seen_s
            result.append(f'platform_state is {age_s:.1f} s old: no clocks commanded')
        return result


def _close(left: float, right: float) -> bool:
    """Whether two clocks are the same; an unknown one is no contradiction."""
    return not abs(left - right) > CLOCK_TOLERANCE * right


def _shape(domain: DomainObservation) -> tuple[object, ...]:
    """What a decision depends on apart from the clock now."""
    return (domain.name, domain.processors, domain.frequencies_hz, domain.settable)
