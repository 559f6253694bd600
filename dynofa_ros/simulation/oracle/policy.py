"""The oracle: knows the future, plans all of it, and then only carries out its plan.

docs/simulation.md says what it may do, and where its figures are a bound. ALERT (USENIX ATC 2020,
section 5) compares itself with such an oracle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from dynofa_ros.platform import PlatformError
from dynofa_ros.runtime import ManagerSettings, Objective
from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.oracle.foresight import Disturbance, FrameId, foresee
from dynofa_ros.simulation.oracle.plan import OraclePlan, OraclePlanner
from dynofa_ros.simulation.policies.policy import Policy, Setup, System
from dynofa_ros.simulation.run import run

# Where applications disturb each other, plan and trial take turns this often at most.
TRIALS = 8
LEAST_STRETCH = 1e-6  # less is rounding


class PlannedPolicy(Policy):
    """Does what a plan says, and keeps the frames."""

    def __init__(self, plan: OraclePlan) -> None:
        self._plan = plan
        self.frames: list[SimulatedFrame] = []

    def start(self, system: System) -> None:
        """Plan the requests for clocks."""
        super().start(system)
        for domain, requests in self._plan.requests.items():
            for at_s, hz in requests:
                system.queue.at(at_s, partial(system.machine.set_clock, domain, hz))

    def joined(self, application: SimulatedApplication) -> None:
        """Choose for its first image, and plan what to run for all others."""
        keys = self._plan.keys[application.plan.name]
        first = keys[0][1] if keys else next(iter(application.ways))
        application.switch(first)
        for at_s, key in keys[1:]:
            self.system.queue.at(at_s, partial(application.switch, key))

    def finished(self, frame: SimulatedFrame) -> None:
        """Keep the frame."""
        self.frames.append(frame)


def oracle(setup: Setup, *, luck: bool = True) -> Policy:
    """Return the oracle for a scenario and its seed; without `luck`, one that knows all but that.

    One application: one plan. Several: how much they stretch each other's frames depends on the
    plan itself, so plans are tried out, each reckoning with the stretch that was seen so far; the
    best of them is taken.
    """
    planner = OraclePlanner(setup, objective=objective_of(setup))
    stretch: dict[FrameId, float] = {}
    plan = planner.plan(foresee(setup, stretch=stretch, luck=luck))
    if len(setup.scenario.applications) == 1:
        return PlannedPolicy(plan)
    # A trial is to see every frame, whatever sensors fail later.
    sighted = dataclasses.replace(setup, scenario=dataclasses.replace(setup.scenario, outages=()))
    best: tuple[tuple[float, ...], OraclePlan] | None = None
    for _ in range(TRIALS):
        tried = PlannedPolicy(plan)
        result = run(sighted, tried, name='')
        key = _key(setup, tried.frames, dropped=[e.dropped for e in result.applications.values()])
        if best is None or key < best[0]:
            best = (key, plan)
        if not _learn(setup, plan, tried.frames, stretch):
            break
        plan = planner.plan(foresee(setup, stretch=stretch, luck=luck))
    assert best is not None
    return PlannedPolicy(best[1])


def objective_of(setup: Setup) -> Objective:
    """Return the scenario's objective; `auto` is settled by the battery at the start.

    Raises PlatformError for `weighted`, which neither the oracle nor ALERT's style knows.
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


def _key(
    setup: Setup, frames: Sequence[SimulatedFrame], *, dropped: Sequence[int]
) -> tuple[float, ...]:
    """Return what tells the better of two trials: misses, floors, objective."""
    plans = {plan.name: plan for plan in setup.scenario.applications}
    late: dict[int, int] = {}
    short = accuracy = energy_j = 0.0
    for frame in frames:
        target = plans[frame.app].target_at(frame.arrived_s)
        late[-target.priority] = late.get(-target.priority, 0) + (not frame.met)
        short += max(0.0, target.min_accuracy - frame.way.accuracy)
        accuracy += frame.way.accuracy
        energy_j += frame.energy_j
    last = (-accuracy, energy_j)
    if objective_of(setup) is Objective.MIN_ENERGY:
        last = (energy_j, -accuracy)
    return (sum(dropped), *(late[each] for each in sorted(late)), short, *last)


def _learn(
    setup: Setup, plan: OraclePlan, frames: Sequence[SimulatedFrame], stretch: dict[FrameId, float]
) -> bool:
    """Keep by how much others stretched frames, where it is more than reckoned with.

    Returns whether anything was learned.
    """
    disturbance, learned = Disturbance(setup), False
    for frame in frames:
        identity = (frame.app, frame.arrived_s)
        done_s = frame.arrived_s + frame.latency_s
        fitted_s = disturbance.work_s(frame.way.processor, done_s - frame.inference_s, done_s)
        seen = fitted_s / plan.work_s[identity]
        if seen > stretch.get(identity, 1.0) * (1.0 + LEAST_STRETCH):
            stretch[identity], learned = seen, True
    return learned
