# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What each operating point of one application would bring: latency, power, and a score.

The score has four keys, smaller is better, compared in this order. `violation`: 0 if deadline and
floor are met; 1 to 2 if the accuracy floor is violated, 2 to 3 if the deadline is, by extent; 3 if
the point cannot run. The objective and its tie-break. `change`: 0 for what runs now, 1 for the same
sub-network at another frequency, 2 for another one.

What runs now has inertia: a score that is better by less than a margin counts as equal to its
score, and every other point needs a share of the deadline to spare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.cascade_forecast import CascadeForecast, MeanFrames
from dynofa_ros.runtime.decision.state import ApplicationState, DecisionPolicy
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.latency import LatencyForecast, Stages
from dynofa_ros.runtime.operating_points.objective import EQUAL_ACCURACY, objective_keys
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable
from dynofa_ros.runtime.settings import Objective
from dynofa_ros.runtime.targets import Target

FLOOR_VIOLATED = 1.0
DEADLINE_VIOLATED = 2.0
REFUSED = 3.0
# Powers that differ by rounding are equal [W].
EQUAL_POWER_W = 1e-9
# A frame is done before the next image with this many standard deviations to spare: 97.7 % are.
IN_TIME_STD = 2.0


@dataclass(frozen=True, eq=False)
class Forecast:
    """The points of one application's table, predicted for one decision."""

    application: ApplicationState
    policy: DecisionPolicy
    slowdowns: Mapping[str, Slowdown]  # by processor
    inference_s: Floats  # (points,) mean
    energy_j: Floats  # (points,) of a frame: a network that takes longer than profiled draws more
    latency: LatencyForecast  # of a frame
    violation: Floats  # (points,) without those that cannot run
    accuracy: Floats  # (points,) expected; 0 where it is not known
    cost_j: Floats  # (points,) of the objective
    refused: npt.NDArray[np.bool_] | None = None  # (points,) that cannot run; None: none
    present: int | None = None  # the point that runs now, if it has inertia
    headroom: float = 0.0  # of the deadline, that every other point needs
    # The same with other slowdowns and waits.
    _others: dict[tuple[object, ...], Forecast] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        application: ApplicationState,
        *,
        policy: DecisionPolicy,
        slowdowns: Mapping[str, Slowdown] | None = None,
        waits: Mapping[str, tuple[float, float]] | None = None,
    ) -> Forecast:
        """Predict every point.

        `slowdowns` replaces those of the application; `waits` is the mean [s] and the variance
        [s^2] of the wait for a turn on a processor.
        """
        table = application.profile.table
        factors = {
            name: (slowdowns or {}).get(name) or application.slowdown(name)
            for name in table.processors
        }
        corrections = _corrections(application)
        cascades = CascadeForecast.of(application)
        inference, latency = _predict(
            application,
            factors,
            corrections,
            waits or {},
            policy=policy,
            stages=None if cascades is None else cascades.stages,
        )
        energy_j = table.cost_j if corrections is None else table.cost_j * corrections[0]
        accuracy, cost_j, inference_s = table.accuracy, table.cost_j, inference.mean_s
        if cascades is not None:
            accuracy, cost_j, energy_j, inference_s = cascades.replaced(
                MeanFrames(accuracy, cost_j, energy_j, inference_s),
                cascades.mean_frames(latency, inference, deadline_s=application.target.deadline_s),
            )
        violation = _violation(
            latency.quantile_s(policy.deadline_probability),
            accuracy,
            target=application.target,
        )
        forecast = cls(
            application,
            policy,
            factors,
            inference_s,
            energy_j,
            latency,
            violation,
            accuracy,
            cost_j,
        )
        return forecast.without(application.refused)

    @property
    def table(self) -> PointTable:
        """The application's points."""
        return self.application.profile.table

    def point(self, row: int) -> OperatingPoint:
        """Return a point."""
        return self.table.points[row]

    def without(self, keys: frozenset[PointKey]) -> Forecast:
        """Return the same forecast with these points refused as well."""
        return self.excluding(self.table.among(keys)) if keys else self

    def excluding(self, excluded: npt.NDArray[np.bool_]) -> Forecast:
        """Return the same forecast with these points, (points,), refused as well.

        If all points were refused, all are tried again.
        """
        refused = excluded if self.refused is None else self.refused | excluded
        return replace(self, refused=None if refused.all() else refused, _others={})

    def doubted(self, row: int) -> bool:
        """Whether the measured accuracy of a point does not hold."""
        known = self.application.escalations.get(self.point(row).subnet_id)
        return known is not None and bool(known.doubt)

    def met(self, row: int) -> bool:
        """Whether a point meets all targets."""
        return bool(self.violation[row] < FLOOR_VIOLATED)

    def with_headroom(self, headroom: float) -> Forecast:
        """Return the same forecast with another headroom."""
        return replace(self, headroom=headroom, _others={})

    def with_others(
        self, slowdowns: Mapping[str, Slowdown], waits: Mapping[str, tuple[float, float]]
    ) -> Forecast:
        """Return the same forecast with slowdowns and waits as in `of`."""
        means = sorted((name, each.mean) for name, each in slowdowns.items())
        key = (*means, *sorted(waits.items()))
        if key not in self._others:
            new = Forecast.of(
                self.application, policy=self.policy, slowdowns=slowdowns, waits=waits
            )
            self._others[key] = replace(
                new,
                refused=self.refused,
                present=self.present,
                headroom=self.headroom,
                _others=self._others,
            )
        return self._others[key]

    def on(self, processor: str) -> npt.NDArray[np.bool_]:
        """Return which points are on a processor, (points,)."""
        result = np.zeros(len(self.violation), bool)
        result[self.table.processors[processor].points] = True
        return result

    def quantile_s(self, row: int) -> float:
        """Return the latency at the deadline probability of one point [s]."""
        one = self.latency.take(slice(row, row + 1))
        return float(one.quantile_s(self.policy.deadline_probability)[0])

    def violation_at(self, row: int, quantile_s: float) -> float:
        """Return the first key of a point if its latency were another one."""
        accuracy = self.accuracy[row : row + 1]
        return float(
            _violation(np.array([quantile_s]), accuracy, target=self.application.target)[0]
        )

    def is_late(self, row: int) -> bool:
        """Whether a point violates the deadline."""
        return bool(self.violation[row] >= DEADLINE_VIOLATED)

    def utilisation(self, row: int) -> float:
        """Return the fraction of its processor's time that a point takes; 1 if unknown."""
        period_s = self.application.frame_period_s
        return 1.0 if math.isnan(period_s) else min(1.0, float(self.inference_s[row]) / period_s)

    def power_w(self, rows: Indices | slice = slice(None)) -> Floats:
        """Return the power of points [W]; 0 if the profile lacks an energy."""
        energy_j = self.energy_j[rows]
        if not self.application.profile.energy_known:
            return np.zeros_like(energy_j)
        busy_s = self.inference_s[rows] + self.application.overhead_s
        # fmax takes the number where the other is NaN.
        return np.asarray(energy_j / np.fmax(busy_s, self.application.frame_period_s))

    def scores(self, rows: Indices | slice = slice(None)) -> Floats:
        """Return the keys of points, (4, rows), with inertia."""
        table = self.table
        rows = np.arange(len(table.points))[rows]
        keys = np.array([self._late[rows], *self._objective(rows), np.zeros(len(rows))])
        if self.present is None:
            return keys
        same = table.key_of[rows] == table.key_of[self.present]
        keys[3] = np.where(rows == self.present, 0.0, np.where(same, 1.0, 2.0))
        return self._indifferent(keys, self._late[self.present], *self._objective(self.present))

    @cached_property
    def best(self) -> tuple[Indices, Floats]:
        """The row of the best point of each group, and its keys, (4, groups)."""
        table, policy = self.table, self.policy
        accurate = policy.objective is Objective.MAX_ACCURACY
        order = table.most_accurate_first if accurate else table.cheapest_first
        if table.cascades is not None:  # whose order is not that of the profile
            keys = (self.cost_j, -self.accuracy) if accurate else (-self.accuracy, self.cost_j)
            order = np.lexsort((*keys, table.group_of))
        violation = self._late
        # The first of the rows with the least violation: group by group, the best objective first.
        candidate = _least_of_groups(violation.take(order), table)
        if policy.objective is Objective.WEIGHTED:
            # Its order depends on the weight, so it is not in the table.
            primary, _ = self._objective(order)
            candidate = _least_of_groups(np.where(candidate, primary, math.inf), table)
        candidates = np.flatnonzero(candidate)
        rows = order[candidates[np.searchsorted(candidates, table.group_starts)]]
        if self.present is None:
            return rows, self.scores(rows)
        # In each group, the sub-network that runs now stays unless another one gains the margin.
        same = np.flatnonzero(table.key_of == table.key_of[self.present])
        if self.refused is not None:
            same = same[~self.refused[same]]
        groups = table.group_of[same]
        old = np.array([violation[same], *self._objective(same)])
        new = np.array([violation[rows[groups]], *self._objective(rows[groups])])
        new = self._indifferent(new, *old)
        less, equal = new < old, new == old
        pays = less[0] | equal[0] & (less[1] | equal[1] & less[2])
        rows[groups] = np.where(pays, rows[groups], same)
        return rows, self.scores(rows)

    @cached_property
    def _late(self) -> Floats:
        """The first key, (points,), with headroom.

        All points need it but the present one, and those that meet a target which that violates.
        """
        violation = self.violation
        if self.headroom and self.present is not None:
            violation = _violation(
                self.latency.quantile_s(self.policy.deadline_probability) * (1.0 + self.headroom),
                self.accuracy,
                target=self.application.target,
            )
            better = np.floor(self.violation) < np.floor(self.violation[self.present])
            better[self.present] = True
            violation[better] = self.violation[better]
        if self.refused is not None:
            violation = np.where(self.refused, REFUSED, violation)
        return violation

    def _objective(self, rows: Indices | slice | int) -> tuple[Floats, Floats]:
        return objective_keys(
            self.policy.objective,
            energy_weight=self.policy.energy_weight,
            accuracy=self.accuracy[rows],
            cost_j=self.cost_j[rows],
        )

    def _indifferent(
        self, keys: Floats, violation: Floats, primary: Floats, secondary: Floats
    ) -> Floats:
        """Let keys that are better than a reference by less than the margin equal it."""
        policy = self.policy
        accuracy = policy.accuracy_margin
        saving = policy.objective is Objective.MIN_ENERGY
        energy = policy.switch_margin * np.abs(primary if saving else secondary)
        late = violation >= DEADLINE_VIOLATED
        margins = (
            np.where(late, policy.switch_margin, accuracy),
            energy if saving else accuracy,
            accuracy if saving else energy,
        )
        for key, (reference, margin) in enumerate(
            zip((violation, primary, secondary), margins, strict=True)
        ):
            value = keys[key]
            equal = (value < reference) & (value >= reference - margin - EQUAL_ACCURACY)
            if key == 0:  # a target met is better than one violated, by however little
                equal &= np.floor(value) == np.floor(reference)
            keys[key] = np.where(equal, reference, value)
        return keys


