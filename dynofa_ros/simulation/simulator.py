# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Discrete-event simulation of a scenario on a platform under a policy.

With the same seed, every policy gets the same images, the same latency jitter of each frame, and
the same wrong profiles.
"""

from __future__ import annotations

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.simulation.latency_distribution import LatencyDistribution
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.policies.registry import MakePolicy, make_policy
from dynofa_ros.simulation.profile_error import wrong_profiles
from dynofa_ros.simulation.result import Result
from dynofa_ros.simulation.run import TraceSink, run
from dynofa_ros.simulation.scenario import Scenario, load_scenario

ENGINE = 'modelled'


def simulate(
    platform: Platform | str,
    scenario: Scenario | str,
    policy: str | MakePolicy,
    seed: int = 0,
    *,
    profile_error: float | None = None,
    latency_distribution: LatencyDistribution | str | None = None,
    trace: TraceSink | None = None,
) -> Result:
    """Simulate `scenario` on `platform` under `policy`; the same arguments give the same result.

    `platform` and `scenario` are objects, names of shipped files, or paths; `policy` is a name
    listed in `policies.registry.NAMES` or a factory. `profile_error` and `latency_distribution`
    (the name of a kind stands for its defaults) replace those of the scenario. `trace` receives
    every event, in order.

    Raises PlatformError (a ValueError) that names the file, the field, its value and what is
    expected.
    """
    platform = load_platform(platform) if isinstance(platform, str) else platform
    scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
    scenario = scenario.on(platform).but(
        profile_error=profile_error, latency_distribution=latency_distribution
    )
    platform = scenario.battery_of(scenario.air_of(platform))
    setup = prepare(scenario, platform, seed=seed)
    made = make_policy(policy, setup) if isinstance(policy, str) else policy(setup)
    name = policy if isinstance(policy, str) else type(made).__name__
    return run(setup, made, name=name, trace=trace)


def prepare(scenario: Scenario, platform: Platform, *, seed: int) -> Setup:
    """Return the inputs of a simulation: what frames take, and the profiles that policies get."""
    truth = profiles(scenario, platform)
    return Setup(platform, scenario, wrong_profiles(truth, scenario, seed=seed), truth, seed)


def profiles(scenario: Scenario, platform: Platform) -> dict[str, Profile]:
    """Return the modelled profile of each application; equal applications share their points."""
    shared: dict[tuple[Networks, tuple[str, ...]], tuple[OperatingPoint, ...]] = {}
    for plan in scenario.applications:
        if (plan.networks, plan.processors) not in shared:
            shared[plan.networks, plan.processors] = modelled_points(
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
            points=shared[plan.networks, plan.processors],
            cascades=plan.networks.cascades if plan.networks.scores is not None else (),
        )
        for plan in scenario.applications
    }
