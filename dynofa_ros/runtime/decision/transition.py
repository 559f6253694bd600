# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Interim operating points, until the frequencies have settled.

A frequency takes time to change, 0.8 s on a Jetson Xavier NX, and a sub-network chosen for the new
frequency may be late at the old one. So frequencies are commanded at once, and until they are read
back, an application that would be late runs a point that meets its targets at the present
frequencies. A power cap holds throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynofa_ros.runtime.decision.clock_search import Plan
from dynofa_ros.runtime.decision.clocks import Clocks
from dynofa_ros.runtime.decision.joint_keys import is_before, plan_keys
from dynofa_ros.runtime.decision.prediction import total_power_w, within
from dynofa_ros.runtime.decision.ranking import DEADLINE_VIOLATED, REFUSED, Forecast
from dynofa_ros.runtime.operating_points.frequency import highest_same, reads_as
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.power_capped.search import search_within


def interim_points(
    forecasts: Sequence[Forecast], clocks: Clocks, *, plan: Plan
) -> tuple[OperatingPoint, ...]:
    """Return each application's point for now; those of `plan` if no frequency has to change."""
    now = _present_clocks(clocks, plan)
    if now is None:
        return plan.points
    points = tuple(
        _interim(forecast, settled_point, now=now)
        for forecast, settled_point in zip(forecasts, plan.points, strict=True)
    )
    cap_w = forecasts[0].policy.power_cap_w
    return points if cap_w == math.inf else _capped(forecasts, points, now=now, cap_w=cap_w)


def _capped(
    forecasts: Sequence[Forecast],
    points: tuple[OperatingPoint, ...],
    *,
    now: Clocks,
    cap_w: float,
) -> tuple[OperatingPoint, ...]:
    """Return `points` if within the cap, otherwise the best resident points within it.

    The running points are kept if they are within the cap and no worse, to avoid flapping.
    """
    applications = [each.application for each in forecasts]
    running = tuple(point for each in forecasts if (point := _running(each, now=now)) is not None)
    if len(running) == len(points) and within(total_power_w(applications, running), cap_w):
        new, old = (
            plan_keys(
                applications, [each.rank(at) for each, at in zip(forecasts, which, strict=True)]
            )
            for which in (points, running)
        )
        if not is_before(new, old):
            return running
    if within(total_power_w(applications, points), cap_w):
        return points
    ready = [each.without(each.application.unready) for each in forecasts]
    best = search_within(ready, now, cap_w=cap_w).points
    found = [_at(each, point.key, now=now) for each, point in zip(ready, best, strict=True)]
    return tuple(
        other if point is None else point for point, other in zip(found, points, strict=True)
    )


def _present_clocks(clocks: Clocks, plan: Plan) -> Clocks | None:
    """Return the present frequencies, one per domain; None if they are those of `plan`."""
    used = {clocks.domain_of(each.processor) for each in plan.points}  # others are not commanded
    if all(
        reads_as(domain.frequency_hz, plan.clocks_hz[domain.name])
        for index, domain in enumerate(clocks.domains)
        if index in used
    ):
        return None
    return Clocks(clocks.domains, tuple((each.frequency_hz,) for each in clocks.domains))


def _interim(forecast: Forecast, settled_point: OperatingPoint, *, now: Clocks) -> OperatingPoint:
    """Return a point that meets the targets at the present frequencies.

    In this order: the settled point, the running one, the best one. If all miss the deadline, the
    settled point runs at once.
    """
    early, running = _at(forecast, settled_point.key, now=now), _running(forecast, now=now)
    if early is None:
        return settled_point
    kept = running is not None and running.key != settled_point.key and forecast.rank(running).met
    # The running point is replaced early only with a margin, to avoid flapping.
    headroom = forecast.policy.switch_margin if kept else 0.0
    if forecast.rank(early, headroom=headroom).met:
        return early
    if running is not None and kept:
        return running
    best = _best(forecast, now=now)
    helps = best is not None and forecast.rank(best).violation < DEADLINE_VIOLATED
    return best if best is not None and helps else early


def _at(forecast: Forecast, key: PointKey, *, now: Clocks) -> OperatingPoint | None:
    """Return the point of `key` at the present frequency; None if its latency is unknown there."""
    domain = now.domain_of(key[2])
    clock_hz = math.nan if domain is None else now.options_hz[domain][0]
    point = forecast.application.profile.at(key, clock_hz)
    if point is None or point.frequency_hz > highest_same(clock_hz):
        return None
    return point


def _running(forecast: Forecast, *, now: Clocks) -> OperatingPoint | None:
    """Return the last commanded point, at the present frequencies."""
    application = forecast.application
    key = application.interim
    if key is None and application.current is not None:
        key = application.current.key
    if key is None or key in application.refused:
        return None
    return _at(forecast, key, now=now)


def _best(forecast: Forecast, *, now: Clocks) -> OperatingPoint | None:
    """Return the best resident point at the present frequencies."""
    ready = forecast.without(forecast.application.unready)
    found = []
    for _, groups, known in now.reached(forecast.application.profile.table):
        point, rank = ready.best_of_group(int(groups[0]))
        if known is not None and not known[0]:
            rank = rank._replace(violation=max(rank.violation, REFUSED))
        found.append((rank, point))
    _, best = min(found, key=lambda each: each[0])
    return None if best.key in ready.application.refused else _at(forecast, best.key, now=now)
