# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""An application's side of the envelope: it learns from its own frames, and selects the next point.

Of the resource manager it needs the last command only, so that frames are in time while the manager
is silent.
"""

from __future__ import annotations

from collections.abc import Iterable

from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.latency_estimate import LatencyEstimate
from dynofa_ros.runtime.frame_choice import Envelope, FrameChoice, FrameChooser
from dynofa_ros.runtime.operating_points.cascade import CascadePoint
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.operating_points.profile import Profile, SubnetOn

# Without a frame for so long, slowdowns return towards 1.
SILENT_S = 5.0


class FrameSelector:
    """Selects the point of each frame of one application."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._estimate = LatencyEstimate(profile.corrections)
        self._chooser: FrameChooser | None = None

    def command(self, envelope: Envelope) -> None:
        """Select within `envelope` from the next frame on."""
        self._chooser = FrameChooser(envelope, self.profile)

    @property
    def _commanded(self) -> FrameChooser:
        if self._chooser is None:
            raise ValueError('envelope is missing; expected a command before the first frame')
        return self._chooser

    def learned(self) -> dict[SubnetOn, Correction]:
        """Return the corrections to keep across restarts."""
        return self._estimate.learned()

    def select(self, *, time_left_s: float, frequency_hz: float, now_s: float) -> FrameChoice:
        """Select the point of the frame that starts now; arguments as in `FrameChooser.choose`."""
        self._estimate.forget(now_s=now_s, timeout_s=SILENT_S)
        return self._commanded.choose(
            self._estimate, time_left_s=time_left_s, frequency_hz=frequency_hz
        )

    def time_for(
        self,
        subnet_id: str,
        *,
        processor: str,
        threads: int,
        time_left_s: float,
        frequency_hz: float,
    ) -> tuple[bool, float]:
        """Return whether a sub-network still fits, and the time that it needs [s].

        See `FrameChooser.time_for`; `time_left_s` is NaN without a deadline.
        """
        return self._commanded.time_for(
            self._estimate,
            subnet_id,
            processor=processor,
            threads=threads,
            time_left_s=time_left_s,
            frequency_hz=frequency_hz,
        )

    def shortest_s(self, *, frequency_hz: float) -> float:
        """Return the least inference time within the envelope [s]."""
        return self._commanded.shortest_s(self._estimate, frequency_hz=frequency_hz)

    def observe(
        self,
        key: PointKey,
        *,
        inference_s: float,
        clocks_hz: Iterable[float],
        now_s: float,
        later: bool = False,
    ) -> None:
        """Learn from a frame; `clocks_hz` are the frequencies at which it may have run.

        Of a cascade, each stage is learned from by itself, with the key of its sub-network; `later`
        are those after the first. A point that the profile does not have tells nothing, nor does a
        cascade as a whole.
        """
        found = [self.profile.at(key, each) for each in dict.fromkeys(clocks_hz)]
        points = [each for each in found if each is not None]
        points = [each for each in points if not isinstance(each, CascadePoint)]
        if points and inference_s > 0.0:
            self._estimate.observe_frame(points, inference_s, now_s=now_s, later=later)
