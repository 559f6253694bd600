"""The static network that runtime.py compares with: the most accurate that meets the deadline."""

from __future__ import annotations

from runtime_runs import Case, Run, make_run, platform_of, scenario_of

from dynofa_ros.runtime import ManagerSettings
from dynofa_ros.simulation.policies.registry import STATIC
from dynofa_ros.simulation.simulator import profiles

MOST_MISSED = round(1.0 - ManagerSettings.deadline_probability, 9)
"""A network that misses no more meets the deadline: it is what the resource manager promises."""


def meeting(platform: str, scenario: str, governor: str, *, seed: int) -> str:
    """Return the policy of the most accurate static network that meets the deadline at a governor.

    Found by trying: every sub-network in a run of one seed. If none meets it, the one that misses
    least. Of several applications each has its own, chosen by `static-best`.
    """
    found = profiles(scenario_of(scenario), platform_of(platform))
    if len(found) > 1:
        return f'static-best:{governor}'
    (profile,) = found.values()
    names = dict.fromkeys(each.subnet_id for each in profile.points)
    tried = [
        make_run(Case(platform, scenario, '', f'{STATIC}{name}:{governor}', seed)) for name in names
    ]
    return most_accurate(tried).case.policy


def most_accurate(tried: list[Run]) -> Run:
    """Return the most accurate run that misses few enough, of equals the one of less energy."""
    good = [each for each in tried if meets(each)]
    if not good:
        return min(tried, key=lambda each: each.missed)
    return max(good, key=lambda each: (sum(each.accuracy.values()), -each.energy_per_frame_j))


def meets(run: Run) -> bool:
    """Whether a run misses few enough images to be called one that meets the deadline."""
    return run.missed <= MOST_MISSED
