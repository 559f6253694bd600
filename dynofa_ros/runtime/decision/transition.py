"""What runs until the clocks are turned.

A clock takes its time to change, 0.8 s on a Jetson Xavier NX, and a sub-network chosen for the new
clock may be late at the old one. So the clocks are commanded at once, and until they are seen to be
there, an application that would be late runs what meets its targets at the clocks there are. A
power cap holds all the while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynofa_ros.runtime.decision.clock_search import Plan
from dynofa_ros.runtime.decision.clocks import Clocks
from dynofa_ros.runtime.decision.joint_keys import is_before, plan_keys
from dynofa_ros.runtime.decision.prediction import total_power_w, within
from dynofa_ros.runtime.decision.ranking import DEADLINE_GIVEN_UP, REFUSED, Forecast
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import SAME_CLOCK
from dynofa_ros.runtime.power_capped.search import search_within

# A clock that is read may differ from the one that was asked for by this share.
CLOCK_TOLERANCE = 0.01


def interim_points(
    forecasts: Sequence[Forecast], clocks: Clocks, *, plan: Plan
) -> tuple[OperatingPoint, ...]:
    """Return what each application runs now; its point of `plan` where no clock is waited for."""
    now = _present(clocks, plan)
    if now is None:
        return plan.points
    points = tuple(
        _for_now(forecast, goal, now=now)
        for forecast, goal in zip(forecasts, plan.points, strict=True)
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
    """Return `points` if within the cap, else the best that can run at once and is.

    What runs is kept if it is within the cap and no worse, so that nothing flaps.
    """
    applications = [each.application for each in forecasts]
    running = tuple(point for each in forecasts if (point := _running(each, now=now)) is not None)
    if len(running) == len(points) and within(total_power_w(applications, running), cap_w):
        keys = [
            plan_keys(
                applications, [each.rank(at) for each, at in zip(forecasts, which, strict=True)]
            )
            for which in (points, running)
        ]
        if not is_before(*keys):
            return running
    if within(total_power_w(applications, points), cap_w):
        return points
    ready = [each.without(each.application.unready) for each in forecasts]
    best = search_within(ready, now, cap_w=cap_w).points
    found = [_at(each, point.key, now=now) for each, point in zip(ready, best, strict=True)]
    return tuple(
        other if point is None else point for point, other in zip(found, points, strict=True)
    )


def _present(clocks: Clocks, plan: Plan) -> Clocks | None:
    """Return the clocks there are, one a domain; None if those of `plan` are among them."""
    used = {clocks.domain_of(each.processor) for each in plan.points}
    waited_for = [
        abs(domain.frequency_hz - plan.clocks_hz[domain.name])
        > CLOCK_TOLERANCE * plan.clocks_hz[domain.name]
        for index, domain in enumerate(clocks.domains)
        if index in used  # what no point uses is not commanded
    ]
    if not any(waited_for):
        return None
    return Clocks(clocks.domains, tuple((each.frequency_hz,) for each in clocks.domains))


def _for_now(forecast: Forecast, goal: OperatingPoint, *, now: Clocks) -> OperatingPoint:
    """Return what meets the targets at the clocks now: `goal`, else what runs, else the best.

    What misses the deadline is no help: then it is `goal` already.
    """
    early, running = _at(forecast, goal.key, now=now), _running(forecast, now=now)
    if early is None:
        return goal
    kept = running is not None and running.key != goal.key and forecast.rank(running).met
    # What runs instead gives way before its time only for something that will not flap.
    headroom = forecast.policy.switch_margin if kept else 0.0
    if forecast.rank(early, headroom=headroom).met:
        return early
    if running is not None and kept:
        return running
    best = _best(forecast, now=now)
    helps = best is not None and forecast.rank(best).violation < DEADLINE_GIVEN_UP
    return best if best is not None and helps else early


def _at(forecast: Forecast, key: PointKey, *, now: Clocks) -> OperatingPoint | None:
    """Return the point of `key` at the clocks now; None where its latency would be a guess."""
    domain = now.domain_of(key[2])
    clock_hz = math.nan if domain is None else now.options_hz[domain][0]
    point = forecast.application.profile.at(key, clock_hz)
    if point is None or point.frequency_hz > clock_hz * (1 + SAME_CLOCK):
        return None
    return point


def _running(forecast: Forecast, *, now: Clocks) -> OperatingPoint | None:
    """Return what the application was last told to run, at the clocks now."""
    application = forecast.application
    key = application.meanwhile
    if key is None and application.current is not None:
        key = application.current.key
    if key is None or key in application.refused:
        return None
    return _at(forecast, key, now=now)


def _best(forecast: Forecast, *, now: Clocks) -> OperatingPoint | None:
    """Return the best that can run at once at the clocks now."""
    ready = forecast.without(forecast.application.unready)
    found = []
    for _, groups, known in now.reached(forecast.application.profile.table):
        point, rank = ready.best_of_group(int(groups[0]))
        if known is not None and not known[0]:  # its latency would be a guess
            rank = rank._replace(violation=max(rank.violation, REFUSED))
        found.append((rank, point))
    _, best = min(found, key=lambda each: each[0])
    return None if best.key in ready.application.refused else _at(forecast, best.key, now=now)
