# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The applications that the manager knows: they join, fall silent, and leave.

A robot runs for weeks, and applications come and go. At most `APPLICATIONS_MAX` are known; one
whose data make a decision fail is left out for a while, so that the others go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from dynofa_ros.runtime.application import ManagedApplication
from dynofa_ros.runtime.attention import Attentions
from dynofa_ros.runtime.checks import listed, shortened
from dynofa_ros.runtime.decision.decide import decide
from dynofa_ros.runtime.decision.state import Decision, DecisionPolicy, DecisionState, Domain
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX
from dynofa_ros.runtime.targets import TargetBook

# An application that was left out is tried again after this time, or with a new profile.
RETRY_S = 10.0


class Applications:
    """All applications with a profile, by name."""

    def __init__(
        self, targets: TargetBook, *, on_failure: Callable[[str, Exception], None]
    ) -> None:
        """`on_failure` gets the name of each application that is left out, and the exception."""
        self._targets = targets
        self._on_failure = on_failure
        self.attentions = Attentions()
        self._apps: dict[str, ManagedApplication] = {}
        self._left_out: dict[str, tuple[float, str]] = {}  # until when, and why
        self._cascades = True  # whether they may be chosen
        self._decided: deque[tuple[DecisionState, Decision]] = deque(maxlen=2)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._apps))

    def __iter__(self) -> Iterator[ManagedApplication]:
        """Iterate in the order in which they joined."""
        return iter(self._apps.values())

    def __getitem__(self, name: str) -> ManagedApplication:
        """Return an application. Raises ValueError that lists the known ones."""
        if name not in self._apps:
            known = listed(self.names) or 'none yet'
            shown = shortened(repr(name))
            raise ValueError(f'application is {shown}; expected one with a profile ({known})')
        return self._apps[name]

    def load_beside(self, app: str, processor: str, *, idle: Collection[str]) -> float:
        """Return the share of a processor's time that all active applications but one take."""
        return sum(
            each.load_on(processor)
            for name, each in self._apps.items()
            if name != app and name not in idle
        )

    def set_profile(self, profile: Profile, *, now_s: float) -> bool:
        """Add an application, or replace its profile; False if the profile is the same."""
        known = self._apps.get(profile.app)
        if known is not None and known.announced.is_same_as(profile):
            return False
        profile.prepare()
        self._left_out.pop(profile.app, None)
        if known is not None:
            known.replace_profile(profile, now_s=now_s)
            return True
        if len(self._apps) >= APPLICATIONS_MAX:
            self.remove(min(self._apps, key=self._worth))
        self._apps[profile.app] = ManagedApplication(profile, cascades=self._cascades, now_s=now_s)
        self._targets.join(profile.app)
        return True

    def allow_cascades(self, allowed: bool) -> None:
        """Let cascades of all applications be chosen from now on, or not."""
        self._cascades = allowed
        for each in self:
            each.allow_cascades(allowed)

    def _worth(self, name: str) -> tuple[bool, float]:
        """Order those to forget first: without any frame, then silent for longest."""
        each = self._apps[name]
        return each.reported, each.active_s

    def remove(self, name: str) -> bool:
        """Forget an application that has left; False if it is not known."""
        if name not in self._apps:
            return False
        del self._apps[name]
        self._left_out.pop(name, None)
        self._targets.leave(name)
        self.attentions.forget(name)
        return True

    def drop_silent(self, publishers: int, *, timeout_s: float, now_s: float) -> list[str]:
        """Forget applications that have been silent for `timeout_s`; return their names.

        As many as there are more applications than `publishers` of profiles: a publisher sends its
        profile once, so an application that is only silent must not be forgotten.
        """
        silent = [
            name for name in sorted(self._apps, key=self._worth)
            if self._apps[name].idle(now_s=now_s, timeout_s=timeout_s)
        ]  # fmt: skip
        left = silent[: max(0, len(self._apps) - publishers)]
        for name in left:
            self.remove(name)
        return left

    def idle(self, *, timeout_s: float, now_s: float) -> frozenset[str]:
        """Return the names of those without a report for `timeout_s`."""
        return frozenset(
            name for name, each in self._apps.items() if each.idle(now_s=now_s, timeout_s=timeout_s)
        )

    def decide(
        self,
        names: Iterable[str],
        domains: Sequence[Domain],
        *,
        policy: DecisionPolicy,
        hysteresis: bool,
        contention: Mapping[str, float],
        now_s: float,
    ) -> Decision:
        """Decide for some applications, without those that are left out.

        If the decision raises an exception, they are added one by one, and each that makes it raise
        again is left out for `RETRY_S`.
        """

        def decide_for(some: Iterable[str]) -> Decision:
            states = tuple(
                self._apps[name].state(
                    self.attentions.raised(name, self._targets.target(name)), now_s=now_s
                )
                for name in some
            )
            return self._decide(
                DecisionState(
                    states,
                    tuple(domains),
                    policy,
                    hysteresis=hysteresis,
                    contention=contention,
                )
            )

        tried = [name for name in names if self._left_out.get(name, (now_s, ''))[0] <= now_s]
        try:
            decision = decide_for(tried)
        except Exception:
            decision = decide_for(())
            kept: list[str] = []
            for name in tried:
                try:
                    decision = decide_for((*kept, name))
                except Exception as error:
                    text = shortened(f'{type(error).__name__}: {error}')
                    self._left_out[name] = (now_s + RETRY_S, text)
                    self._on_failure(name, error)
                else:
                    kept.append(name)
        return decision

    def _decide(self, state: DecisionState) -> Decision:
        """Decide; a state like one of the last two, active and idle, has the same decision."""
        for known, decision in self._decided:
            if known == state:
                return decision
        decision = decide(state)
        self._decided.append((state, decision))
        return decision

    def warnings(self, *, now_s: float) -> list[str]:
        """Return a warning for each application that is left out."""
        return [
            f'{name} is left out of the decision, which fails with its data: {text}'
            for name, (until_s, text) in sorted(self._left_out.items())
            if until_s > now_s
        ]
