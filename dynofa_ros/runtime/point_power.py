"""Power that an application draws at an operating point, above idle, mean over time.

A frame's energy times the frame rate. The rate is the camera's where it is known and the
application keeps up, else as fast as frames can be: one right after another, which is the most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dynofa_ros.runtime.decision_state import ApplicationState
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import Floats

# [W] Sums that differ by rounding are equal.
EQUAL_POWER_W = 1e-9


def power_of_point_w(application: ApplicationState, point: OperatingPoint) -> float:
    """Return the power at one point [W]; 0 where the profile lacks an energy."""
    if not application.profile.energy_known:
        return 0.0
    busy_s = point.latency_s * application.slowdown(point.processor).mean + application.overhead_s
    period_s = application.frame_period_s
    return point.energy_j / (busy_s if math.isnan(period_s) else max(busy_s, period_s))


def powers_w(application: ApplicationState) -> Floats:
    """Return the power at each point of the profile's table, (points,) [W]; likewise 0."""
    table = application.profile.table
    if not application.profile.energy_known:
        return np.zeros_like(table.latency_s)
    busy_s = np.empty_like(table.latency_s)
    for name, groups in table.processors.items():
        rows = groups.points
        busy_s[rows] = table.latency_s[rows] * application.slowdown(name).mean
    busy_s += application.overhead_s
    # fmax takes the number where the other is NaN.
    return np.asarray(table.cost_j / np.fmax(busy_s, application.frame_period_s))


def total_power_w(
    applications: Sequence[ApplicationState], points: Sequence[OperatingPoint]
) -> float:
    """Return the power of one point of each application together [W]."""
    return sum(map(power_of_point_w, applications, points))


def within(power_w: float, cap_w: float) -> bool:
    """Whether a power does not exceed the cap but by rounding."""
    return power_w <= cap_w + EQUAL_POWER_W
