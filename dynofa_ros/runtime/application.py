# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One application in the resource manager: its profile, estimates and last command."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from dynofa_ros.runtime.actuation.subnets import SubnetControl
from dynofa_ros.runtime.checks import listed, shortened
from dynofa_ros.runtime.decision.state import ApplicationState, Choice, DecisionPolicy
from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod, ExponentialMean
from dynofa_ros.runtime.estimation.slowdown import SlowdownFilter, SlowdownHysteresis
from dynofa_ros.runtime.observation import (
    FrameObservation,
    ResidentPoint,
    SubnetObservation,
    uncovered,
)
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.targets import Target

# Weight of each new sample: a memory of about 20 frames, like that of the slowdown's noise.
OVERHEAD_WEIGHT = 0.05
# Without reports, the slowdown of an application returns towards 1 with this time constant.
FORGET_S = 10.0
# Relative change of the slowdown that triggers a decision.
SIGNIFICANT = 0.05


@dataclass
class _ProcessorEstimate:
    """Slowdown of the application on one processor, and the times of its updates."""

    slowdown: SlowdownFilter
    observed_s: float
    updated_s: float  # by an observation or by aging
    hysteresis: SlowdownHysteresis = field(default_factory=SlowdownHysteresis)
    decided_mean: float = 1.0  # at the last decision


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
        self._estimates: dict[str, _ProcessorEstimate] = {}
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
            raise ValueError(
                f'frame of {frame.app!r} ran {shortened(str(frame.key))}; expected operating '
                f'points of its profile, sub-networks {listed(self.profile.subnet_ids)}'
            )
        self._active_s = now_s
        new_rate = self._observe_period(frame)
        self._overhead.add(frame.overhead_s)
        estimate = self._estimate(frame.processor, points, now_s=now_s)
        expected = math.log(estimate.slowdown.estimate().mean)
        ratio = min(
            (frame.inference_s / latency_s for latency_s in latencies),
            key=lambda each: abs(math.log(each) - expected),
        )
        stepped = estimate.slowdown.observe(ratio)
        estimate.observed_s = estimate.updated_s = now_s
        change = abs(estimate.slowdown.estimate().mean - estimate.decided_mean)
        return stepped or new_rate or change > SIGNIFICANT * estimate.decided_mean

    def _observe_period(self, frame: FrameObservation) -> bool:
        """Update the camera's period from two consecutive reports; True if the rate changed."""
        previous, self._previous = self._previous, frame
        if previous is None or frame.sequence != previous.sequence + 1:
            return False
        return self._period.observe((frame.stamp_s - previous.stamp_s) / (1 + frame.skipped))

    def _estimate(
        self, processor: str, points: Iterable[OperatingPoint | None], *, now_s: float
    ) -> _ProcessorEstimate:
        """Return the processor's estimate; a new one starts with the profile's spread."""
        if processor not in self._estimates:
            spread = max(each.latency_std_s / each.latency_s for each in points if each)
            slowdown = SlowdownFilter(noise_std=spread)
            self._estimates[processor] = _ProcessorEstimate(slowdown, now_s, now_s)
        return self._estimates[processor]

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
        return frozenset(uncovered(self.profile.table.keys, self._residents))

    @property
    def active_s(self) -> float:
        """Time of the last frame, or of the profile."""
        return self._active_s

    @property
    def reported(self) -> bool:
        """Whether it has ever reported a frame."""
        return self._previous is not None

    def idle(self, *, now_s: float, timeout_s: float) -> bool:
        """Whether it has sent no report for `timeout_s`."""
        return now_s - self._active_s >= timeout_s

    def forget(self, *, now_s: float, timeout_s: float) -> None:
        """Let slowdowns that were not observed for `timeout_s` return towards the prior."""
        for each in self._estimates.values():
            if now_s - each.observed_s >= timeout_s:
                each.slowdown.forget(now_s - each.updated_s, time_constant_s=FORGET_S)
                each.updated_s = now_s

    def state(self, target: Target, *, policy: DecisionPolicy, now_s: float) -> ApplicationState:
        """Return the input of a decision."""
        slowdowns = {
            name: each.hysteresis.update(
                each.slowdown.estimate(),
                probability=policy.deadline_probability,
                margin=policy.switch_margin,
                now_s=now_s,
            )
            for name, each in self._estimates.items()
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

    def record(self, choice: Choice) -> None:
        """Store a choice, and the slowdowns for which it was made."""
        self._current = choice.settled_point
        self._interim = None if choice.is_settled else choice.point.key
        for each in self._estimates.values():
            each.decided_mean = each.slowdown.estimate().mean
