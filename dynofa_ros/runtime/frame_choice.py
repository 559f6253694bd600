# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Choose what one frame runs: the decided point, or what still fits into the time left.

A decision is made for a frame that starts in time, at the frequencies that it commands. When a
frame starts, more is known: how long the image has waited, the present frequency, the last frames.
The resource manager therefore commands an envelope of points, and the application chooses among
them for each frame. The perception node and the simulator share this code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from dynofa_ros.runtime.checks import check_count, check_number, check_range
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.latency import LatencyForecast, Stages, normal_probability
from dynofa_ros.runtime.operating_points.cascade import CascadePoint
from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.objective import EQUAL_ACCURACY, objective_keys
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey, cost
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.operating_points.table import Floats
from dynofa_ros.runtime.ranges import DURATION_S, ENVELOPE_MAX
from dynofa_ros.runtime.settings import Objective, check_setting

# Frequencies of which the points are kept as arrays; a governor may have any.
MOST_CLOCKS = 64


@dataclass(frozen=True)
class Envelope:
    """What the frames of one application may run, the decided point first, on one processor."""

    points: tuple[PointKey, ...]
    deadline_s: float = math.nan  # NaN: none
    probability: float = 0.95  # with which a frame has to meet the deadline
    min_accuracy: float = 0.0
    objective: Objective = Objective.MAX_ACCURACY
    energy_weight: float = 0.0  # weighted objective: accuracy that a joule is worth [1/J]

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of its range, or points of several processors."""
        if not self.points:
            raise ValueError('envelope: points is empty; expected the decided point first')
        check_count('envelope: points', self.points, most=ENVELOPE_MAX)
        processors = sorted({key[2] for key in self.points})
        if len(processors) > 1:
            raise ValueError(
                f'envelope: processor is {", ".join(processors[:3])}; expected that of the '
                f'decided point, {self.decided[2]}'
            )
        check_range('deadline_s', self.deadline_s, DURATION_S, nan=True)
        check_setting('deadline_probability', self.probability)
        check_number('min_accuracy', self.min_accuracy, low=0.0, high=1.0)
        check_setting('energy_weight', self.energy_weight)

    @property
    def decided(self) -> PointKey:
        """The point that a frame runs whenever it fits."""
        return self.points[0]

    @property
    def processor(self) -> str:
        """The processor of all points."""
        return self.decided[2]

    def restricted(self, runnable: Callable[[PointKey], bool]) -> Envelope:
        """Return the envelope with the decided point, and the others that are `runnable`."""
        others = tuple(filter(runnable, self.points[1:]))
        return replace(self, points=(self.decided, *others))


@dataclass(frozen=True)
class FrameChoice:
    """The point that one frame runs."""

    key: PointKey
    reason: str = ''  # why it is not the decided point; empty: it is


class FrameEstimate(Protocol):
    """What an application knows of its latency; `estimation.LatencyEstimate` is one."""

    def slowdown(self, processor: str) -> Slowdown:
        """Return the slowdown of the next frame on a processor."""

    def correction_arrays(self, subnet_ids: Sequence[str], processor: str) -> tuple[Floats, Floats]:
        """Return mean and std of the corrections of sub-networks on a processor."""

    def surprise(self, processor: str) -> float:
        """Return the slowdown of the last frame if it was surprising, otherwise NaN."""

    def own_surprise(self, subnet_id: str, processor: str) -> float:
        """Return the same of the last frame of a later stage, whatever ran after it."""


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The points of an envelope at one frequency, the decided one first, as arrays (points,)."""

    points: tuple[OperatingPoint, ...]
    subnet_ids: tuple[str, ...]
    latency_s: Floats
    latency_std_s: Floats
    order: Floats  # rank in the objective: 0 is the best; those below the floor come last
    cascades: CascadeTable | None  # those among the points; None: there are none

    @classmethod
    def at(cls, envelope: Envelope, profile: Profile, frequency_hz: float) -> _Candidates | None:
        """Return the points at a frequency [Hz], NaN: unknown.

        None if the profile does not have the decided point: then nothing tells whether it fits.
        """
        found = [profile.at(key, frequency_hz) for key in dict.fromkeys(envelope.points)]
        points = tuple(each for each in found if each is not None)
        if found[0] is None:
            return None
        accuracy = np.array([each.accuracy for each in points])
        known = profile.energy_known
        primary, secondary = objective_keys(
            envelope.objective,
            energy_weight=envelope.energy_weight,
            accuracy=accuracy,
            cost_j=np.array([cost(each, energy_known=known) for each in points]),
        )
        # A floor that cannot be met is missed by as little as possible.
        missing = np.maximum(envelope.min_accuracy - EQUAL_ACCURACY - accuracy, 0.0)
        order = np.empty(len(points))
        order[np.lexsort((secondary, primary, missing))] = np.arange(len(points))
        return cls(
            points,
            tuple(each.subnet_id for each in points),
            np.array([each.latency_s for each in points]),
            np.array([each.latency_std_s for each in points]),
            order,
            CascadeTable.of(points, energy_known=known),
        )

    def probability_of_decided(
        self, estimate: FrameEstimate, *, probability: float, time_left_s: float
    ) -> float:
        """Return the probability that the decided point is in time.

        As `forecast` says, but in scalars: every frame asks, and for a cascade they take a tenth of
        the time.
        """
        decided = self.points[0]
        shares: tuple[float, ...] = (1.0,)
        parts: tuple[OperatingPoint, ...] = (decided,)
        if isinstance(decided, CascadePoint) and decided.cascade is not None:
            shares, parts = decided.cascade.answered, decided.stages
        names = [each.subnet_id for each in parts]
        corrections, stds = estimate.correction_arrays(names, decided.processor)
        slowdown = _cautious_slowdown(estimate, decided.processor)
        mean, std = slowdown.mean, slowdown.std_for(probability)
        path_s = profiled_s2 = doubt_s2 = within = 0.0
        for share, part, correction, correction_std in zip(
            shares, parts, corrections.tolist(), stds.tolist(), strict=True
        ):
            path_s += part.latency_s * correction
            profiled_s2 += (part.latency_std_s * correction * mean) ** 2
            doubt_s2 += (part.latency_s * correction_std * mean) ** 2
            spread_s = math.hypot(max(path_s * std, math.sqrt(profiled_s2)), math.sqrt(doubt_s2))
            within += share * normal_probability(time_left_s - path_s * mean, spread_s)
        return within

    def forecast(self, estimate: FrameEstimate, *, probability: float) -> LatencyForecast:
        """Return the inference time of each point; a heavy tail counts at this `probability`."""
        processor = self.points[0].processor
        correction, correction_std = estimate.correction_arrays(self.subnet_ids, processor)
        return LatencyForecast.of_inference(
            self.latency_s,
            self.latency_std_s,
            slowdown=_cautious_slowdown(estimate, processor),
            probability=probability,
            correction=correction,
            correction_std=correction_std,
            stages=self._stages(estimate, processor),
        )

    def _stages(self, estimate: FrameEstimate, processor: str) -> Stages | None:
        """Return the stages of the cascades among the points, None without any."""
        cascades = self.cascades
        if cascades is None:
            return None
        names = [subnet_id for subnet_id, _ in cascades.subnets]
        correction, std = estimate.correction_arrays(names, processor)
        return cascades.stages(
            cascades.reached, correction=correction[cascades.subnet_of], std=std[cascades.subnet_of]
        )


