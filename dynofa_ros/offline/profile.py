"""Profiles: the operating points of a model on a platform, measured or modelled, and their file.

Measured points hold what this machine took. On a simulated platform latency and energy come from
the platform's description instead, at every clock it has, and the profile says ``modelled``.
"""

from __future__ import annotations

import json
import math
import platform as host
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynofa_ros.engine.measure import Measurement
from dynofa_ros.platform import Platform
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.supernet.model import KeptSubnet, Model

HOST_PROCESSOR = 'cpu'


def measured_profile(
    app: str, model: Model, engine: str, measurements: Iterable[Measurement]
) -> Profile:
    """Return the profile of this machine: clocks not set, energy unavailable."""
    points = []
    for each in measurements:
        kept = model.subnet(each.subnet_id)
        points.append(
            _point(
                kept,
                engine=engine,
                processor=HOST_PROCESSOR,
                threads=each.threads,
                frequency_hz=math.nan,
                latency_s=each.latency_s,
                latency_std_s=each.latency_std_s,
                energy_j=math.nan,
            )
        )
    return Profile(
        app, model.net.spec.name, host_name(), 'measured', 'unavailable', tuple(points)
    )


def modelled_profile(app: str, model: Model, engine: str, platform: Platform) -> Profile:
    """Return the profile of a simulated platform, at every clock and number of cores it has."""
    points = []
    for processor in platform.processors.values():
        for threads in range(1, processor.cores + 1):
            for frequency_hz in platform.domains[processor.domain].frequencies_hz:
                for kept in model.kept:
                    latency_s = platform.latency_s(
                        processor=processor.name,
                        frequency_hz=frequency_hz,
                        flops=kept.flops,
                        layers=kept.layers,
                        threads=threads,
                    )
                    energy_j = platform.energy_j(
                        processor=processor.name,
                        frequency_hz=frequency_hz,
                        latency_s=latency_s,
                        threads=threads,
                    )
                    points.append(
                        _point(
                            kept,
                            engine=engine,
                            processor=processor.name,
                            threads=threads,
                            frequency_hz=frequency_hz,
                            latency_s=latency_s,
                            latency_std_s=0.0,
                            energy_j=energy_j,
                        )
                    )
    return Profile(app, model.net.spec.name, platform.name, 'modelled', 'modelled', tuple(points))


def _point(kept: KeptSubnet, **cost: Any) -> OperatingPoint:
    return OperatingPoint(
        subnet_id=kept.subnet_id,
        accuracy=kept.accuracy,
        flops=kept.flops,
        parameters=kept.parameters,
        **cost,
    )


def host_name() -> str:
    """Return a name for this machine, by which a profile from another one is recognised."""
    return f'{host.node()} {host.machine()}'


def save_profile(profile: Profile, file: Path) -> None:
    """Write a profile as JSON, whole or not at all; NaN becomes null.

    Raises:
        ValueError: naming the file that cannot be written.
    """
    document = asdict(profile)
    for point in document['points']:
        for key, value in point.items():
            if isinstance(value, float) and math.isnan(value):
                point[key] = None
    partial = file.with_name(file.name + '.partial')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(document, indent=1, allow_nan=False))
        partial.replace(file)
    except OSError as error:
        raise ValueError(f'profile {file} cannot be written: {error.strerror}') from error


def load_profile(file: Path, app: str) -> Profile:
    """Read a profile for an application.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    try:
        document = json.loads(file.read_text())
        known: list[dict[str, Any]] = [
            {key: math.nan if value is None else value for key, value in entry.items()}
            for entry in document.pop('points')
        ]
        points = tuple(OperatingPoint(**entry) for entry in known)
        return Profile(**(document | {'app': app, 'points': points}))
    except OSError as error:
        raise ValueError(f'profile {file} cannot be read: {error.strerror}') from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f'profile {file} is damaged: {error!r}') from error
