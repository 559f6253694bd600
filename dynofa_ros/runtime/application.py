# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One application in the resource manager: its profile, estimates and last command."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dynofa_ros.runtime.actuation.subnets import SubnetControl
from dynofa_ros.runtime.checks import listed, shortened
from dynofa_ros.runtime.decision.state import ApplicationState, Choice
from dynofa_ros.runtime.estimation.escalation import Escalation, EscalationEstimate
from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod, ExponentialMean
from dynofa_ros.runtime.estimation.latency_estimate import LatencyEstimate
from dynofa_ros.runtime.observation import (
    FrameObservation,
    ResidentPoint,
    SubnetObservation,
    uncovered,
)
from dynofa_ros.runtime.operating_points.cascade import CascadePoint
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.profile import Profile, SubnetOn
from dynofa_ros.runtime.settings import ManagerSettings
from dynofa_ros.runtime.targets import Target

# Weight of each new sample: a memory of about 20 frames.
OVERHEAD_WEIGHT = 0.05
# Weight of each new load of the others: a slowdown follows a step within two frames.
LOAD_WEIGHT = 0.4
# Relative change of the slowdown that triggers a decision.
SIGNIFICANT = 0.05
# From this relative correction on, a sub-network is `unlike` its profile.
UNLIKE = 0.05


