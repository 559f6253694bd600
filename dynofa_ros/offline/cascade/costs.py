# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cost of a sub-network in the search for cascades: from a profile, or its operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.offline.cascade.front import StageCost
from dynofa_ros.profiles.stored import StoredProfile
from dynofa_ros.runtime import OperatingPoint
from dynofa_ros.runtime.operating_points.cascade import by_place
from dynofa_ros.supernet.subnet_record import SubnetRecord


@dataclass(frozen=True)
class Costs:
    """Cost of each sub-network by its name, and what it is."""

    of: Mapping[str, StageCost]
    mean: str
    """Heading of the mean cost, with its unit."""
    worst: str


def stage_costs(kept: Sequence[SubnetRecord], profile: Path | None) -> Costs:
    """Return energy and latency at one place of a profile, or else operations for both.

    The place (engine, processor, threads, frequency) is the one that has all sub-networks and
    needs the least energy for all of them; without energies, the least time.

    Raises:
        ValueError: if the profile cannot be read, or has no place with all sub-networks.
    """
    if profile is None:
        costs = {each.subnet_id: StageCost(each.flops / 1e6, each.flops / 1e6) for each in kept}
        return Costs(costs, 'mean MFLOP', 'worst MFLOP')
    stored = StoredProfile.load(profile, 'cascade').profile
    places = by_place(stored.points)
    names = {each.subnet_id for each in kept}
    complete = {place: points for place, points in places.items() if names <= points.keys()}
    if not complete:
        known = ', '.join(sorted({point.subnet_id for point in stored.points})) or 'none'
        raise ValueError(
            f'profile {profile} has the sub-networks {known}; expected all of '
            f'{", ".join(sorted(names))} at one processor, frequency and number of threads'
        )
    energy = all(
        not math.isnan(points[name].energy_j) for points in complete.values() for name in names
    )

    def mean(point: OperatingPoint) -> float:
        return point.energy_j * 1e3 if energy else point.latency_s * 1e3

    place, points = min(
        complete.items(), key=lambda each: sum(mean(each[1][name]) for name in names)
    )
    where = f'{stored.platform}, {place[1]}'
    costs = {name: StageCost(mean(points[name]), points[name].latency_s * 1e3) for name in names}
    quantity = 'mJ' if energy else 'ms'
    return Costs(costs, f'mean {quantity} ({where})', f'worst ms ({where})')
