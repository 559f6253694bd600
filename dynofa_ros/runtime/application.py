"""One application in the resource manager: its profile, estimates and last command."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dynofa_ros.runtime.actuation.subnets import SubnetControl
from dynofa_ros.runtime.decision.state import ApplicationState, Choice, DecisionPolicy
from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod, ExponentialMean
from dynofa_ros.runtime.estimation.slowdown import Slowdown, SlowdownFilter, SlowdownHysteresis
from dynofa_ros.runtime.observation import FrameObservation, ResidentPoint, SubnetObservation
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.targets import Target

# Weight of each new sample: a memory of about 20 frames, like that of the slowdown's noise.
OVERHEAD_WEIGHT = 0.05
# Without reports, the slowdown of an application returns towards 1 with this time constant.
FORGET_S = 10.0
# Relative change of the slowdown that triggers a decision.
SIGNIFICANT = 0.05


class ManagedApplication:
    """Estimates of one application, and its last command."""

    def __init__(self, profile: Profile, *, now_s: float) -> None:
        self.control = SubnetControl(profile.app)
        self._overhead = ExponentialMean(OVERHEAD_WEIGHT)
        self._period = CameraPeriod()
        self._previous: FrameObservation | None = None
        self._residents: tuple[ResidentPoint, ...] = ()
        self.replace_profile(profile, now_s=now_s)

    def replace_profile(self, profile: Profile, *, now_s: float) -> None:
        """Set a new profile; the slowdowns relative to the old one are dropped."""
        self.profile = profile
        self._current: OperatingPoint | None = None
        self._interim: PointKey | None = None
        self._unready = self._not_resident()
        self._filters: dict[str, SlowdownFilter] = {}
        self._observed_s: dict[str, float] = {}
        self._forgotten_s: dict[str, float] = {}
        self._decided_mean: dict[str, float] = {}
        self._hystereses: dict[str, SlowdownHysteresis] = {}
        self._active_s = now_s

    def observe(self, frame: FrameObservation, *, clocks_hz: Iterable[float], now_s: float) -> bool:
        """Update with a frame; True if a change of slowdown or frame rate calls for a decision.

        `clocks_hz` are the frequencies at which it may have run, old and new while one changes.
        The one that surprises least is used. Raises ValueError for a sub-network that the profile
        does not have.
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
        """Update the camera's period from two consecutive reports; True if the rate changed."""
        previous, self._previous = self._previous, frame
        if previous is None or frame.sequence != previous.sequence + 1:
            return False
        return self._period.observe((frame.stamp_s - previous.stamp_s) / (1 + frame.skipped))

    def _filter(self, processor: str, points: Iterable[OperatingPoint | None]) -> SlowdownFilter:
        """Return the processor's filter; a new one starts with the profile's spread."""
        if processor not in self._filters:
            spread = max(each.latency_std_s / each.latency_s for each in points if each)
            self._filters[processor] = SlowdownFilter(noise_std=spread)
        return self._filters[processor]

    def observe_subnet(self, observation: SubnetObservation) -> None:
        """Update with an acknowledgement and the resident sub-networks."""
        self.control.observe(observation)
        if observation.residents != self._residents:
            self._residents = observation.residents
            self._unready = self._not_resident()

    def _not_resident(self) -> frozenset[PointKey]:
        """Return the points that need compilation; none if the residents are unknown."""
        if not self._residents:
            return frozenset()
        return frozenset(
            key
            for key in self.profile.table.keys
            if not any(each.covers(key) for each in self._residents)
        )

    def idle(self, *, now_s: float, timeout_s: float) -> bool:
        """Whether it has sent no report for `timeout_s`."""
        return now_s - self._active_s >= timeout_s

    def forget(self, *, now_s: float, timeout_s: float) -> None:
        """Let slowdowns that were not observed for `timeout_s` return towards the prior."""
        for processor, observed_s in self._observed_s.items():
            if now_s - observed_s >= timeout_s:
                since_s = max(observed_s, self._forgotten_s.get(processor, observed_s))
                self._filters[processor].forget(now_s - since_s, time_constant_s=FORGET_S)
                self._forgotten_s[processor] = now_s

    def state(self, target: Target, *, policy: DecisionPolicy, now_s: float) -> ApplicationState:
        """Return the input of a decision."""
        slowdowns = {
            name: self._hystereses.setdefault(name, SlowdownHysteresis()).update(
                new,
                probability=policy.deadline_probability,
                margin=policy.switch_margin,
                now_s=now_s,
            )
            for name, new in self._slowdowns().items()
        }
        return ApplicationState(
            profile=self.profile,
            target=target,
            slowdowns=slowdowns,
            overhead_s=self._overhead.mean(unknown=0.0),
            overhead_std_s=self._overhead.std(),
            frame_period_s=self._period.mean_s,
            current=self._current,
            interim=self._interim,
            refused=self.control.refused(now_s=now_s),
            unready=self._unready,
        )

    def _slowdowns(self) -> dict[str, Slowdown]:
        """Return the estimate of each observed processor."""
        return {name: each.estimate() for name, each in self._filters.items()}

    def record(self, choice: Choice) -> None:
        """Store a choice, and the slowdowns for which it was made."""
        self._current = choice.settled_point
        self._interim = None if choice.is_settled else choice.point.key
        self._decided_mean = {name: each.mean for name, each in self._slowdowns().items()}
