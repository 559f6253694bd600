# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Under stationary jitter the manager rarely changes its decision: docs/decision.md has the rates.

The hard case are deadlines that some point meets exactly at the requested probability, so that
every fluctuation of an estimate matters. The hardest of them is the edge of feasibility.
"""

import dataclasses
from statistics import NormalDist

import pytest

from dynofa_ros.platform import load_platform
from dynofa_ros.runtime import ManagerSettings, Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.scenario import TargetChange, load_scenario
from dynofa_ros.simulation.simulator import profiles

SETTLING_S, COUNTED_S = 10.0, 60.0
FLOOR = 0.74  # which the fastest sub-networks do not meet
# Changed decisions per minute, by jitter. Each makes up to three switches of sub-networks and
# changes of frequency, as another sub-network runs until a new frequency is in force.
STATED = {0.01: 1, 0.03: 1, 0.10: 5}
CHANGES_EACH = 3


def camera(jitter, *, deadline_s=0.06, floor=0.0, objective='max_accuracy'):
    """Return the shipped steady scenario with other targets."""
    steady = load_scenario('steady')
    target = Target(deadline_s=deadline_s, min_accuracy=floor)
    plan = dataclasses.replace(steady.applications[0], targets=(TargetChange(0.0, target),))
    return dataclasses.replace(
        steady,
        applications=(plan,),
        latency_jitter=jitter,
        objective=objective,
        duration_s=SETTLING_S + COUNTED_S,
    )


def edges_s(platform, jitter):
    """Return deadlines that a point meets exactly; hardly any point meets the first one."""
    z = NormalDist().inv_cdf(ManagerSettings.deadline_probability)
    points = profiles(camera(jitter).on(platform), platform)['camera'].points
    edges = sorted(
        each.latency_s + z * each.latency_std_s for each in points if each.accuracy >= FLOOR
    )
    return edges[0], edges[len(edges) // 5], edges[len(edges) // 2]


def changes(platform, scenario):
    """Return the switches and frequency changes after the estimates have settled."""
    events = []
    simulate(platform, scenario, 'ours', 0, trace=events.append)
    return [e for e in events if e['event'] in ('switch', 'clock') and e['at_s'] > SETTLING_S]


@pytest.mark.parametrize('objective', ['max_accuracy', 'min_energy'])
@pytest.mark.parametrize('jitter', STATED)
@pytest.mark.parametrize('name', ['jetson_xavier_nx', 'jetson_agx_xavier'])
def test_decisions_change_no_more_often_than_stated(name, jitter, objective):
    platform = load_platform(name)
    for deadline_s in edges_s(platform, jitter):
        scenario = camera(jitter, deadline_s=deadline_s, floor=FLOOR, objective=objective)
        found = changes(platform, scenario)
        assert len(found) <= STATED[jitter] * CHANGES_EACH, (deadline_s, found)


def test_a_changed_deadline_is_counted():
    """Control: the count is not zero in a minute in which the targets change."""
    scenario = camera(0.03)
    plan = scenario.applications[0]
    targets = (*plan.targets, TargetChange(30.0, Target(deadline_s=0.045)))
    tightened = dataclasses.replace(
        scenario, applications=(dataclasses.replace(plan, targets=targets),)
    )
    assert changes(load_platform('jetson_xavier_nx'), tightened)
