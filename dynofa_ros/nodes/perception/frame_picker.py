# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Pick the compiled sub-network that a frame runs, within the commanded envelope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dynofa_ros.engine import Classified, Place, ResidentSet
from dynofa_ros.engine.resident_set import ResidentSubnet
from dynofa_ros.nodes.perception.platform_view import PlatformView
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
    """A compiled sub-network for one frame."""

    resident: ResidentSubnet
    key: PointKey
    reason: str
    """Why it is not the commanded one; empty: it is."""


class FramePicker:
    """Picks what each frame runs, and learns from what it took."""

    def __init__(
        self,
        profile: Profile,
        residents: ResidentSet,
        view: PlatformView,
        *,
        start: tuple[str, str, int],
        host_place: Place | None,
        clock: Callable[[], float],
    ) -> None:
        """Start with one point (sub-network, processor, threads) until the first command.

        `host_place` is that of `PerceptionWorker`.
        """
        self._selector = FrameSelector(profile)
        self._residents, self._view, self._clock = residents, view, clock
        self._host_place = host_place
        self._keys = {(each[0], each[2], each[3]): each for each in (p.key for p in profile.points)}
        self._preprocess, self._postprocess = (ExponentialMean(OVERHEAD_WEIGHT) for _ in range(2))
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

    def _find(self, key: PointKey) -> ResidentSubnet | None:
        subnet_id, _, processor, threads = key
        return self._residents.find(subnet_id, self._host_place or Place(processor, threads))

    def pick(self, commanded: ResidentSubnet, *, passed_s: float, prepared_s: float) -> Pick:
        """Pick what the frame runs that starts now.

        `passed_s` is the time since its deadline began to count, without its preprocessing.
        `prepared_s` is the duration of that; NaN: it is still to come. `commanded` is the decided
        sub-network, which is in use and thus never evicted.
        """
        key, reason = self._choose(passed_s=passed_s, prepared_s=prepared_s)
        resident = self._find(key)
        if resident is None:  # evicted meanwhile
            self.refresh()
            key, reason = self._choose(passed_s=passed_s, prepared_s=prepared_s)
            resident = self._find(key)
        if resident is None:
            return Pick(commanded, self._available.decided, '')
        return Pick(resident, key, reason)

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

    def ran(self, key: PointKey, classified: Classified, *, started_s: float) -> None:
        """Learn from the frame that has just finished; `started_s`: when its inference began."""
        self._preprocess.add(classified.preprocess_s)
        self._postprocess.add(classified.postprocess_s)
        self._selector.observe(
            key,
            inference_s=classified.inference_s,
            clocks_hz=self._view.clocks_since(key[2], started_s),
            now_s=self._clock(),
        )
