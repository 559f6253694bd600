# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Upper bound on the optimality gap of a plan, where the search was not exhaustive.

At given frequencies, no plan is better than every application at its own best point; if there are
too many combinations of frequencies, each application may choose its own. The power cap is priced
(Lagrangian relaxation; Geoffrion, Mathematical Programming Study 2, 1974): `price x (power - cap)`
is at most 0 for every plan within the cap, so for any price from 0 on

    objective >= sum over applications of min(objective + price x power) - price x cap

and the price of the highest bound counts. Only plans in which no application violates its targets
more are compared, because a violated deadline would be a cheap way to accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dynofa_ros.runtime.decision.clocks import Clocks, every_combination, group_options
from dynofa_ros.runtime.decision.joint_keys import EQUAL
from dynofa_ros.runtime.decision.prediction import powers_w
from dynofa_ros.runtime.decision.ranking import Forecast
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable

# Prices tried, as multiples of the span of the objective over the cap.
PRICES = np.concatenate(([0.0], np.geomspace(1e-2, 1e3, 30)))


def trial_prices(span: float, *, cap_w: float) -> Floats:
    """Return the prices of a watt to try, (prices,); only 0 without a cap."""
    return PRICES * ((span or 1.0) / (cap_w or 1.0)) if math.isfinite(cap_w) else np.zeros(1)


def loss_bound(
    forecasts: Sequence[Forecast],
    points: Sequence[OperatingPoint],
    clocks: Clocks,
    *,
    headroom: float = 0.0,
    cap_w: float = math.inf,
) -> float:
    """Return the bound for `points`, one of each application, in the objective's first key."""
    every = every_combination(clocks)
    rankings = [each.ranking(headroom=headroom) for each in forecasts]
    prices = trial_prices(sum(float(np.ptp(each.primary)) for each in rankings), cap_w=cap_w)
    found, bound = 0.0, (-prices * cap_w if math.isfinite(cap_w) else prices)[None, :]
    for forecast, point, ranking in zip(forecasts, points, rankings, strict=True):
        table = forecast.application.profile.table
        row = table.row_of[point]
        found += float(ranking.primary[row])
        allowed = ranking.violation <= ranking.violation[row] + EQUAL
        cost = np.where(allowed, ranking.primary, math.inf)[:, None]
        cost = cost + prices * powers_w(forecast.application)[:, None]
        bound = bound + _least(cost, table, clocks=clocks, every=every)
    return max(0.0, found - float(bound.max(axis=1).min()))


def _least(cost: Floats, table: PointTable, *, clocks: Clocks, every: Indices | None) -> Floats:
    """Return the least cost, (points, prices), at each combination, (combinations, prices)."""
    if every is None:
        return np.asarray(cost.min(axis=0))[None, :]
    groups = np.minimum.reduceat(cost, table.group_starts, axis=0)
    options = group_options(table, clocks, combinations=every)
    return np.asarray(np.min([groups[rows] for rows, _ in options], axis=0))
