# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Latency and power predicted at each operating point; docs/decision.md explains the terms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.operating_points.table import Floats

# [W] Powers that differ by rounding are equal.
EQUAL_POWER_W = 1e-9
# A frame is done before the next image with this many standard deviations to spare: 97.7 % are.
IN_TIME_STD = 2.0


def power_of_point_w(application: ApplicationState, point: OperatingPoint) -> float:
    """Return the power at one point [W]; 0 if the profile lacks an energy."""
    if not application.profile.energy_known:
        return 0.0
    correction = application.correction(point).mean
    slowdown = application.slowdown(point.processor).mean
    busy_s = point.latency_s * slowdown * correction + application.overhead_s
    period_s = application.frame_period_s
    return point.energy_j / (busy_s if math.isnan(period_s) else max(busy_s, period_s))


def powers_w(application: ApplicationState) -> Floats:
    """Return `power_of_point_w` of each point of the profile's table, (points,) [W]."""
    table = application.profile.table
    if not application.profile.energy_known:
        return np.zeros_like(table.latency_s)
    busy_s = np.empty_like(table.latency_s)
    for name, groups in table.processors.items():
        rows = groups.points
        busy_s[rows] = table.latency_s[rows] * application.slowdown(name).mean
    if application.corrections:
        busy_s *= _corrections(application, table.points)[0]
    busy_s += application.overhead_s
    # fmax takes the number where the other is NaN.
    return np.asarray(table.cost_j / np.fmax(busy_s, application.frame_period_s))


def _corrections(
    application: ApplicationState, points: Sequence[OperatingPoint]
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the correction of each point, (points,)."""
    found = [application.correction(each) for each in points]
    return np.array([each.mean for each in found]), np.array([each.std for each in found])


def total_power_w(
    applications: Sequence[ApplicationState], points: Sequence[OperatingPoint]
) -> float:
    """Return the power of one point of each application together [W]."""
    return sum(map(power_of_point_w, applications, points))


def within(power_w: float, cap_w: float) -> bool:
    """Whether a power is within the cap, up to rounding."""
    return power_w <= cap_w + EQUAL_POWER_W


def predict(
    application: ApplicationState,
    rows_of: Mapping[str, slice],
    *,
    points: Sequence[OperatingPoint],
    latency_s: Floats,
    latency_std_s: Floats,
    probability: float,
) -> tuple[Floats, Floats, Floats]:
    """Predict latency: profile x slowdown x correction + overhead + wait for the previous frame.

    Returns mean, standard deviation and quantile at `probability` of a normal distribution, each
    (points,) [s]. `latency_s` and `latency_std_s` are as profiled; `rows_of` holds the points of
    each processor. The standard deviation is the larger of that of the slowdown and that of the
    profile, and exact for the quantile at `probability` only. An application that is not done
    before the next image comes, with `IN_TIME_STD` to spare, finds an image waiting, up to one
    period old: the wait is uniform on [0, period], with mean period / 2 and variance period^2 / 12.
    Without the spare time, the spread alone would build up a queue.
    """
    # One block, the largest of a decision: glibc does not return large blocks to the system, so the
    # next decision reuses the memory without page faults.
    mean_s, std_s, quantile_s, done_s, slowed_s, profiled_s = np.empty((6, len(latency_s)))
    for name, rows in rows_of.items():
        slowdown = application.slowdown(name)
        np.multiply(latency_s[rows], slowdown.mean, out=mean_s[rows])
        np.multiply(latency_s[rows], slowdown.std_for(probability), out=slowed_s[rows])
        np.multiply(latency_std_s[rows], slowdown.mean, out=profiled_s[rows])
    variance = np.maximum(slowed_s, profiled_s, out=slowed_s)
    if application.corrections:
        correction, correction_std = _corrections(application, points)
        variance *= correction
        np.hypot(variance, mean_s * correction_std, out=variance)
        mean_s *= correction
    mean_s += application.overhead_s
    variance *= variance
    variance += application.overhead_std_s**2
    np.sqrt(variance, out=std_s)
    period_s = application.frame_period_s
    if not math.isnan(period_s):
        np.multiply(std_s, IN_TIME_STD, out=done_s)
        done_s += mean_s
        waits = done_s > period_s
        if waits.any():
            np.add(mean_s, period_s / 2, out=mean_s, where=waits)
            np.add(variance, period_s**2 / 12, out=variance, where=waits)
            np.sqrt(variance, out=std_s, where=waits)
    np.multiply(std_s, NormalDist().inv_cdf(probability), out=quantile_s)
    quantile_s += mean_s
    return mean_s, std_s, quantile_s
