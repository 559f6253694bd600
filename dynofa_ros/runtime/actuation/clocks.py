# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Track the platform's frequencies, and command them until the platform acknowledges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dynofa_ros.runtime.actuation.command_tracker import AckStatus, CommandTracker
from dynofa_ros.runtime.decision.state import Domain
from dynofa_ros.runtime.observation import DomainObservation, PlatformObservation
from dynofa_ros.runtime.operating_points.frequency import reads_as
from dynofa_ros.runtime.settings import ManagerSettings


@dataclass(frozen=True)
class ClockCommand:
    """Set these frequencies; none: restore the original ones. Mirrors msg/DvfsCommand."""

    sequence: int
    clocks_hz: Mapping[str, float] = field(default_factory=dict)
    reason: str = ''


class PlatformChange(NamedTuple):
    """Difference of two observations of the platform."""

    domains: bool  # names, processors, available frequencies, or which can be set
    frequencies: bool


class _Change(NamedTuple):
    """The last change of a domain's frequency that a platform state showed."""

    old_hz: float
    read_s: float  # time of that platform state


class ClockControl:
    """Present and commanded frequencies of all domains."""

    def __init__(self) -> None:
        self.tracker = CommandTracker()
        self._platform: PlatformObservation | None = None
        self._observed_s = -math.inf
        self._changes: dict[str, _Change] = {}  # by domain
        # By domain: time after a command at which a platform state still showed the old frequency,
        # the shortest of all changes.
        self._change_s: dict[str, float] = {}
        self._last: ClockCommand | None = None
        self._limiting = False  # a frequency was commanded, and not released since
        self._commanded_hz: dict[str, float] = {}
        self._held_until_s: dict[str, float] = {}

    def observe(
        self, observation: PlatformObservation, *, now_s: float, settings: ManagerSettings
    ) -> PlatformChange:
        """Update with the platform's state."""
        change = PlatformChange(domains=False, frequencies=False)
        before = self._platform.domains if self._platform else ()
        if observation.domains != before:  # mostly they are equal
            change = self._compare(before, observation.domains, now_s=now_s)
        self._platform, self._observed_s = observation, now_s
        in_time = now_s - self.tracker.sent_s < settings.acknowledge_timeout_s
        self.tracker.observe(
            sequence=observation.command_sequence,
            applied=observation.command_applied,
            matches=in_time or not self._mismatched(),
        )
        return change

    def _compare(
        self,
        before: Sequence[DomainObservation],
        domains: Sequence[DomainObservation],
        *,
        now_s: float,
    ) -> PlatformChange:
        """Record changed frequencies, and return what has changed."""
        known, changed = {each.name: each for each in before}, False
        for domain in domains:
            old = known.get(domain.name)
            if old is not None and not reads_as(old.frequency_hz, domain.frequency_hz):
                self._changed(domain, old_hz=old.frequency_hz, now_s=now_s)
                changed = True
        return PlatformChange(
            domains={_fixed(each) for each in before} != {_fixed(each) for each in domains},
            frequencies=changed,
        )

    def _changed(self, domain: DomainObservation, *, old_hz: float, now_s: float) -> None:
        """Record a change, and how long after its command it had not happened yet."""
        name = domain.name
        self._changes[name] = _Change(old_hz, now_s)
        commanded_hz = self._commanded_hz.get(name, math.nan)
        if self.tracker.attempts <= 1 and reads_as(domain.frequency_hz, commanded_hz):
            took_s = max(self._observed_s - self.tracker.sent_s, 0.0)
            self._change_s[name] = min(self._change_s.get(name, took_s), took_s)

    def _mismatched(self) -> list[str]:
        """Return the domains of the last command that run at another frequency."""
        if self._platform is None or self._last is None:
            return []
        return [
            each.name
            for each in self._platform.domains
            if each.name in self._last.clocks_hz
            and not reads_as(each.frequency_hz, self._last.clocks_hz[each.name])
        ]

    def _stale(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Whether the platform has been silent for `report_timeout_s`."""
        return now_s - self._observed_s >= settings.report_timeout_s

    def domains(
        self, *, now_s: float, settings: ManagerSettings, released: bool = False
    ) -> tuple[Domain, ...]:
        """Return the domains to decide on; one that cannot be set keeps its frequency.

        None can be set if all are to be `released`.
        """
        if self._platform is None:
            return ()
        dvfs = not released and not self._stale(now_s=now_s, settings=settings)
        held = self._held(now_s=now_s)
        return tuple(
            Domain(
                name=each.name,
                processors=each.processors,
                frequencies_hz=each.frequencies_hz,
                frequency_hz=each.frequency_hz,
                commanded_hz=self._commanded_hz.get(each.name, math.nan),
                settable=dvfs and each.settable and each.name not in held,
            )
            for each in self._platform.domains
        )

    def clocks_of(self, processor: str, *, started_s: float, now_s: float) -> tuple[float, ...]:
        """Return the frequencies at which a frame since `started_s` may have run; NaN: unknown.

        The present one first. The one before a change counts for frames that began before a
        platform state showed the change. A commanded one that none has shown yet counts for frames
        that began after the last state, once the domain has had the shortest time that it was seen
        to take; before its first change, it does not.
        """
        for each in self._platform.domains if self._platform else ():
            if processor not in each.processors:
                continue
            clocks_hz = [each.frequency_hz]
            change = self._changes.get(each.name)
            if change is not None and started_s <= change.read_s:
                clocks_hz.append(change.old_hz)
            commanded_hz = self._commanded_hz.get(each.name, math.nan)
            reached_s = self.tracker.sent_s + self._change_s.get(each.name, math.inf)
            unread = started_s > self._observed_s and now_s >= reached_s
            if unread and not reads_as(each.frequency_hz, commanded_hz):
                clocks_hz.append(commanded_hz)
            return tuple(clocks_hz)
        return (math.nan,)

    def suspend_refused(self, *, now_s: float, settings: ManagerSettings) -> bool:
        """Exclude domains that cannot be set for `hold_s`; True if there are any."""
        status = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        exhausted = self.tracker.attempts >= settings.acknowledge_attempts
        if self._last is None or not (
            status is AckStatus.REFUSED or (status is AckStatus.REPEAT and exhausted)
        ):
            return False
        for name in self._mismatched() or self._last.clocks_hz:
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
        """Return the command to send now: a new one, the last one again, or none.

        A lower frequency for a domain that is still rising waits until it has risen, or
        `acknowledge_timeout_s`: on a Jetson Xavier NX, a new command would start the 0.8 s of a
        change anew, while frames are late at the frequency before it.
        """
        if not clocks_hz or self._rising(clocks_hz, now_s=now_s, settings=settings):
            return None
        status = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        if self._last is None or self._last.clocks_hz != clocks_hz or status is AckStatus.RENEW:
            self._last = ClockCommand(self.tracker.new(now_s=now_s), dict(clocks_hz), reason)
            self._commanded_hz.update(clocks_hz)
            self._limiting = True
            return self._last
        if status in (AckStatus.REPEAT, AckStatus.REFUSED):
            self.tracker.repeat(now_s=now_s)
            return self._last
        return None

    def _rising(
        self, clocks_hz: Mapping[str, float], *, now_s: float, settings: ManagerSettings
    ) -> bool:
        """Whether the last command is about to raise a frequency that a new one would lower."""
        last = self._last
        if last is None or now_s - self.tracker.sent_s >= settings.acknowledge_timeout_s:
            return False
        present_hz = {
            each.name: each.frequency_hz
            for each in (self._platform.domains if self._platform else ())
        }
        shared = [name for name in self._mismatched() if name in clocks_hz]
        return (
            any(present_hz[name] < clocks_hz[name] < last.clocks_hz[name] for name in shared)
            and set(clocks_hz) <= set(last.clocks_hz)
            and all(hz <= last.clocks_hz[name] for name, hz in clocks_hz.items())
        )

    def release(
        self, *, reason: str, now_s: float, settings: ManagerSettings
    ) -> ClockCommand | None:
        """Return the command that restores the original frequencies, or none to send now.

        It is sent again until the platform has obeyed it, also to a silent platform.
        """
        if not self._limiting:
            return None
        status = self.tracker.check(now_s=now_s, timeout_s=settings.acknowledge_timeout_s)
        if self._last is None or self._last.clocks_hz or status is AckStatus.RENEW:
            self._last = ClockCommand(self.tracker.new(now_s=now_s), {}, reason)
            self._commanded_hz.clear()
            return self._last
        if status in (AckStatus.REPEAT, AckStatus.REFUSED):
            self.tracker.repeat(now_s=now_s)
            return self._last
        if status is AckStatus.DONE:
            self._limiting, self._last = False, None
        return None

    def acknowledged(self, *, now_s: float) -> bool:
        """Whether the platform obeys the last command, and no domain is excluded."""
        return self.tracker.acknowledged and not self._held(now_s=now_s)

    def _held(self, *, now_s: float) -> list[str]:
        """Return the domains that are excluded because they could not be set."""
        return sorted(name for name, until_s in self._held_until_s.items() if until_s > now_s)

    def warnings(self, *, now_s: float, settings: ManagerSettings) -> list[str]:
        """Return warnings about missing observations and refused commands."""
        if self._platform is None:
            return ['no platform_state: frequencies unknown, none commanded']
        result = [
            f'frequency of {name} cannot be set, not commanded: {self._platform.command_result}'
            for name in self._held(now_s=now_s)
        ]
        if self._stale(now_s=now_s, settings=settings):
            age_s = now_s - self._observed_s
            result.append(f'platform_state is {age_s:.1f} s old: no frequencies commanded')
        return result


def _fixed(domain: DomainObservation) -> tuple[object, ...]:
    """Return everything but the present frequency."""
    return (domain.name, domain.processors, domain.frequencies_hz, domain.settable)
