# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""How long the frames of one application take beside its profile, on every processor.

The resource manager and the perception node each keep one, and hand both the same frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.latency_filter import (
    CORRECTION_PRIOR_STD,
    SLOWDOWN_PRIOR_STD,
    Floats,
    LatencyFilter,
)
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.operating_points.profile import SubnetOn

# Without frames, the slowdown of a processor returns towards 1 with this time constant.
FORGET_S = 10.0


@dataclass
class _Processor:
    """The filter of one processor, and the times of its updates."""

    filter: LatencyFilter
    observed_s: float
    updated_s: float  # by a frame or by aging


class LatencyEstimate:
    """Slowdown of each processor and correction of each sub-network, from the frames so far."""

    def __init__(self, corrections: Mapping[SubnetOn, Correction] | None = None) -> None:
        """Start from corrections that were learned earlier: `learned` of another run."""
        self._earlier = dict(corrections or {})
        self._processors: dict[str, _Processor] = {}

    def observe_frame(
        self,
        points: Sequence[OperatingPoint],
        inference_s: float,
        *,
        now_s: float,
        later: bool = False,
    ) -> bool:
        """Update with a frame; True if it completes a step.

        `later`: it is a cascade's stage after the first, whose frames come between those of others.

        `points` are one sub-network on one processor at each frequency at which the frame may have
        run. Of several, it may have run partly at each: a latency between theirs tells nothing.
        Raises ValueError unless `inference_s` is finite and above 0.
        """
        subnet_id, processor = points[0].subnet_id, points[0].processor
        latencies_s = sorted(each.latency_s for each in points)
        expected_s = inference_s / self.expected(subnet_id, processor)
        if latencies_s[0] < expected_s < latencies_s[-1]:
            return False
        latency_s = latencies_s[0] if expected_s <= latencies_s[0] else latencies_s[-1]
        noise_std = points[0].latency_std_s / points[0].latency_s
        ratio = inference_s / latency_s
        return self.observe(
            subnet_id, processor, ratio, noise_std=noise_std, now_s=now_s, later=later
        )

    def observe(
        self,
        subnet_id: str,
        processor: str,
        ratio: float,
        *,
        noise_std: float,
        now_s: float,
        later: bool = False,
    ) -> bool:
        """Update with one observed / profiled latency; True if it completes a step.

        `noise_std` is the profile's std / latency of this point, for the first frame on the
        processor. Raises ValueError unless `ratio` is finite and above 0.
        """
        known = self._processors.get(processor)
        if known is None:
            earlier = {name: each for (name, on), each in self._earlier.items() if on == processor}
            made = LatencyFilter(noise_std=noise_std, corrections=earlier)
            known = self._processors[processor] = _Processor(made, now_s, now_s)
        stepped = known.filter.observe(subnet_id, ratio, later=later)
        known.observed_s = known.updated_s = now_s
        return stepped

    @property
    def seen(self) -> tuple[SubnetOn, ...]:
        """The sub-networks that have run since the start."""
        return tuple(
            (name, processor)
            for processor, each in self._processors.items()
            for name in each.filter.seen
        )

    def forget(self, *, now_s: float, timeout_s: float) -> None:
        """Let slowdowns without a frame for `timeout_s` return towards 1; corrections stay."""
        for each in self._processors.values():
            if now_s - each.observed_s >= timeout_s:
                each.filter.forget(now_s - each.updated_s, time_constant_s=FORGET_S)
                each.updated_s = now_s

    def slowdowns(self, processors: Iterable[str]) -> dict[str, Slowdown]:
        """Return the slowdown of the next frame on each of these processors."""
        return {each: self.slowdown(each) for each in processors}

    def slowdown(self, processor: str) -> Slowdown:
        """Return the slowdown of the next frame on a processor; the prior without any frame."""
        known = self._processors.get(processor)
        return Slowdown(std=SLOWDOWN_PRIOR_STD) if known is None else known.filter.slowdown()

    def corrections(self, subnets: Iterable[SubnetOn]) -> dict[SubnetOn, Correction]:
        """Return the corrections of these sub-networks; those that never ran are uncertain."""
        return {each: self._correction(*each) for each in subnets}

    def correction_arrays(self, subnet_ids: Sequence[str], processor: str) -> tuple[Floats, Floats]:
        """Return mean and std of the corrections of sub-networks on a processor, as arrays."""
        known = self._processors.get(processor)
        if known is not None:
            return known.filter.corrections(subnet_ids)
        found = [self._correction(each, processor) for each in subnet_ids]
        return np.array([each.mean for each in found]), np.array([each.std for each in found])

    def _correction(self, subnet_id: str, processor: str) -> Correction:
        known = self._processors.get(processor)
        if known is not None:
            return known.filter.correction(subnet_id)
        return self._earlier.get((subnet_id, processor), Correction(std=CORRECTION_PRIOR_STD))

    def expected(self, subnet_id: str, processor: str) -> float:
        """Return the expected observed / profiled latency of a frame."""
        known = self._processors.get(processor)
        if known is not None:
            return known.filter.expected(subnet_id)
        return self._correction(subnet_id, processor).mean

    def surprise(self, processor: str) -> float:
        """Return the slowdown of the last frame on a processor if it was surprising.

        It is either an outlier or the first of a step: the next frame should be cautious. NaN if
        the last frame was as expected.
        """
        known = self._processors.get(processor)
        return math.nan if known is None else known.filter.surprise

    def own_surprise(self, subnet_id: str, processor: str) -> float:
        """Return the same of the last frame of a later stage, whatever ran after it."""
        known = self._processors.get(processor)
        return math.nan if known is None else known.filter.own_surprise(subnet_id)

    def learned(self) -> dict[SubnetOn, Correction]:
        """Return the corrections to keep across restarts."""
        kept = dict(self._earlier)
        for processor, each in self._processors.items():
            kept |= {(name, processor): one for name, one in each.filter.learned().items()}
        return kept
