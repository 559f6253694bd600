# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The envelope of a decision: which points the frames of one application may run."""

from __future__ import annotations

import math

import numpy as np

from dynofa_ros.runtime.decision.problem import DecisionProblem, Plan
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.ranges import ENVELOPE_MAX


def envelope(problem: DecisionProblem, plan: Plan, index: int) -> Envelope:
    """Return the decided point, and others on its processor that may run as well.

    They are compiled and not refused. At the decided frequency and at the one that is in force now,
    they draw no more than the power cap leaves to the application.
    """
    forecast, row, policy = problem.forecasts[index], plan.rows[index], problem.policy
    table, application = forecast.table, forecast.application
    decided = forecast.point(row)
    groups = table.processors[decided.processor]
    possible = {int(table.group_of[row])}
    domain = problem.clocks.domain_of(decided.processor)
    if domain is not None and len(groups.clocks_hz):
        present_hz = np.array([problem.clocks.domains[domain].frequency_hz])
        possible |= {int(each) for each in groups.groups_at(present_hz)}
    rows = np.concatenate(
        [np.arange(table.group_sizes[each]) + table.group_starts[each] for each in sorted(possible)]
    )
    excluded = application.unready | application.refused
    # An accuracy that does not hold must not decide what a frame runs.
    doubted = {name for name, each in application.escalations.items() if each.doubt}
    excluded |= {key for key in table.keys if key[0] in doubted}
    if math.isfinite(policy.power_cap_w):
        share_w = problem.capacity_w - problem.power_w(plan.rows)
        over = forecast.power_w(rows) > share_w + forecast.power_w(slice(row, row + 1))
        excluded |= {table.keys[each] for each in table.key_of[rows[over]]}
    keys = [table.keys[each] for each in dict.fromkeys(table.key_of[rows].tolist())]
    others = [key for key in keys if key != decided.key and key not in excluded]
    target = application.target
    return Envelope(
        points=(decided.key, *others[: ENVELOPE_MAX - 1]),
        deadline_s=target.deadline_s,
        probability=policy.deadline_probability,
        min_accuracy=target.min_accuracy,
        objective=policy.objective,
        energy_weight=policy.energy_weight,
    )