def _least_of_groups(ordered: Floats, table: PointTable) -> npt.NDArray[np.bool_]:
    """Return which values, sorted by group, are the minimum of their group, (points,)."""
    least = np.minimum.reduceat(ordered, table.group_starts)
    return np.asarray(ordered == np.repeat(least, table.group_sizes))


def _violation(quantile_s: Floats, accuracy: Floats, *, target: Target) -> Floats:
    """Return the first key of points with these latencies and accuracies."""
    violation = np.zeros_like(quantile_s)
    floor = target.min_accuracy - EQUAL_ACCURACY
    if floor > accuracy.min():
        _set_violation(violation, extent=floor - accuracy, base=FLOOR_VIOLATED)
    if not math.isnan(target.deadline_s):  # overrides the floor
        extent = quantile_s * (1.0 / target.deadline_s)
        extent -= 1.0
        _set_violation(violation, extent=extent, base=DEADLINE_VIOLATED)
    return violation


def _set_violation(violation: Floats, *, extent: Floats, base: float) -> None:
    """Where `extent` is above 0, map it from 0..infinity to `base`..`base` + 1."""
    violated = extent > 0.0
    np.divide(extent, 1.0 + extent, out=violation, where=violated)
    np.add(violation, base, out=violation, where=violated)


def _predict(
    application: ApplicationState,
    slowdowns: Mapping[str, Slowdown],
    corrections: tuple[Floats, Floats] | None,
    waits: Mapping[str, tuple[float, float]],
    *,
    policy: DecisionPolicy,
    stages: Stages | None,
) -> tuple[LatencyForecast, LatencyForecast]:
    """Predict the inference, and the frame: inference + overhead + wait for the previous one + age.

    An application that is not done before the next image comes, with `IN_TIME_STD` to spare, finds
    an image waiting, up to one period old: the wait is uniform on [0, period], with mean period / 2
    and variance period^2 / 12. Without the spare time, the spread alone would build up a queue.
    """
    table = application.profile.table
    correction, doubt = corrections or (1.0, 0.0)
    points = [groups.points for groups in table.processors.values()]
    counts = [each.stop - each.start for each in points]
    inference = LatencyForecast.of_inference(
        table.latency_s,
        table.latency_std_s,
        slowdown=[slowdowns[name] for name in table.processors],
        counts=counts,
        probability=policy.deadline_probability,
        correction=correction,
        correction_std=doubt,
        stages=stages,
    )
    frame = inference.plus(application.overhead_s, variance_s2=application.overhead_std_s**2)
    if waits:
        mean_s, variance_s2 = np.repeat(
            [waits.get(name, (0.0, 0.0)) for name in table.processors], counts, axis=0
        ).T
        frame = frame.plus(mean_s, variance_s2=variance_s2)
    period_s = application.frame_period_s
    if not math.isnan(period_s):
        queued = frame.longest_s(IN_TIME_STD) > period_s
        if queued.any():
            frame = frame.plus(
                np.where(queued, period_s / 2, 0.0),
                variance_s2=np.where(queued, period_s**2 / 12, 0.0),
            )
    # The age keeps no processor busy, so it makes no image wait.
    return inference, frame.plus(application.age_s, variance_s2=0.0) if application.age_s else frame


def _corrections(application: ApplicationState) -> tuple[Floats, Floats] | None:
    """Return mean and standard deviation of the correction of each point, (points,); None: none."""
    if not application.corrections:
        return None
    table = application.profile.table
    known = [application.corrections.get(each) for each in table.subnets]
    means = np.array([1.0 if each is None else each.mean for each in known])
    stds = np.array([0.0 if each is None else each.std for each in known])
    return means[table.subnet_of], stds[table.subnet_of]
