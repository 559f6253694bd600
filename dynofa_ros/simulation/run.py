"""One simulation: the events of a scenario, a machine, and what a policy makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.policies.policy import Policy, Setup, System
from dynofa_ros.simulation.result import Result, sum_up
from dynofa_ros.simulation.scenario import FRAME_REPORT

Note = Callable[[dict[str, object]], None]


def run(setup: Setup, policy: Policy, *, name: str, trace: Note | None = None) -> Result:
    """Let everything happen that `setup` says, under a policy, which the result calls `name`."""
    scenario, queue = setup.scenario, EventQueue()
    note = _stamped(trace, queue) if trace else None
    machine = SimulatedMachine(
        setup.platform,
        queue,
        governors=policy.governors,
        battery_initial=scenario.battery_initial,
        trace=note,
    )
    applications = _plan(setup, policy, System(queue, machine, trace=note))
    queue.run_until(scenario.duration_s)
    machine.sync()
    return sum_up(
        machine,
        applications,
        scenario=scenario.name,
        policy=name,
        seed=setup.seed,
        duration_s=scenario.duration_s,
    )


def _plan(setup: Setup, policy: Policy, system: System) -> dict[str, SimulatedApplication]:
    """Plan everything that the scenario says will happen; return the applications by name."""
    policy.start(system)
    scenario, applications = setup.scenario, {}
    for plan in scenario.applications:
        applications[plan.name] = application = SimulatedApplication(
            plan,
            setup.profiles[plan.name],
            images(plan, latency_jitter=scenario.latency_jitter, seed=setup.seed),
            queue=system.queue,
            machine=system.machine,
            finished=partial(_report, setup, policy, system),
            trace=system.trace,
        )
        _plan_application(application, policy, system)
    for each in scenario.co_runners:
        change = partial(system.machine.set_co_runner, each.processor, each.utilisation)
        system.queue.at(each.at_s, change)
    return applications


def _report(setup: Setup, policy: Policy, system: System, frame: SimulatedFrame) -> None:
    """Tell the policy of a frame, unless reports are lost."""
    if not setup.scenario.lost(FRAME_REPORT, time_s=system.queue.now_s):
        policy.finished(frame)


def _plan_application(application: SimulatedApplication, policy: Policy, system: System) -> None:
    """Plan when an application joins, wants something else, and leaves."""
    plan, present, trace = application.plan, system.applications, system.trace

    def join() -> None:
        present[plan.name] = application
        if trace:
            trace('join', app=plan.name, **_words(application))
        policy.joined(application)
        application.start()

    def retarget() -> None:
        if trace:
            trace('target', app=plan.name, **_words(application))
        policy.retargeted(application)

    def leave() -> None:
        application.leave()
        del present[plan.name]
        if trace:
            trace('leave', app=plan.name)
        policy.left(application)

    system.queue.at(plan.join_s, join)
    for change in plan.targets:
        if plan.join_s < change.at_s < plan.leave_s:
            system.queue.at(change.at_s, retarget)
    if math.isfinite(plan.leave_s):
        system.queue.at(plan.leave_s, leave)


def _words(application: SimulatedApplication) -> dict[str, object]:
    return asdict(application.target)


def _stamped(trace: Note, queue: EventQueue) -> Trace:
    """Return what gives every event its time and kind."""

    def note(kind: str, **facts: object) -> None:
        trace({'at_s': queue.now_s, 'event': kind, **facts})

    return note
