# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What our own applications do to each other on a processor, as part of the joint choice.

One other inference that is always running slows a frame down by `1 + contention`; one that takes
a share of the processor's time, by that share. The observed slowdown holds what the others did when
it was observed, so a prediction scales it from that load to the assumed one.

Where frames take turns, a frame waits instead, for what is left of another one that runs: with the
probability of the other's share of the time, for a time uniform up to its latency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.forecast import Basis, Forecast, Load
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.turns import takes_turns

UNKNOWN_CONTENTION = 1.0
# Shares of a processor's time that differ by less count as equal.
SAME_LOAD = 0.1
NOT_RUNNING = -1  # instead of a processor


@dataclass(frozen=True, eq=False)
class Use:
    """Where each application runs, and what it does to a frame of another one there."""

    processor: Indices  # (applications,) of `Points.processors`; NOT_RUNNING: none
    share: Floats  # (applications,) of the processor's time
    sums: Floats  # (applications, 3) that share, mean and variance of the wait for its frame

    @classmethod
    def of(cls, processor: Indices, share: Floats, busy_s: Floats) -> Use:
        """Return the use by frames that keep the processor busy for this long at once."""
        share = np.where(processor == NOT_RUNNING, 0.0, share)
        wait_s = share * busy_s / 2
        return cls(processor, share, np.array([share, wait_s, share * busy_s**2 / 3 - wait_s**2]).T)

    def same_processors(self, other: Use) -> bool:
        """Whether each application is on the same processor."""
        return bool((self.processor == other.processor).all())

    def agrees(self, other: Use) -> bool:
        """Whether the loads are the same, or nearly so."""
        near = np.abs(self.share - other.share) <= SAME_LOAD
        return self.same_processors(other) and bool(near.all())

    def others(self, app: Indices, processor: Indices) -> Floats:
        """Return the sums of the others, (places, 3), for applications on processors."""
        # The sum of each processor less an application's own: adding up the others of each of 64
        # applications would take most of a second.
        on = self.processor[:, None] == np.arange(int(processor.max()) + 1)
        own = np.where((self.processor[app] == processor)[:, None], self.sums[app], 0.0)
        return np.maximum((on.T @ self.sums)[processor] - own, 0.0)


@dataclass(frozen=True, eq=False)
class Interference:
    """Predicts the effect of the load of other applications at each place."""

    basis: Basis
    contention: Mapping[str, float]  # by processor, see DecisionState

    @cached_property
    def present(self) -> Use:
        """The use of the processors by the current points, as observed."""
        return present_use(self.basis)

    @cached_property
    def factors(self) -> Floats:
        """The contention of each processor, (processors,)."""
        names = self.basis.points.processors
        return np.array([self.contention.get(name, UNKNOWN_CONTENTION) for name in names])

    @cached_property
    def turns(self) -> npt.NDArray[np.bool_]:
        """Whether frames take turns on each processor, (processors,)."""
        names = self.basis.points.processors
        return np.array([takes_turns(self.contention.get(name, math.nan)) for name in names])

    @property
    def matters(self) -> bool:
        """Whether some processor can be used by two applications that disturb each other."""
        users = np.bincount(self.basis.points.place_processor)
        return bool(((users > 1) & (self.factors > 0.0)).any())

    def load(self, use: Use) -> Load:
        """Return what the applications do to each other."""
        points = self.basis.points
        share, wait_s, variance_s2 = use.others(points.place_app, points.place_processor).T
        turns = self.turns[points.place_processor]
        return Load(
            np.where(turns, 1.0, self._unexplained * self._factor(share)),
            np.where(turns, wait_s, 0.0),
            np.where(turns, variance_s2, 0.0),
        )

    def _factor(self, share: Floats) -> Floats:
        """Return the slowdown at each place by others that take this share of the processor."""
        return 1.0 + self.factors[self.basis.points.place_processor] * share

    @cached_property
    def _unexplained(self) -> Floats:
        """What scales the observed slowdown of each place to that without other applications."""
        points, present = self.basis.points, self.present
        before = present.others(points.place_app, points.place_processor)[:, 0]
        before[present.processor[points.place_app] != points.place_processor] = 0.0
        for place, app in enumerate(points.place_app):
            observed = self.basis.applications[app].observed_loads
            if observed is not None:
                name = points.processors[points.place_processor[place]]
                before[place] = observed.get(name, 0.0)
        # What the load does not explain is not below the profile.
        means = np.array([each.mean for each in self.basis.slowdowns])
        return np.maximum(1.0 / self._factor(before), np.minimum(1.0, 1.0 / means))


def present_use(basis: Basis) -> Use:
    """Return the use of the processors by the current points, as observed."""
    processor = np.full(basis.count, NOT_RUNNING)
    share, busy_s = np.zeros((2, basis.count))
    for app, each in enumerate(basis.applications):
        point = each.current
        if point is None or point.processor not in basis.points.processors:
            continue
        processor[app] = basis.points.processors.index(point.processor)
        busy_s[app] = point.latency_s * each.slowdown(point.processor).mean
        busy_s[app] *= each.correction(point).mean
        period_s = each.frame_period_s  # unknown: frames do not pause
        share[app] = min(1.0, busy_s[app] / period_s) if period_s > 0.0 else 1.0
    return Use.of(processor, share, busy_s)


def use_of(forecast: Forecast, rows: Sequence[int] | Indices) -> Use:
    """Return the use of the processors by points, one of each application."""
    rows = np.asarray(rows)
    points = forecast.basis.points
    processor = points.place_processor[points.place_of[rows]]
    return Use.of(processor, forecast.utilisation[rows], forecast.inference_s[rows])
