"""Sub-networks that are not compiled yet: while what runs violates a target, there is no time.

A switch to a resident sub-network takes effect at the next frame; any other is compiled first, for
0.1 s from a cache to minutes, while the one that violates the target goes on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dynofa_ros.runtime.decision_state import ApplicationState, Policy
from dynofa_ros.runtime.ranking import FLOOR_GIVEN_UP, rank_one, rank_points


def without_waiting(application: ApplicationState, *, policy: Policy) -> ApplicationState:
    """Refuse what is not ready, if what runs violates a target and something ready meets all.

    Once that runs, what is better and not ready may be chosen: then it is compiled in peace.
    """
    if not application.unready or _all_is_well(application, policy):
        return application
    table = application.profile.table
    ready = np.array([each.key not in application.unready for each in table.points])
    met = rank_points(application, table, policy=policy).violation < FLOOR_GIVEN_UP
    if not (ready & met).any():
        return application
    return replace(application, refused=application.refused | application.unready)


def _all_is_well(application: ApplicationState, policy: Policy) -> bool:
    """Whether what runs meets all targets; not if nothing was ever chosen."""
    if application.current is None:
        return False
    violation = rank_one(application, application.current, policy=policy).violation
    return bool(violation[0] < FLOOR_GIVEN_UP)
