"""How good a plan within the power cap can be at each combination of clocks, without searching it.

The cap is priced instead of kept, as in `loss_bound`: at any price from 0 on

    score >= sum over applications of min(score + price x power) - price x cap

The score of a plan is one number that no plan with better keys exceeds: the targets given up, so
weighted that one more outweighs all after it, and behind them one other key: the first loss that is
not 0 of the plan to be bettered (those before it are 0 and cannot be less), else the objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.runtime.decision.joint_keys import EQUAL
from dynofa_ros.runtime.decision.loss_bound import trial_prices
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.power_capped.problem import CappedProblem

# Share of the largest weight by which scores may be off.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Priced:
    """A lower bound on the score at each combination of clocks."""

    bounds: Floats  # (combinations,)
    weights: Floats  # (keys,) of the score
    key: int  # the one behind the targets given up
    problem: CappedProblem

    @classmethod
    def of(
        cls,
        problem: CappedProblem,
        *,
        options: Sequence[Sequence[Indices]],
        keys: Sequence[float],
    ) -> Priced:
        """Bound the score by which plans can better `keys`, (keys,)."""
        key = _key_to_better(keys, problem)
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
        """Whether `limit` may be asked for these keys."""
        return _key_to_better(keys, self.problem) == self.key

    def limit(self, keys: Sequence[float]) -> float:
        """Return the score that no plan with better keys exceeds."""
        return float(self.weights @ keys + EQUAL + ROUNDING * self.weights.max() * len(keys))

    def order(self, *, but: int) -> Indices:
        """Return all combinations but one, the most promising first."""
        order = np.argsort(self.bounds, kind='stable')
        return np.asarray(order[order != but])


def _key_to_better(keys: Sequence[float], problem: CappedProblem) -> int:
    """Return the index of the first loss that is not 0, else of the objective."""
    objective = problem.counts + problem.losses
    return next((at for at in range(problem.counts, objective) if keys[at]), objective)
