# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Baseline: the paper's demo. One level up or down on the mean of 20 frames, without DVFS.

*Dynamic DNNs Meet Runtime Resource Management* (arXiv 2206.02525): when a second application
joins, the target is met again after two steps of one level each, with gaps of 0.6 s.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dynofa_ros.runtime import OperatingPoint
from dynofa_ros.runtime.operating_points.pareto import pareto_front
from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.policies import static
from dynofa_ros.simulation.policies.policy import Policy, Setup

# Frames per mean, and how long a switch blocks all frames: both from the demo's trace. The demo
# excludes slow frames from its mean; here that is the frame that waited for a switch.
WINDOW = 20
SWAP_S = 0.6


class SteppingPolicy(Policy):
    """Steps down when the mean misses the deadline, and up when the next level would meet it."""

    def __init__(self, setup: Setup, *, governors: Mapping[str, Governor]) -> None:
        self.governors = governors
        self._levels: dict[str, list[OperatingPoint]] = {}
        self._level: dict[str, int] = {}
        self._resumed_s: dict[str, float] = {}  # end of the last switch
        self._latencies_s: dict[str, list[float]] = {}
        for plan in setup.scenario.applications:
            subnet_id, _, processor, _ = static.alone(setup, plan)
            points = static.fastest_options(setup, plan)
            levels = _levels([each for each in points if each.processor == processor])
            self._levels[plan.name] = levels
            self._level[plan.name] = [each.subnet_id for each in levels].index(subnet_id)
            self._latencies_s[plan.name] = []

    def joined(self, application: SimulatedApplication) -> None:
        """Select the level that meets the first deadline without contention."""
        name = application.plan.name
        application.switch(self._levels[name][self._level[name]].key)

    def finished(self, frame: SimulatedFrame) -> None:
        """After every 20 frames, compare their mean latency with the deadline."""
        if frame.arrived_s < self._resumed_s.get(frame.app, 0.0):
            return
        latencies_s = self._latencies_s[frame.app]
        latencies_s.append(frame.latency_s)
        if len(latencies_s) < WINDOW:
            return
        mean_s = sum(latencies_s) / len(latencies_s)
        latencies_s.clear()
        levels, level = self._levels[frame.app], self._level[frame.app]
        if mean_s > frame.deadline_s:
            self._step(frame.app, max(level - 1, 0))
        elif level + 1 < len(levels):
            growth = levels[level + 1].latency_s / levels[level].latency_s
            if mean_s * growth <= frame.deadline_s:
                self._step(frame.app, level + 1)

    def _step(self, app: str, level: int) -> None:
        if level != self._level[app]:
            self._level[app] = level
            self._resumed_s[app] = self.system.queue.now_s + SWAP_S
            self.system.applications[app].switch(self._levels[app][level].key, swap_s=SWAP_S)


def _levels(points: list[OperatingPoint]) -> list[OperatingPoint]:
    """Return the Pareto-optimal sub-networks, fastest first and rising in accuracy."""
    costs = np.array([(point.latency_s, -point.accuracy) for point in points])
    return [points[row] for row in pareto_front(costs)]
