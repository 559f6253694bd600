"""Sub-networks that are not compiled yet: while what runs violates a target, there is no time.

A switch to a resident sub-network takes effect at the next frame; any other is compiled first, for
0.1 s from a cache to minutes, while the one that violates the target goes on.
"""

from __future__ import annotations

from dynofa_ros.runtime.ranking import FLOOR_GIVEN_UP, Forecast


def without_waiting(forecast: Forecast) -> Forecast:
    """Refuse what is not ready, if what runs violates a target and something ready meets all.

    Once that runs, what is better and not ready may be chosen: then it is compiled in peace.
    """
    unready = forecast.application.unready
    if not unready or _all_is_well(forecast):
        return forecast
    ready = forecast.without(unready)
    return ready if (ready.violations() < FLOOR_GIVEN_UP).any() else forecast


def _all_is_well(forecast: Forecast) -> bool:
    """Whether what runs meets all targets; not if nothing was ever chosen."""
    current = forecast.application.current
    return current is not None and forecast.rank(current).met
