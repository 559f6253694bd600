# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The profile of a model on this machine (measured) or on a simulated platform (modelled)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from dynofa_ros.engine import Measurement, Place
from dynofa_ros.platform import Platform
from dynofa_ros.platform.host import Host
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.supernet.model import Model


def measured_profile(
    app: str,
    model: Model,
    engine: str,
    measurements: Iterable[Measurement],
    *,
    energy_j: Mapping[tuple[str, Place], float] | None = None,
) -> Profile:
    """Return the measured profile of this machine, without frequencies.

    ``energy_j`` is the energy of one frame of a sub-network in a place, measured by RAPL; a missing
    one is unknown.

    Raises:
        ModelError: for a sub-network that the model does not keep.
    """
    points = tuple(_point(each, model, engine, energy_j or {}) for each in measurements)
    known = any(not math.isnan(each.energy_j) for each in points)
    source = 'measured_rapl' if known else 'unavailable'
    return Profile(app, model.net.spec.name, host_name(), 'measured', source, points)


def _point(
    measured: Measurement,
    model: Model,
    engine: str,
    energy_j: Mapping[tuple[str, Place], float],
) -> OperatingPoint:
    kept = model.subnet(measured.subnet_id)
    place = Place(measured.processor, measured.threads)
    return OperatingPoint(
        subnet_id=kept.subnet_id,
        engine=engine,
        processor=measured.processor,
        threads=measured.threads,
        frequency_hz=math.nan,
        latency_s=measured.latency_s,
        latency_std_s=measured.latency_std_s,
        energy_j=energy_j.get((kept.subnet_id, place), math.nan),
        accuracy=kept.accuracy,
        flops=kept.flops,
        parameters=kept.parameters,
        precision=measured.precision,
        latency_p95_s=measured.latency_p95_s,
    )


def modelled_profile(app: str, model: Model, engine: str, platform: Platform) -> Profile:
    """Return the profile of a simulated platform, at every frequency and number of cores."""
    networks = [SubnetCost.of(kept) for kept in model.kept]
    points = modelled_points(networks, platform, engine=engine)
    return Profile(app, model.net.spec.name, platform.name, 'modelled', 'modelled', points)


def host_name() -> str:
    """Return a name for this machine, by which a profile of another one is recognised."""
    here = Host.here()
    return f'{here.name} {here.architecture}'
