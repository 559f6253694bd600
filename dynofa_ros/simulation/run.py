# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulation run: schedule the events of a scenario and apply a policy to a machine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.linux import remarks
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.policies.policy import Policy, Setup, System
from dynofa_ros.simulation.result import ApplicationResult, Result
from dynofa_ros.simulation.scenario import FRAME_REPORT
from dynofa_ros.simulation.turns import turns_of

TraceSink = Callable[[dict[str, object]], None]
"""Receives each event as one dictionary with its time (`at_s`) and kind (`event`)."""


def run(setup: Setup, policy: Policy, *, name: str, trace: TraceSink | None = None) -> Result:
    """Simulate `setup` under a policy; `name` is the policy's name in the result."""
    scenario, queue = setup.scenario, EventQueue()
    timestamped = _timestamped(trace, queue) if trace else None
    machine = SimulatedMachine(
        setup.platform,
        queue,
        governors=policy.governors,
        battery_initial=scenario.battery_initial,
        trace=timestamped,
    )
    applications = _schedule(setup, policy, System(queue, machine, trace=timestamped))
    queue.run_until(scenario.duration_s)
    machine.sync()
    return Result(
        platform=setup.platform.name,
        scenario=scenario.name,
        policy=name,
        seed=setup.seed,
        duration_s=scenario.duration_s,
        applications={each: ApplicationResult.of(app) for each, app in applications.items()},
        energy_j=machine.energy_j,
        co_runner_energy_j=machine.co_runner_energy_j,
        clock_changes=dict(machine.clock_changes),
        hottest_c=dict(machine.hottest_c),
        throttled_s=dict(machine.throttled_s),
        battery=machine.battery,
        profile_error=scenario.profile_error,
        latency_distribution=scenario.latency_distribution.kind,
        governors={domain: each.name for domain, each in policy.governors.items()},
        remarks=tuple(remarks(policy.governors, setup.platform)),
    )


def _schedule(setup: Setup, policy: Policy, system: System) -> dict[str, SimulatedApplication]:
    """Schedule all events of the scenario; return the applications by name."""
    policy.start(system)
    scenario, applications = setup.scenario, {}
    turns = turns_of(setup.platform) if policy.takes_turns else {}
    for plan in scenario.applications:
        applications[plan.name] = application = SimulatedApplication(
            plan,
            setup.profiles[plan.name],
            images(
                plan,
                latency_jitter=scenario.latency_jitter,
                distribution=scenario.latency_distribution,
                seed=setup.seed,
            ),
            truth=setup.truth[plan.name],
            queue=system.queue,
            machine=system.machine,
            finished=partial(_report, setup, policy, system),
            rules=policy,
            turns=turns,
            trace=system.trace,
        )
        _schedule_application(application, policy, system)
    for each in scenario.co_runners:
        change = partial(system.machine.set_co_runner, each.processor, each.utilisation)
        system.queue.at(each.at_s, change)
    return applications


def _report(setup: Setup, policy: Policy, system: System, frame: SimulatedFrame) -> None:
    """Tell the policy of a frame, unless an outage loses the report."""
    if not setup.scenario.lost(FRAME_REPORT, time_s=system.queue.now_s):
        policy.finished(frame)


def _schedule_application(
    application: SimulatedApplication, policy: Policy, system: System
) -> None:
    """Schedule when an application joins, changes its targets and leaves."""
    plan, present, trace = application.plan, system.applications, system.trace

    def join() -> None:
        present[plan.name] = application
        if trace:
            trace('join', app=plan.name, **asdict(application.target))
        policy.joined(application)
        application.start()

    def change_target() -> None:
        if trace:
            trace('target', app=plan.name, **asdict(application.target))
        policy.target_changed(application)

    def leave() -> None:
        application.leave()
        del present[plan.name]
        if trace:
            trace('leave', app=plan.name)
        policy.left(application)

    system.queue.at(plan.join_s, join)
    for change in plan.targets:
        if plan.join_s < change.at_s < plan.leave_s:
            system.queue.at(change.at_s, change_target)
    if math.isfinite(plan.leave_s):
        system.queue.at(plan.leave_s, leave)


def _timestamped(trace: TraceSink, queue: EventQueue) -> Trace:
    """Return a trace that adds time and kind to each event."""

    def add(kind: str, **fields: object) -> None:
        trace({'at_s': queue.now_s, 'event': kind, **fields})

    return add
