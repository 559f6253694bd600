# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Simulations on a board with round numbers, whose figures can be computed by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from dynofa_ros.platform import Platform
from dynofa_ros.platform.thermal import ThermalZone
from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.runtime import Target
from dynofa_ros.simulation import ApplicationResult, Result, simulate
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.policies.registry import MakePolicy
from dynofa_ros.simulation.scenario import ApplicationPlan, Scenario, TargetChange
from dynofa_ros.simulation.simulator import prepare

# A frame of `large` takes 25 ms at 400 MHz, of `medium` 15 ms, of `small` 10 ms.
LARGE = SubnetCost('large', accuracy=0.80, flops=10_000_000, layers=1)
MEDIUM = SubnetCost('medium', accuracy=0.75, flops=6_000_000, layers=1)
SMALL = SubnetCost('small', accuracy=0.70, flops=4_000_000, layers=1)
NETWORKS = Networks('round', (LARGE, MEDIUM, SMALL))


class Simulation:
    """Simulates applications on a board and keeps the events of the last run."""

    def __init__(self, board: Platform) -> None:
        self.board = board
        self.events: list[dict[str, Any]] = []

    @staticmethod
    def app(
        name: str = 'camera',
        *targets: tuple[float, ...],
        deadline_s: float = 0.1,
        min_accuracy: float = 0.0,
        **changes: Any,
    ) -> ApplicationPlan:
        """Return an application on the GPU with ten images per second.

        `targets` are (time, deadline) or (time, deadline, minimum accuracy).
        """
        changed = tuple(
            TargetChange(at_s, Target(*values))
            for at_s, *values in targets or [(0.0, deadline_s, min_accuracy)]
        )
        values = {'networks': NETWORKS, 'period_s': 0.1, 'processors': ('gpu',)} | changes
        return ApplicationPlan(name, targets=changed, **values)

    @classmethod
    def scenario(cls, *applications: ApplicationPlan, **changes: Any) -> Scenario:
        """Return a scenario of one second without jitter; by default with one application."""
        values = {'name': 'test', 'description': '', 'duration_s': 1.0, 'latency_jitter': 0.0}
        return Scenario(applications=applications or (cls.app(),), **values | changes)

    def setup(self, *applications: ApplicationPlan, seed: int = 0, **changes: Any) -> Setup:
        """Return the inputs of a simulation."""
        scenario = self.scenario(*applications, **changes).on(self.board)
        return prepare(scenario, self.board, seed=seed)

    def __call__(
        self,
        policy: str | MakePolicy,
        *applications: ApplicationPlan,
        seed: int = 0,
        **changes: Any,
    ) -> Result:
        """Simulate applications under a policy."""
        self.events = []
        scenario = self.scenario(*applications, **changes)
        return simulate(self.board, scenario, policy, seed, trace=self.events.append)

    def camera(
        self, policy: str | MakePolicy, *applications: ApplicationPlan, **changes: Any
    ) -> ApplicationResult:
        """Simulate applications; return the figures of `camera`."""
        return self(policy, *applications, **changes).applications['camera']

    def of(self, kind: str, *fields: str, **values: object) -> list[Any]:
        """Return the events of a kind and with these values, or fields of them."""
        found = [
            each
            for each in self.events
            if each['event'] == kind and all(each[k] == v for k, v in values.items())
        ]
        if len(fields) == 1:
            return [each[fields[0]] for each in found]
        return [tuple(each[name] for name in fields) for each in found] if fields else found


@pytest.fixture
def sim(board: Platform) -> Simulation:
    return Simulation(board)


@pytest.fixture
def hot_board(board: Platform) -> Platform:
    """The same board with a GPU that throttles to 100 MHz above 4 W in the long run."""
    zone = ThermalZone(
        name='GPU-therm',
        domain='gpu',
        ambient_c=20.0,
        resistance_k_per_w=10.0,
        time_constant_s=1.0,
        throttle_c=60.0,
        hysteresis_k=5.0,
        throttled_frequency_hz=1e8,
    )
    return dataclasses.replace(board, thermal_zones={'GPU-therm': zone})


@pytest.fixture
def hot_sim(hot_board: Platform) -> Simulation:
    return Simulation(hot_board)
