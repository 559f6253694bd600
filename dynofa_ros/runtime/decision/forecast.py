# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What each operating point would bring: latency, power, and which target it violates.

`violation` is 0 if deadline and floor are met; 1 to 2 if the accuracy floor is violated, 2 to 3 if
the deadline is, by extent; 3 if the point cannot run.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.cascade_forecast import CascadeForecast, MeanFrames
from dynofa_ros.runtime.decision.points import Points
from dynofa_ros.runtime.decision.state import ApplicationState, DecisionPolicy
from dynofa_ros.runtime.estimation.correction import EXACT
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.latency import LatencyForecast
from dynofa_ros.runtime.operating_points.objective import EQUAL_ACCURACY
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.operating_points.table import Floats

FLOOR_VIOLATED = 1.0
DEADLINE_VIOLATED = 2.0
REFUSED = 3.0
# A frame is done before the next image with this many standard deviations to spare: 97.7 % are.
IN_TIME_STD = 2.0


class Load(NamedTuple):
    """What other applications do to a frame at each place."""

    factor: Floats  # (places,) on the observed slowdown
    wait_s: Floats  # (places,) mean wait for a turn
    variance_s2: Floats  # (places,) of the wait


@dataclass(frozen=True, eq=False)
class Basis:
    """What all forecasts of a decision have in common, whatever the load."""

    points: Points
    applications: tuple[ApplicationState, ...]
    policy: DecisionPolicy
    slowdowns: tuple[Slowdown, ...]  # (places,) as observed
    correction: Floats | float  # (points,) mean
    correction_std: Floats | float  # (points,)
    cascades: CascadeForecast | None  # None: there are none
    refused: npt.NDArray[np.bool_]  # (points,) that cannot run

    @classmethod
    def of(cls, applications: Sequence[ApplicationState], policy: DecisionPolicy) -> Basis:
        """Collect what is known of the applications."""
        points = Points.of(tuple(each.profile.table for each in applications))
        places = zip(points.place_app, points.place_processor, strict=True)
        correction, correction_std = _corrections(applications)
        basis = cls(
            points,
            tuple(applications),
            policy,
            tuple(applications[app].slowdown(points.processors[name]) for app, name in places),
            correction,
            correction_std,
            CascadeForecast.of(points, applications),
            np.zeros(len(points.accuracy), bool),
        )
        return basis.without({app: each.refused for app, each in enumerate(applications)})

    def without(self, refused: Mapping[int, Collection[PointKey]]) -> Basis:
        """Return the basis with some points of some applications refused as well.

        If all points of an application were refused, all are tried again.
        """
        if not any(refused.values()):
            return self
        result = self.refused.copy()
        for app, keys in refused.items():
            rows = self.points.rows_of(app)
            result[rows] |= self.points.tables[app].among(keys)
            result[rows] &= not result[rows].all()
        return self.refusing(result)

    def refusing(self, refused: npt.NDArray[np.bool_]) -> Basis:
        """Return the basis with these points, (points,), refused."""
        new = replace(self, refused=refused)
        # What is known of the others remains so.
        new.__dict__.update({k: v for k, v in self.__dict__.items() if k not in new.__dict__})
        return new

    @property
    def count(self) -> int:
        """The number of applications."""
        return len(self.applications)

    @cached_property
    def deadline_s(self) -> Floats:
        """The deadline of each application, (applications,); infinite: none."""
        deadlines = [each.target.deadline_s for each in self.applications]
        return np.array([math.inf if math.isnan(each) else each for each in deadlines])

    @cached_property
    def deadlines_s(self) -> Floats:
        """The same for each row, (points,) or a number."""
        return self.points.each(self.deadline_s.tolist())

    @cached_property
    def _profiled(self) -> tuple[Floats, Floats, Floats]:
        """Accuracy, cost, and the energy of a frame: what takes longer than profiled draws more."""
        points = self.points
        return points.accuracy, points.cost_j, points.cost_j * self.correction

    def floor_violation(self, accuracy: Floats) -> Floats:
        """Return the violation of points, (points,), that are in time, with these accuracies."""
        floors = [each.target.min_accuracy - EQUAL_ACCURACY for each in self.applications]
        below = self.points.each(floors) - accuracy
        extent = DEADLINE_VIOLATED - 1.0 / (1.0 + np.maximum(below, 0.0))
        return np.where(below > 0.0, extent, 0.0)

    @cached_property
    def profiled_violation(self) -> Floats:
        """The same with the accuracies as profiled."""
        return self.floor_violation(self.points.accuracy)

    @cached_property
    def period_s(self) -> Floats:
        """The frame period for each row, (points,) or a number; NaN: unknown."""
        return self.points.each([each.frame_period_s for each in self.applications])

    @cached_property
    def overhead_s(self) -> Floats:
        """The overhead for each row, (points,) or a number."""
        return self.points.each([each.overhead_s for each in self.applications])

    def predict(self, load: Load | None = None) -> Forecast:
        """Predict every point; without a load, each application is alone."""
        inference = self._inference
        if load is not None and (load.factor != 1.0).any():
            inference = inference.scaled(np.repeat(load.factor, self.points.place_sizes))
        latency = self._frame(inference, load)
        mean = MeanFrames(*self._profiled, inference.mean_s)
        if self.cascades is not None and inference.paths is not None:
            paths_s = inference.paths.mean_s
            mean = self.cascades.mean_frames(mean, latency, paths_s, self.deadline_s)
        return Forecast(self, load, latency, *mean)

    @cached_property
    def _inference(self) -> LatencyForecast:
        """The inference as observed."""
        return LatencyForecast.of_inference(
            self.points.latency_s,
            self.points.latency_std_s,
            slowdown=self.slowdowns,
            counts=self.points.place_counts,
            probability=self.policy.deadline_probability,
            correction=self.correction,
            correction_std=self.correction_std,
            stages=None if self.cascades is None else self.cascades.stages,
        )

    def _frame(self, inference: LatencyForecast, load: Load | None) -> LatencyForecast:
        """Predict the frame: inference + overhead + waits + age.

        An application that is not done before the next image comes, with `IN_TIME_STD` to spare,
        finds an image waiting, up to one period old: the wait is uniform on [0, period], with mean
        period / 2 and variance period^2 / 12. Without the spare time, the spread alone would build
        up a queue.
        """
        each = self.points.each
        before_s = self.overhead_s
        variance_s2 = each([own.overhead_std_s**2 for own in self.applications])
        if load is not None and load.wait_s.any():
            before_s = before_s + np.repeat(load.wait_s, self.points.place_sizes)
            variance_s2 = variance_s2 + np.repeat(load.variance_s2, self.points.place_sizes)
        frame = inference.plus(before_s, variance_s2=variance_s2)
        queued = frame.longest_s(IN_TIME_STD) > self.period_s
        if queued.any():
            wait_s = np.where(queued, self.period_s / 2, 0.0)
            frame = frame.plus(wait_s, variance_s2=wait_s * wait_s * (1.0 / 3.0))
        # The age keeps no processor busy, so it makes no image wait.
        ages = [own.age_s for own in self.applications]
        return frame.plus(each(ages), variance_s2=0.0) if any(ages) else frame