class ManagedApplication:
    """Estimates of one application, and its last command."""

    def __init__(self, profile: Profile, *, cascades: bool = True, now_s: float) -> None:
        """`cascades`: whether those of the profile may be chosen."""
        self._cascades = cascades
        self.control = SubnetControl(profile.app)
        self._overhead, self._age = (ExponentialMean(OVERHEAD_WEIGHT) for _ in range(2))
        self._period = CameraPeriod()
        self._previous: FrameObservation | None = None
        self._residents: tuple[ResidentPoint, ...] = ()
        self.replace_profile(profile, now_s=now_s)

    def replace_profile(self, profile: Profile, *, now_s: float) -> None:
        """Set a new profile; the estimates relative to the old one are dropped."""
        self.announced = profile
        self._escalation = EscalationEstimate(profile.cascades)
        self._measured = {each.cascade_id: each.reached[0] for each in profile.cascades}
        unlike = frozenset(
            subnet for subnet, each in profile.corrections.items() if abs(each.mean - 1.0) > UNLIKE
        )
        self.profile = replace(self._allowed(profile), unlike=unlike)
        self._current: OperatingPoint | None = None
        self._unready = self._not_resident()
        self._latency = LatencyEstimate(profile.corrections)
        self._subnets: tuple[SubnetOn, ...] = tuple(
            dict.fromkeys((each.subnet_id, each.processor) for each in profile.points)
        )
        self._processors = tuple(dict.fromkeys(processor for _, processor in self._subnets))
        self._decided_for: dict[SubnetOn, float] = {}
        self._active_s = now_s
        self._loads: dict[str, float] = {}

    def _allowed(self, profile: Profile) -> Profile:
        """Return the profile with the cascades that may be chosen."""
        return profile if self._cascades else profile.without_cascades()

    def allow_cascades(self, allowed: bool) -> None:
        """Let cascades be chosen from now on, or not; all estimates are kept."""
        if allowed == self._cascades:
            return
        self._cascades = allowed
        self.profile = replace(self._allowed(self.announced), unlike=self.profile.unlike)
        self._unready = self._not_resident()

    def observe(
        self,
        frame: FrameObservation,
        *,
        clocks_hz: Iterable[float],
        others_load: float = 0.0,
        now_s: float,
    ) -> bool:
        """Update with a frame; True if a change of latency or frame rate calls for a decision.

        `clocks_hz` are the frequencies at which it may have run, old and new while one changes;
        `others_load` is the share of the processor's time that other applications take, summed.
        Raises ValueError for a sub-network that the profile does not have.
        """
        clocks_hz = tuple(clocks_hz)
        ran = [(self._points_at(key, clocks_hz, frame), stage_s) for key, stage_s in frame.ran]
        self._active_s = now_s
        new_rate = self._observe_period(frame)
        self._overhead.add(frame.overhead_s)
        self._age.add(frame.age_s)
        changed = [
            self._learn(points, stage_s, now_s=now_s, later=stage > 0)
            for stage, (points, stage_s) in enumerate(ran)
            if points
        ]
        self._escalation.observe(frame.ran[0][0][0], frame.first_score, now_s=now_s)
        before = self._loads.get(frame.processor, others_load)
        self._loads[frame.processor] = before + LOAD_WEIGHT * (others_load - before)
        return new_rate or any(changed)

    def _points_at(
        self, key: PointKey, clocks_hz: Iterable[float], frame: FrameObservation
    ) -> list[OperatingPoint]:
        """Return the points at which a sub-network may have run; none of a cascade as a whole."""
        found = [self.announced.at(key, clock_hz) for clock_hz in clocks_hz]
        points = [each for each in found if each is not None]
        if not points:
            raise ValueError(
                f'frame of {frame.app!r} ran {shortened(str(key))}; expected operating '
                f'points of its profile, sub-networks {listed(self.announced.subnet_ids)}'
            )
        return [each for each in points if not isinstance(each, CascadePoint)]

    def _learn(
        self, points: Sequence[OperatingPoint], inference_s: float, *, now_s: float, later: bool
    ) -> bool:
        """Update the latency of the sub-network that ran; True if it has changed significantly."""
        subnet = (points[0].subnet_id, points[0].processor)
        decided_for = self._decided_for.setdefault(subnet, self._latency.expected(*subnet))
        stepped = self._latency.observe_frame(points, inference_s, now_s=now_s, later=later)
        self._compare(subnet)
        change = abs(self._latency.expected(*subnet) - decided_for)
        return stepped or change > SIGNIFICANT * decided_for

    def load_on(self, processor: str) -> float:
        """Return the share of a processor's time that the last frames took; 1 if unknown."""
        frame, period_s = self._previous, self._period.mean_s
        if frame is None or frame.processor != processor:
            return 0.0
        return min(1.0, frame.inference_s / period_s) if period_s > 0.0 else 1.0

    def _compare(self, subnet: SubnetOn) -> None:
        """Let no other sub-network be hidden by one that is unlike its profile."""
        if subnet in self.profile.unlike:
            return
        correction = self._latency.corrections([subnet])[subnet].mean
        if abs(correction - 1.0) > UNLIKE:
            self.profile = self.profile.with_unlike(subnet)
            self._unready = self._not_resident()

    def _observe_period(self, frame: FrameObservation) -> bool:
        """Update the camera's period from two consecutive reports; True if the rate changed."""
        previous, self._previous = self._previous, frame
        if previous is None or frame.sequence != previous.sequence + 1:
            return False
        return self._period.observe((frame.stamp_s - previous.stamp_s) / (1 + frame.skipped))

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
        profile = self.profile
        return frozenset(uncovered(profile.table.keys, self._residents, cascades=profile.cascades))

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
        self._latency.forget(now_s=now_s, timeout_s=timeout_s)
        self._escalation.forget(now_s=now_s)

    def escalation(self, cascade_id: str) -> Escalation | None:
        """Return how often the later stages of a cascade are reached; None: not observed."""
        return self._escalation.escalations().get(cascade_id)

    def measured_escalation(self, cascade_id: str) -> float:
        """Return the share of images that reached the second stage of a cascade when measured.

        NaN for a sub-network.
        """
        return self._measured.get(cascade_id, math.nan)

    def doubted(self) -> dict[str, str]:
        """Return why the accuracy of cascades that may be chosen does not hold, by name."""
        known = self._escalation.escalations()
        return {
            each.cascade_id: known[each.cascade_id].doubt
            for each in self.profile.cascades
            if each.cascade_id in known and known[each.cascade_id].doubt
        }

    def warnings(self, *, now_s: float, settings: ManagerSettings) -> list[str]:
        """Return warnings of commands, and one for a scene unlike the images of the cascades."""
        result = self.control.warnings(now_s=now_s, settings=settings)
        doubted = self.doubted()
        if doubted:
            current = '' if self._current is None else self._current.subnet_id
            cascade_id = current if current in doubted else next(iter(doubted))
            result.append(
                f'{self.profile.app}, cascade {cascade_id}: {doubted[cascade_id]}; its accuracy is '
                'unknown: run dynofa cascade on images of this scene'
            )
        return result

    def state(self, target: Target, *, now_s: float) -> ApplicationState:
        """Return the input of a decision."""
        return ApplicationState(
            profile=self.profile,
            target=target,
            slowdowns=self._latency.slowdowns(self._processors),
            corrections=self._latency.corrections(self._subnets),
            observed_loads=dict(self._loads),
            escalations=self._escalation.escalations(),
            overhead_s=self._overhead.mean(unknown=0.0),
            overhead_std_s=self._overhead.std(),
            age_s=self._age.mean(unknown=0.0),
            frame_period_s=self._period.mean_s,
            current=self._current,
            refused=self.control.refused(now_s=now_s),
            unready=self._unready,
        )

    def record(self, choice: Choice) -> None:
        """Store a choice, and the latencies for which it was made."""
        self._current = choice.point
        self._decided_for = {each: self._latency.expected(*each) for each in self._latency.seen}
