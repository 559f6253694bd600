"""Run a scenario on a platform under a policy: the discrete-event simulation.

Whatever the policy, the images and the luck of each frame are the same for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.simulation.application import SimulatedApplication
from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import Machine, Trace
from dynofa_ros.simulation.modelled_profile import modelled_points
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.policies import MakePolicy, make_policy
from dynofa_ros.simulation.policy import Policy, Setup, System
from dynofa_ros.simulation.result import Result, sum_up
from dynofa_ros.simulation.scenario import Scenario
from dynofa_ros.simulation.scenario_file import load_scenario

ENGINE = 'modelled'
Note = Callable[[dict[str, object]], None]


def simulate(
    platform: Platform | str,
    scenario: Scenario | str,
    policy: str | MakePolicy,
    seed: int = 0,
    *,
    trace: Note | None = None,
) -> Result:
    """Simulate `scenario` on `platform` under `policy`; the same arguments give the same result.

    Platform and scenario by value, by the name of a shipped file, or by a file's path; the policy
    by a name of `policies.NAMES`, or as what makes one. `trace` is given every event, in order.

    Raises PlatformError (a ValueError), which names the file, the field, its value and what is
    allowed.
    """
    platform = load_platform(platform) if isinstance(platform, str) else platform
    scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
    scenario = scenario.on(platform)
    setup = Setup(platform, scenario, profiles(scenario, platform))
    made = make_policy(policy, setup) if isinstance(policy, str) else policy(setup)
    queue = EventQueue()
    note = _stamped(trace, queue) if trace else None
    machine = Machine(
        platform,
        queue,
        governors=made.governors,
        battery_initial=scenario.battery_initial,
        trace=note,
    )
    applications = _plan(setup, made, System(queue, machine, trace=note), seed=seed)
    queue.run_until(scenario.duration_s)
    machine.sync()
    return sum_up(
        machine,
        applications,
        scenario=scenario.name,
        policy=policy if isinstance(policy, str) else type(made).__name__,
        seed=seed,
        duration_s=scenario.duration_s,
    )


def profiles(scenario: Scenario, platform: Platform) -> dict[str, Profile]:
    """Return what each application can run, modelled; applications that agree share the points."""
    made: dict[tuple[Networks, tuple[str, ...]], tuple[OperatingPoint, ...]] = {}
    for plan in scenario.applications:
        if (plan.networks, plan.processors) not in made:
            made[plan.networks, plan.processors] = modelled_points(
                plan.networks.networks,
                platform,
                engine=ENGINE,
                processors=plan.processors,
                jitter=scenario.latency_jitter,
            )
    return {
        plan.name: Profile(
            app=plan.name,
            supernet=plan.networks.supernet,
            platform=platform.name,
            latency_source='modelled',
            energy_source='modelled',
            points=made[plan.networks, plan.processors],
        )
        for plan in scenario.applications
    }


def _plan(
    setup: Setup, policy: Policy, system: System, *, seed: int
) -> dict[str, SimulatedApplication]:
    """Plan everything that the scenario says will happen; return the applications by name."""
    policy.start(system)
    scenario, applications = setup.scenario, {}
    for plan in scenario.applications:
        applications[plan.name] = application = SimulatedApplication(
            plan,
            setup.profiles[plan.name],
            images(plan, latency_jitter=scenario.latency_jitter, seed=seed),
            queue=system.queue,
            machine=system.machine,
            finished=policy.finished,
            trace=system.trace,
        )
        _plan_application(application, policy, system)
    for each in scenario.co_runners:
        change = partial(system.machine.set_co_runner, each.processor, each.utilisation)
        system.queue.at(each.at_s, change)
    return applications


def _plan_application(
    application: SimulatedApplication, policy: Policy, system: System
) -> None:
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