@dataclass(frozen=True, eq=False)
class Forecast:
    """All points of all applications, predicted for one load."""

    basis: Basis
    load: Load | None
    latency: LatencyForecast  # of a frame
    accuracy: Floats  # (points,) expected; 0 where it is not known
    cost_j: Floats  # (points,) of the objective
    energy_j: Floats  # (points,) of a frame
    inference_s: Floats  # (points,) mean

    @cached_property
    def quantile_s(self) -> Floats:
        """The latency at the deadline probability, (points,)."""
        return self.latency.quantile_s(self.basis.policy.deadline_probability)

    @cached_property
    def violation(self) -> Floats:
        """Which target is violated, (points,), and by how much."""
        return self.violation_for(self.quantile_s)

    @property
    def floor_violation(self) -> Floats:
        """The violation of points that are in time, (points,)."""
        if self.basis.cascades is None:
            return self.basis.profiled_violation
        return self.basis.floor_violation(self.accuracy)

    def violation_for(self, quantile_s: Floats) -> Floats:
        """Return the violation of all points if these were their latencies."""
        basis = self.basis
        # Extents from 0 to infinity, latency / deadline - 1, are mapped to 0 to 1.
        late = quantile_s > basis.deadlines_s
        extent = REFUSED - basis.deadlines_s / quantile_s
        violation = np.where(late, extent, self.floor_violation)
        violation[basis.refused] = REFUSED
        return violation

    def met(self, row: int) -> bool:
        """Whether a point meets all targets."""
        return bool(self.violation[row] < FLOOR_VIOLATED)

    @cached_property
    def utilisation(self) -> Floats:
        """The share of its processor's time that each point takes, (points,); 1 if unknown."""
        # fmin takes the number where the other is NaN.
        return np.fmin(1.0, self.inference_s / self.basis.period_s)

    @cached_property
    def power_w(self) -> Floats:
        """The power of points, (points,) [W]; 0 if the profile lacks an energy."""
        basis = self.basis
        busy_s = self.inference_s + basis.overhead_s
        # fmax takes the number where the other is NaN.
        power_w = self.energy_j / np.fmax(busy_s, basis.period_s)
        for app, each in enumerate(basis.applications):
            if not each.profile.energy_known:
                power_w[basis.points.rows_of(app)] = 0.0
        return np.asarray(power_w)

    def doubted(self, row: int) -> bool:
        """Whether the measured accuracy of a point does not hold."""
        points = self.basis.points
        application = self.basis.applications[int(points.app_of[row])]
        known = application.escalations.get(points.point(row).subnet_id)
        return known is not None and bool(known.doubt)

    def slowdown(self, row: int) -> Slowdown:
        """Return the slowdown of a point for the load."""
        place = int(self.basis.points.place_of[row])
        observed = self.basis.slowdowns[place]
        factor = 1.0 if self.load is None else float(self.load.factor[place])
        if factor == 1.0:
            return observed
        return replace(observed, mean=observed.mean * factor, std=observed.std * factor)


def _corrections(
    applications: Sequence[ApplicationState],
) -> tuple[Floats | float, Floats | float]:
    """Return mean and standard deviation of the correction of each point, (points,)."""
    if not any(each.corrections for each in applications):
        return 1.0, 0.0
    means, stds = [], []
    for each in applications:
        table = each.profile.table
        known = [each.corrections.get(subnet, EXACT) for subnet in table.subnets]
        means.append(np.array([one.mean for one in known])[table.subnet_of])
        stds.append(np.array([one.std for one in known])[table.subnet_of])
    return np.concatenate(means), np.concatenate(stds)
