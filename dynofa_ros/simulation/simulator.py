"""Run a scenario on a platform under a policy: the discrete-event simulation.

Whatever the policy, the images and the luck of each frame are the same for the same seed.
"""

from __future__ import annotations

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.simulation.networks_file import Networks
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.policies.registry import MakePolicy, make_policy
from dynofa_ros.simulation.result import Result
from dynofa_ros.simulation.run import Note, run
from dynofa_ros.simulation.scenario import Scenario, load_scenario

ENGINE = 'modelled'


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
    platform = scenario.battery_of(scenario.air_of(platform))
    setup = Setup(platform, scenario, profiles(scenario, platform), seed)
    made = make_policy(policy, setup) if isinstance(policy, str) else policy(setup)
    name = policy if isinstance(policy, str) else type(made).__name__
    return run(setup, made, name=name, trace=trace)


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
