# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The envelope of a decision: which points the frames of one application may run."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from dynofa_ros.runtime.decision.problem import DecisionProblem, Plan
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.ranges import ENVELOPE_MAX


def envelope(problem: DecisionProblem, plan: Plan, app: int) -> Envelope:
    """Return the decided point, and others on its processor that may run as well.

    They are compiled and not refused. At the decided frequency and at the one that is in force now,
    they draw no more than the power cap leaves to the application.
    """
    points, row, policy = problem.points, plan.rows[app], problem.basis.policy
    application, table = problem.basis.applications[app], points.tables[app]
    decided = points.point(row)
    groups = table.processors[decided.processor]
    possible = {int(points.group_of[row])}
    domain = problem.clocks.domain_of(decided.processor)
    if domain is not None and len(groups.clocks_hz):
        present_hz = np.array([problem.clocks.domains[domain].frequency_hz])
        possible.add(int(groups.groups_at(present_hz)[0] + points.first_groups[app]))
    rows = np.concatenate([points.rows_in(each) for each in sorted(possible)])
    keys = table.key_of[rows - points.starts[app]]
    excluded = {decided.key}
    if math.isfinite(policy.power_cap_w):
        power_w = problem.forecast.power_w
        share_w = problem.capacity_w - problem.power_w(plan.rows)
        excluded |= {table.keys[each] for each in keys[power_w[rows] > share_w + power_w[row]]}
    # An accuracy that does not hold must not decide what a frame runs.
    doubted = {name for name, each in application.escalations.items() if each.doubt}
    others = (
        key for key in map(table.keys.__getitem__, dict.fromkeys(keys.tolist()))
        if key not in application.unready and key not in application.refused
        and key not in excluded and key[0] not in doubted
    )  # fmt: skip
    target = application.target
    return Envelope(
        points=(decided.key, *islice(others, ENVELOPE_MAX - 1)),
        deadline_s=target.deadline_s,
        probability=policy.deadline_probability,
        min_accuracy=target.min_accuracy,
        objective=policy.objective,
        energy_weight=policy.energy_weight,
    )
