# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Profiles that are wrong, as measured ones are: the simulated frames take another time.

The published latencies of Dynamic-OFA disagree with each other by 9 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from dynofa_ros.runtime import Profile
from dynofa_ros.simulation.scenario import Scenario


def wrong_profiles(
    truth: Mapping[str, Profile], scenario: Scenario, *, seed: int
) -> dict[str, Profile]:
    """Return the profile of each application that policies are given.

    A sub-network's true latency is its profiled one times a factor, the same on all processors and
    at all frequencies: the one of `profile_errors`, or else log-normal with standard deviation
    `profile_error`, drawn for each application, sub-network and seed. Profiled energy is wrong by
    the same factor, because it was measured over the same time.
    """
    return {name: _wrong(each, scenario, seed=seed) for name, each in truth.items()}


def _wrong(truth: Profile, scenario: Scenario, *, seed: int) -> Profile:
    factors = {
        name: scenario.profile_errors[name]
        if name in scenario.profile_errors
        else _drawn(f'{seed} {truth.app} {name} profile', scenario.profile_error)
        for name in {point.subnet_id for point in truth.points}
    }
    if all(factor == 1.0 for factor in factors.values()):
        return truth
    points = tuple(
        replace(
            point,
            latency_s=point.latency_s / factors[point.subnet_id],
            latency_std_s=point.latency_std_s / factors[point.subnet_id],
            energy_j=point.energy_j / factors[point.subnet_id],
        )
        for point in truth.points
    )
    return replace(truth, points=points)


def _drawn(key: str, std: float) -> float:
    return Random(key).lognormvariate(0.0, std) if std > 0.0 else 1.0
