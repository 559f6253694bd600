# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle: it knows the future, plans all of it, and then executes the plan.

docs/simulation.md states its rules and where its figures are a bound. ALERT (USENIX ATC 2020,
section 5) compares itself with such an oracle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from dynofa_ros.platform import PlatformError
from dynofa_ros.runtime import ManagerSettings, Objective
from dynofa_ros.simulation.application import (
    ExecutionOption,
    SimulatedApplication,
    SimulatedFrame,
)
from dynofa_ros.simulation.camera import Image
from dynofa_ros.simulation.oracle.foresight import CoRunnerContention, FrameId, foresee
from dynofa_ros.simulation.oracle.plan import OraclePlan, OraclePlanner
from dynofa_ros.simulation.policies.policy import Policy, Setup, System
from dynofa_ros.simulation.run import run

# Limit of plan-and-trial rounds where applications interfere with each other.
MAX_TRIALS = 8
MIN_INCREASE = 1e-6  # relative; a smaller one is rounding


class PlannedPolicy(Policy):
    """Executes a plan and records the frames."""

    def __init__(self, plan: OraclePlan) -> None:
        self._plan = plan
        self.frames: list[SimulatedFrame] = []

    def start(self, system: System) -> None:
        """Schedule the frequency requests."""
        super().start(system)
        for domain, requests in self._plan.requests.items():
            for at_s, hz in requests:
                system.queue.at(at_s, partial(system.machine.set_frequency, domain, hz))

    def joined(self, application: SimulatedApplication) -> None:
        """Select the option of the first image, and schedule those of all others."""
        keys = self._plan.keys[application.plan.name]
        first = keys[0][1] if keys else next(iter(application.execution_options))
        application.switch(first)
        for at_s, key in keys[1:]:
            self.system.queue.at(at_s, partial(application.switch, key))

    def first_stage(
        self, application: SimulatedApplication, image: Image, option: ExecutionOption
    ) -> int:
        """Return the stage whose answer stands: an oracle knows it in advance."""
        if option.cascade is None:
            return 0
        return application.scene.answering(image.picture, option.cascade)

    def finished(self, frame: SimulatedFrame) -> None:
        """Record the frame."""
        self.frames.append(frame)


def oracle(setup: Setup, *, knows_jitter: bool = True) -> Policy:
    """Return the oracle for a scenario and its seed.

    Without `knows_jitter` it does not know the latency jitter of each frame. One application needs
    one plan. With several, the interference between them depends on the plan itself: plans are
    simulated, each assuming the interference observed so far, and the best one is taken.
    """
    planner = OraclePlanner(setup, objective=objective_of(setup))
    interference: dict[FrameId, float] = {}
    plan = planner.plan(foresee(setup, interference=interference, knows_jitter=knows_jitter))
    if len(setup.scenario.applications) == 1:
        return PlannedPolicy(plan)
    # A trial must observe every frame, so outages are left out of it.
    trial = dataclasses.replace(setup, scenario=dataclasses.replace(setup.scenario, outages=()))
    best: tuple[tuple[float, ...], OraclePlan] | None = None
    for _ in range(MAX_TRIALS):
        policy = PlannedPolicy(plan)
        result = run(trial, policy, name='')
        dropped = sum(each.dropped for each in result.applications.values())
        key = (dropped, *_rank(setup, policy.frames))
        if best is None or key < best[0]:
            best = (key, plan)
        if not _update_interference(interference, setup, plan, policy.frames):
            break
        plan = planner.plan(foresee(setup, interference=interference, knows_jitter=knows_jitter))
    assert best is not None
    return PlannedPolicy(best[1])


def objective_of(setup: Setup) -> Objective:
    """Return the scenario's objective; the battery at the start decides what `auto` means.

    Raises PlatformError for `weighted`, which oracle and ALERT do not support.
    """
    settings, scenario = ManagerSettings(), setup.scenario
    if scenario.objective == Objective.WEIGHTED.value:
        raise PlatformError(
            field='objective of the scenario',
            value=scenario.objective,
            expected='auto, max_accuracy or min_energy with the policies oracle and alert',
        )
    if scenario.objective != settings.objective:
        return Objective(scenario.objective)
    low = setup.platform.battery is not None and scenario.battery_initial < settings.battery_low
    return Objective.MIN_ENERGY if low else Objective.MAX_ACCURACY


def _rank(setup: Setup, frames: Sequence[SimulatedFrame]) -> tuple[float, ...]:
    """Return the sort key of a trial, best first: misses by priority, accuracy floor, objective."""
    plans = {plan.name: plan for plan in setup.scenario.applications}
    late: dict[int, int] = {}
    shortfall = accuracy = energy_j = 0.0
    for frame in frames:
        target = plans[frame.app].target_at(frame.arrived_s)
        late[-target.priority] = late.get(-target.priority, 0) + (not frame.met)
        shortfall += max(0.0, target.min_accuracy - frame.option.accuracy)
        accuracy += frame.option.accuracy
        energy_j += frame.energy_j
    last = (-accuracy, energy_j)
    if objective_of(setup) is Objective.MIN_ENERGY:
        last = (energy_j, -accuracy)
    return (*(late[each] for each in sorted(late)), shortfall, *last)


def _update_interference(
    interference: dict[FrameId, float],
    setup: Setup,
    plan: OraclePlan,
    frames: Sequence[SimulatedFrame],
) -> bool:
    """Record observed interference above the assumed one; return whether there was any."""
    contention, updated = CoRunnerContention(setup), False
    for frame in frames:
        identity = (frame.app, frame.arrived_s)
        done_s = frame.arrived_s + frame.latency_s
        work_s = contention.work_s(frame.option.processor, done_s - frame.inference_s, done_s)
        observed = work_s / plan.work_s[identity]
        if observed > interference.get(identity, 1.0) * (1.0 + MIN_INCREASE):
            interference[identity], updated = observed, True
    return updated