def _cautious_slowdown(
    estimate: FrameEstimate, processor: str, *, subnet_id: str | None = None
) -> Slowdown:
    """Return the slowdown of the next frame, that of a surprising one if that is higher.

    That is the last frame, or the last one of the sub-network that runs next.
    """
    slowdown, surprise = estimate.slowdown(processor), estimate.surprise(processor)
    if subnet_id is not None:
        surprise = np.fmax(surprise, estimate.own_surprise(subnet_id, processor))
    if not surprise > slowdown.mean:
        return slowdown
    spread = slowdown.std / slowdown.mean
    return replace(slowdown, mean=surprise, std=spread * surprise)


@dataclass
class FrameChooser:
    """Chooses the point of each frame within an envelope, from the application's own profile."""

    envelope: Envelope
    profile: Profile
    _at_clock: dict[float, _Candidates | None] = field(default_factory=dict, repr=False)

    def choose(
        self, estimate: FrameEstimate, *, time_left_s: float, frequency_hz: float
    ) -> FrameChoice:
        """Choose the point of the frame that starts now.

        It is the decided point if it meets the deadline with the required probability; else the
        best that does, in the order of the decision (the accuracy floor before the objective);
        else the one that is least late. Without a deadline it is the decided point.

        `time_left_s` is the time left for the inference: the deadline less what has passed since
        the image arrived, and less the overhead that is still to come. `frequency_hz` is that of
        the processor now, NaN: unknown. After a surprising frame the next may be as slow, so that
        slowdown counts until the estimate has made up its mind.
        """
        envelope = self.envelope
        candidates = None
        if not math.isnan(envelope.deadline_s):
            candidates = self._candidates(frequency_hz)
        if candidates is None:
            return FrameChoice(envelope.decided)
        probability = envelope.probability
        in_time = candidates.probability_of_decided(
            estimate, probability=probability, time_left_s=time_left_s
        )
        if in_time >= probability:
            return FrameChoice(envelope.decided)
        forecast = candidates.forecast(estimate, probability=probability)
        needed_s = forecast.quantile_s(probability)
        fits = needed_s <= time_left_s
        reason = (
            f'{envelope.decided[0]} needs {needed_s[0] * 1e3:.1f} ms of {time_left_s * 1e3:.1f} ms '
            'left'
        )
        if fits.any():
            best = np.where(fits, candidates.order, math.inf).argmin()
            return FrameChoice(candidates.points[best].key, reason)
        # By the mean: a point that has never run is as late as its profile states, until it has.
        best = forecast.mean_s.argmin()
        if best == 0:
            return FrameChoice(envelope.decided)
        return FrameChoice(candidates.points[best].key, f'{reason}; least late')

    def time_for(
        self,
        estimate: FrameEstimate,
        subnet_id: str,
        *,
        processor: str,
        threads: int,
        time_left_s: float,
        frequency_hz: float,
    ) -> tuple[bool, float]:
        """Return whether a sub-network still fits, and the inference time that it needs [s].

        That is the time which a frame does not exceed with the required probability; NaN if the
        profile does not have the sub-network. With a deadline, one that is not known does not fit;
        without one (`time_left_s` is NaN), every one does. It decides on the next stage of a
        cascade: anytime prediction, as in Zilberstein (AI Magazine 17(3), 1996).
        """
        unlimited = math.isnan(time_left_s)
        point = self.profile.at(
            (subnet_id, self.envelope.decided[1], processor, threads), frequency_hz
        )
        if point is None:
            return unlimited, math.nan
        correction, correction_std = estimate.correction_arrays([subnet_id], processor)
        needed_s = LatencyForecast.of_inference(
            np.array([point.latency_s]),
            np.array([point.latency_std_s]),
            slowdown=_cautious_slowdown(estimate, processor, subnet_id=subnet_id),
            probability=self.envelope.probability,
            correction=correction,
            correction_std=correction_std,
        ).quantile_s(self.envelope.probability)[0]
        return unlimited or bool(needed_s <= time_left_s), float(needed_s)

    def shortest_s(self, estimate: FrameEstimate, *, frequency_hz: float) -> float:
        """Return the least inference time of the envelope, with the required probability [s].

        It is 0 if the profile does not have the decided point.
        """
        candidates = self._candidates(frequency_hz)
        if candidates is None:
            return 0.0
        probability = self.envelope.probability
        forecast = candidates.forecast(estimate, probability=probability)
        return float(forecast.quantile_s(probability).min())

    def _candidates(self, frequency_hz: float) -> _Candidates | None:
        """Return the points at a frequency, computed once for each."""
        clock_hz = -1.0 if math.isnan(frequency_hz) else frequency_hz  # NaN is never found
        if clock_hz not in self._at_clock:
            if len(self._at_clock) >= MOST_CLOCKS:
                self._at_clock.clear()
            self._at_clock[clock_hz] = _Candidates.at(self.envelope, self.profile, frequency_hz)
        return self._at_clock[clock_hz]
