# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Applications whose latencies are exactly as profiled, and decisions for them."""

import math

import pytest

from dynofa_ros.runtime import ApplicationState, DecisionState, Domain, Slowdown, Target, decide

GPU = Domain('gpu', ('gpu',), (0.5e9, 1e9))
# Applications do not disturb each other.
ALONE = {'gpu': 0.0, 'cpu': 0.0}
EXACT = {'gpu': Slowdown(mean=1.0, std=0.0), 'cpu': Slowdown(mean=1.0, std=0.0)}


def build_app(profile, deadline_s=math.nan, floor=0.0, priority=0, **changes):
    target = Target(deadline_s, floor, priority)
    return ApplicationState(**{'profile': profile, 'target': target, 'slowdowns': EXACT, **changes})


@pytest.fixture
def app():
    """Return a function that builds an application state."""
    return build_app


@pytest.fixture
def camera():
    """Return a function that builds an application of 10 Hz.

    With the profile `clocked`, at 0.5 and 1 GHz large takes 0.25 and 0.5 W, medium 0.15 and 0.3 W,
    small 0.1 and 0.2 W.
    """
    return lambda *args, **changes: build_app(*args, frame_period_s=0.1, **changes)


@pytest.fixture
def run():
    """Return a function that decides for applications on a GPU of two frequencies."""

    def run(*apps, domains=(GPU,), contention=ALONE, **changes):
        return decide(DecisionState(apps, domains, contention=contention, **changes))

    return run
