# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Lower bound on the score of a plan within the power cap at each combination of frequencies.

The cap is priced, as in `loss_bound`: at any price from 0 on

    score >= sum over applications of min(score + price x power) - price x cap

The score of a plan is one number that no plan with better keys exceeds: the counts of violated
targets, so weighted that one more outweighs all later keys, plus one other key: the first nonzero
loss of the plan to improve on (earlier ones are 0 and cannot be less), or else the objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.runtime.decision.joint_keys import EQUAL
from dynofa_ros.runtime.decision.loss_bound import trial_prices
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.power_capped.problem import CappedProblem

# Rounding of scores, as a share of the largest weight.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class PriceBound:
    """A lower bound on the score at each combination of frequencies."""

    bounds: Floats  # (combinations,)
    weights: Floats  # (keys,) of the score
    key: int  # the one after the counts of violated targets
    problem: CappedProblem

    @classmethod
    def of(
        cls,
        problem: CappedProblem,
        *,
        options: Sequence[Sequence[Indices]],
        keys: Sequence[float],
    ) -> PriceBound:
        """Bound the score of plans that improve on `keys`, (keys,)."""
        key = _key_to_improve(keys, problem)
        values = [each.value[:-1] for each in problem.applications]
        span = sum(float(np.ptp(value[:, key])) for value in values)
        weights = np.zeros(len(keys))
        weights[key] = 1.0
        base = 1.01 * span + EQUAL
        for count in reversed(range(problem.counts)):
            weights[count] = base
            base *= len(values) + 1
        prices = trial_prices(span, cap_w=problem.cap_w)
        bound = -prices * problem.cap_w
        for each, at, value in zip(problem.applications, options, values, strict=True):
            score = (value @ weights)[:, None] + prices * each.power_w[:-1, None]
            bound = bound + each.least_of(at, cost=score)
        return cls(bound.max(axis=1), weights, key, problem)

    def applies_to(self, keys: Sequence[float]) -> bool:
        """Whether `limit` holds for these keys."""
        return _key_to_improve(keys, self.problem) == self.key

    def limit(self, keys: Sequence[float]) -> float:
        """Return the score that no plan with better keys exceeds."""
        return float(self.weights @ keys + EQUAL + ROUNDING * self.weights.max() * len(keys))

    def order(self, *, but: int) -> Indices:
        """Return all combinations but one, the lowest bound first."""
        order = np.argsort(self.bounds, kind='stable')
        return np.asarray(order[order != but])


def _key_to_improve(keys: Sequence[float], problem: CappedProblem) -> int:
    """Return the index of the first nonzero loss, or else of the objective."""
    objective = problem.counts + problem.losses
    return next((at for at in range(problem.counts, objective) if keys[at]), objective)
