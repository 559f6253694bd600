"""Profiles: the operating points of a model on a platform, measured or modelled.

Measured points hold what this machine took. On a simulated platform latency and energy come from
the platform's description instead, at every clock it has, and the profile says ``modelled``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from dynofa_ros.engine import Measurement, Place
from dynofa_ros.platform import Platform
from dynofa_ros.platform.host import Host
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.supernet.model import Model, SubnetRecord


def measured_profile(
    app: str,
    model: Model,
    engine: str,
    measurements: Iterable[Measurement],
    *,
    energy_j: Mapping[tuple[str, Place], float] | None = None,
) -> Profile:
    """Return the profile of this machine, whose clocks are not set.

    ``energy_j`` is what one frame of a sub-network takes in a place, measured by RAPL; what it
    lacks is unknown. Without it all are.

    Raises:
        ModelError: for a sub-network that the model does not keep.
    """
    points = []
    for each in measurements:
        place = Place(each.processor, each.threads)
        points.append(
            _point(
                model.subnet(each.subnet_id),
                engine=engine,
                processor=each.processor,
                threads=each.threads,
                precision=each.precision,
                frequency_hz=math.nan,
                latency_s=each.latency_s,
                latency_std_s=each.latency_std_s,
                latency_p95_s=each.latency_p95_s,
                energy_j=(energy_j or {}).get((each.subnet_id, place), math.nan),
            )
        )
    known = any(not math.isnan(each.energy_j) for each in points)
    source = 'measured_rapl' if known else 'unavailable'
    return Profile(app, model.net.spec.name, host_name(), 'measured', source, tuple(points))


def modelled_profile(app: str, model: Model, engine: str, platform: Platform) -> Profile:
    """Return the profile of a simulated platform, at every clock and number of cores it has."""
    networks = [SubnetCost.of(kept) for kept in model.kept]
    points = modelled_points(networks, platform, engine=engine)
    return Profile(app, model.net.spec.name, platform.name, 'modelled', 'modelled', points)


def _point(kept: SubnetRecord, **cost: Any) -> OperatingPoint:
    return OperatingPoint(
        subnet_id=kept.subnet_id,
        accuracy=kept.accuracy,
        flops=kept.flops,
        parameters=kept.parameters,
        **cost,
    )


def host_name() -> str:
    """Return a name for this machine, by which a profile from another one is recognised."""
    here = Host.here()
    return f'{here.name} {here.architecture}'
