# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Pick the compiled sub-network or cascade that a frame runs, within the commanded envelope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dynofa_ros.engine import Classified
from dynofa_ros.nodes.perception.platform_view import PlatformView
from dynofa_ros.nodes.perception.stages import Stages, StageSet
from dynofa_ros.nodes.perception.worker_types import SubnetRequest
from dynofa_ros.runtime import Objective, Profile
from dynofa_ros.runtime.application import OVERHEAD_WEIGHT
from dynofa_ros.runtime.checks import shortened
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.frame_rate import ExponentialMean
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.frame_selector import FrameSelector
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.operating_points.profile import SubnetOn


@dataclass(frozen=True)
class Pick:
    """The compiled sub-network or cascade for one frame."""

    stages: Stages
    key: PointKey
    reason: str
    """Why it is not the commanded one; empty: it is."""


class StageTime(NamedTuple):
    """Whether the next stage of a cascade is in time, and why."""

    fits: bool
    needed_s: float
    """Its inference, with the promised probability; NaN: the profile does not have it."""
    left_s: float
    """Left for its inference; NaN without a deadline."""


class FramePicker:
    """Picks what each frame runs, and learns from what it took."""

    def __init__(
        self,
        profile: Profile,
        compiled: StageSet,
        view: PlatformView,
        *,
        start: tuple[str, str, int],
        clock: Callable[[], float],
    ) -> None:
        """Start with one point (its name, processor, threads) until the first command."""
        self._selector = FrameSelector(profile)
        self._compiled, self._view, self._clock = compiled, view, clock
        keys = (point.key for point in profile.every_point)
        self._keys = {(each[0], each[2], each[3]): each for each in keys}
        self._preprocess, self._postprocess = (ExponentialMean(OVERHEAD_WEIGHT) for _ in range(2))
        # Preprocessing of later stages, from the decoded image, by sub-network.
        self._again: dict[str, ExponentialMean] = {}
        self._commanded = self._available = Envelope((self.key(*start),))
        self._selector.command(self._available)

    @property
    def points(self) -> tuple[PointKey, ...]:
        """What frames may run at present, the commanded point first."""
        return self._available.points

    def key(self, subnet_id: str, processor: str, threads: int) -> PointKey:
        """Return the key of a point; the engine is empty if the profile does not have it."""
        return self._keys.get((subnet_id, processor, threads), (subnet_id, '', processor, threads))

    def envelope_of(self, request: SubnetRequest, decided: PointKey) -> Envelope:
        """Return the envelope of a command whose sub-network, processor and threads are `decided`.

        Raises ValueError for a point that the profile does not have, or a value out of range.
        """
        if not request.envelope:
            return Envelope((decided,), deadline_s=request.deadline_s)
        _, _, processor, threads = decided
        others = []
        for subnet_id, count in request.envelope:
            key = self._keys.get((subnet_id, processor, count or threads))
            if key is None:
                raise ValueError(
                    f'envelope holds {subnet_id!r} on {processor}, {count or threads} threads; '
                    'expected points of the profile'
                )
            others.append(key)
        objectives = [each.value for each in Objective]
        if request.objective not in objectives:
            raise ValueError(
                f'objective is {shortened(request.objective)!r}; expected {", ".join(objectives)}'
            )
        return Envelope(
            tuple(dict.fromkeys((decided, *others))),
            deadline_s=request.deadline_s,
            probability=request.deadline_probability,
            min_accuracy=request.min_accuracy,
            objective=Objective(request.objective),
            energy_weight=request.energy_weight,
        )

    def command(self, envelope: Envelope) -> None:
        """Pick within `envelope` from the next frame on."""
        self._commanded = envelope
        self.refresh()

    def refresh(self) -> None:
        """Look up again which points of the envelope are resident."""
        available = self._commanded.restricted(lambda key: self._find(key) is not None)
        if self._available != available:
            self._available = available
            self._selector.command(available)

    def _find(self, key: PointKey) -> Stages | None:
        name, _, processor, threads = key
        return self._compiled.find(name, processor, threads)

    def pick(self, commanded: Stages, *, passed_s: float, prepared_s: float) -> Pick:
        """Pick what the frame runs that starts now.

        `passed_s` is the time since its deadline began to count, without its preprocessing.
        `prepared_s` is the duration of that; NaN: it is still to come. `commanded` is the decided
        sub-network or cascade, which is in use and thus never evicted.
        """
        key, reason = self._choose(passed_s=passed_s, prepared_s=prepared_s)
        stages = self._find(key)
        if stages is None:  # evicted meanwhile
            self.refresh()
            key, reason = self._choose(passed_s=passed_s, prepared_s=prepared_s)
            stages = self._find(key)
        if stages is None:
            return Pick(commanded, self._available.decided, '')
        return Pick(stages, key, reason)

    def _choose(self, *, passed_s: float, prepared_s: float) -> tuple[PointKey, str]:
        envelope = self._available
        preprocess_s = prepared_s
        if math.isnan(prepared_s):
            preprocess_s = self._preprocess.mean(unknown=0.0)
        overhead_s = preprocess_s + self._postprocess.mean(unknown=0.0)
        choice = self._selector.select(
            time_left_s=envelope.deadline_s - passed_s - overhead_s,
            frequency_hz=self._view.clock_hz(envelope.processor),
            now_s=self._clock(),
        )
        return choice.key, choice.reason

    def learned(self) -> dict[SubnetOn, Correction]:
        """Return the corrections of the profile to keep across restarts."""
        return self._selector.learned()

    def longest_wait_s(self, *, passed_s: float) -> float:
        """Return how long a prepared frame can wait and still be in time [s]; NaN: no deadline."""
        envelope = self._available
        shortest_s = self._selector.shortest_s(frequency_hz=self._view.clock_hz(envelope.processor))
        return envelope.deadline_s - passed_s - shortest_s - self._postprocess.mean(unknown=0.0)

    def time_for(self, key: PointKey, *, passed_s: float, preprocess_s: float) -> StageTime:
        """Return whether the next stage of a cascade is still in time.

        `key` is that of its sub-network, `passed_s` the time since the deadline began to count.
        `preprocess_s` is how long it is preprocessed if it has never run.
        """
        subnet_id, _, processor, threads = key
        if (again := self._again.get(subnet_id)) is not None:
            preprocess_s = again.mean(unknown=preprocess_s)
        overhead_s = preprocess_s + self._postprocess.mean(unknown=0.0)
        left_s = self._available.deadline_s - passed_s - overhead_s
        fits, needed_s = self._selector.time_for(
            subnet_id,
            processor=processor,
            threads=threads,
            time_left_s=left_s,
            frequency_hz=self._view.clock_hz(processor),
        )
        return StageTime(fits, needed_s, left_s)

    def ran(
        self, key: PointKey, classified: Classified, *, started_s: float, later: bool = False
    ) -> None:
        """Learn from a sub-network that has just run; `started_s`: when its inference began.

        It is a `later` stage of a cascade, or what the frame ran first.
        """
        preprocess = self._preprocess
        if later:
            preprocess = self._again.setdefault(key[0], ExponentialMean(OVERHEAD_WEIGHT))
        preprocess.add(classified.preprocess_s)
        self._postprocess.add(classified.postprocess_s)
        self._selector.observe(
            key,
            inference_s=classified.inference_s,
            clocks_hz=self._view.clocks_since(key[2], started_s),
            now_s=self._clock(),
            later=later,
        )
