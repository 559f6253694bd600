"""One application as the resource manager sees it: profile, estimates, and what it was told."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dynofa_ros.runtime.actuation.subnets import SubnetControl
from dynofa_ros.runtime.decision.state import ApplicationState, Choice, DecisionPolicy
from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod, RunningMean
from dynofa_ros.runtime.estimation.slowdown import Slowdown, SlowdownFilter, SteadySlowdown
from dynofa_ros.runtime.observation import FrameObservation, ResidentPoint, SubnetObservation
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.targets import Target

# Share of each new sample: about 20 frames of memory, as the slowdown's noise has.
OVERHEAD_WEIGHT = 0.05
# Slowdown of an application without reports returns towards 1 with this time constant.
FORGET_S = 10.0
# A relative change of the slowdown that is worth a decision of its own.
SIGNIFICANT = 0.05


class ManagedApplication:
    """Estimates of one application, and its last command."""

    def __init__(self, profile: Profile, *, now_s: float) -> None:
        self.profile = profile
        self.current: OperatingPoint | None = None
        self._meanwhile: PointKey | None = None
        self.control = SubnetControl(profile.app)
        self._filters: dict[str, SlowdownFilter] = {}
        self._observed_s: dict[str, float] = {}
        self._forgotten_s: dict[str, float] = {}
        self._decided_mean: dict[str, float] = {}
        self._steady: dict[str, SteadySlowdown] = {}
        self._overhead = RunningMean(OVERHEAD_WEIGHT)
        self._period = CameraPeriod()
        self._previous: FrameObservation | None = None
        self._residents: tuple[ResidentPoint, ...] = ()
        self._unready: frozenset[PointKey] = frozenset()
        self._active_s = now_s

    def replace_profile(self, profile: Profile, *, now_s: float) -> None:
        """Take a new profile: what was learned against the old one no longer applies."""
        self.profile = profile
        self.current = self._meanwhile = None
        self._unready = self._not_ready()
        self._filters, self._observed_s = {}, {}
        self._forgotten_s, self._decided_mean, self._steady = {}, {}, {}
        self._active_s = now_s

    def observe(self, frame: FrameObservation, *, clocks_hz: Iterable[float], now_s: float) -> bool:
        """Learn from a frame; True if slowdown or frame rate changed: worth a decision of its own.

        `clocks_hz` are the clocks it may have run at: while one changes, old and new. The one that
        surprises least is taken. Raises ValueError for a sub-network the profile does not have.
        """
        points = [self.profile.at(frame.key, clock_hz) for clock_hz in clocks_hz]
        latencies = [each.latency_s for each in points if each is not None]
        if not latencies:
            known = sorted({each.subnet_id for each in self.profile.points})
            raise ValueError(
                f'frame of {frame.app!r} ran {frame.key}; expected operating points of its '
                f'profile, sub-networks {", ".join(known)}'
            )
        self._active_s = now_s
        new_rate = self._observe_period(frame)
        self._overhead.add(frame.overhead_s)
        slowdown = self._filter(frame.processor, points)
        expected = math.log(slowdown.estimate().mean)
        ratio = min(
            (frame.inference_s / latency_s for latency_s in latencies),
            key=lambda each: abs(math.log(each) - expected),
        )
        stepped = slowdown.observe(ratio)
        self._observed_s[frame.processor] = now_s
        mean = slowdown.estimate().mean
        decided = self._decided_mean.get(frame.processor, 1.0)
        return stepped or new_rate or abs(mean - decided) > SIGNIFICANT * decided

    def _observe_period(self, frame: FrameObservation) -> bool:
        """Learn the camera's period from two reports in a row; True if it is a new one."""
        before, self._previous = self._previous, frame
        if before is None or frame.sequence != before.sequence + 1:
            return False
        return self._period.observe((frame.stamp_s - before.stamp_s) / (1 + frame.skipped))

    def _filter(self, processor: str, points: Iterable[OperatingPoint | None]) -> SlowdownFilter:
        """Return the processor's filter; a new one expects the profile's own spread."""
        if processor not in self._filters:
            spread = max(each.latency_std_s / each.latency_s for each in points if each)
            self._filters[processor] = SlowdownFilter(noise_std=spread)
        return self._filters[processor]

    def observe_subnet(self, seen: SubnetObservation) -> None:
        """Take in an acknowledgement, and what can be switched to at once."""
        self.control.observe(seen)
        if seen.residents != self._residents:
            self._residents = seen.residents
            self._unready = self._not_ready()

    def _not_ready(self) -> frozenset[PointKey]:
        """Return what would have to be compiled first; nothing if it did not say."""
        if not self._residents:
            return frozenset()
        return frozenset(
            key
            for key in self.profile.table.keys
            if not any(each.holds(key) for each in self._residents)
        )

    def idle(self, *, now_s: float, timeout_s: float) -> bool:
        """Whether it has sent no report for `timeout_s`."""
        return now_s - self._active_s >= timeout_s

    def forget(self, *, now_s: float, timeout_s: float) -> None:
        """Let slowdowns nobody has observed for `timeout_s` return towards 1, with more doubt."""
        for processor, observed_s in self._observed_s.items():
            if now_s - observed_s >= timeout_s:
                since_s = max(observed_s, self._forgotten_s.get(processor, observed_s))
                self._filters[processor].forget(now_s - since_s, time_constant_s=FORGET_S)
                self._forgotten_s[processor] = now_s

    def state(self, target: Target, *, policy: DecisionPolicy, now_s: float) -> ApplicationState:
        """Return what a decision needs to know."""
        return ApplicationState(
            profile=self.profile,
            target=target,
            slowdowns=self._steady_slowdowns(policy, now_s=now_s),
            overhead_s=self._overhead.mean(unknown=0.0),
            overhead_std_s=self._overhead.std(),
            frame_period_s=self._period.mean_s,
            current=self.current,
            meanwhile=self._meanwhile,
            refused=self.control.refused(now_s=now_s),
            unready=self._unready,
        )

    def _steady_slowdowns(self, policy: DecisionPolicy, *, now_s: float) -> dict[str, Slowdown]:
        """Return the slowdowns to decide with: they stay until there is news."""
        return {
            name: self._steady.setdefault(name, SteadySlowdown()).update(
                new,
                probability=policy.deadline_probability,
                margin=policy.switch_margin,
                now_s=now_s,
            )
            for name, new in self.slowdowns().items()
        }

    def slowdowns(self) -> dict[str, Slowdown]:
        """Return the estimate of each processor that was observed."""
        return {name: each.estimate() for name, each in self._filters.items()}

    def decided(self, choice: Choice) -> None:
        """Remember the choice, and the slowdowns it was made for."""
        self.current = choice.goal
        waits = choice.point.key != choice.goal.key
        self._meanwhile = choice.point.key if waits else None
        self._decided_mean = {name: each.mean for name, each in self.slowdowns().items()}
