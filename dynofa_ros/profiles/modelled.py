# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Operating points of a simulated platform, with modelled latency and energy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.profiles.network import SubnetCost
from dynofa_ros.runtime import OperatingPoint


def modelled_points(
    networks: Iterable[SubnetCost],
    platform: Platform,
    *,
    engine: str,
    processors: Collection[str] = (),
    jitter: float = 0.0,
) -> tuple[OperatingPoint, ...]:
    """Return every network at every frequency and number of cores of its allowed processors.

    `processors`: of the platform; empty: all. `jitter`: standard deviation of a frame's latency, as
    a fraction of it. Raises PlatformError for an unknown processor, and where no network may run on
    the processors.
    """
    networks = tuple(networks)
    points = tuple(
        point
        for name in processors or platform.processors
        for point in _on_processor(networks, platform, name, engine=engine, jitter=jitter)
    )
    if not points:
        raise PlatformError(
            field='processors',
            value=list(processors or platform.processors),
            expected='a processor that some network may run on',
        )
    return points


def _on_processor(
    networks: tuple[SubnetCost, ...], platform: Platform, name: str, *, engine: str, jitter: float
) -> Iterator[OperatingPoint]:
    unit = platform.processor(name)
    networks = tuple(each for each in networks if not each.processors or name in each.processors)
    for threads in range(1, unit.cores + 1):
        for frequency_hz in platform.domains[unit.domain].frequencies_hz:
            for network in networks:
                latency_s = network.latency_s(
                    platform, processor=name, frequency_hz=frequency_hz, threads=threads
                )
                yield OperatingPoint(
                    subnet_id=network.subnet_id,
                    engine=engine,
                    processor=name,
                    threads=threads,
                    frequency_hz=frequency_hz,
                    latency_s=latency_s,
                    latency_std_s=latency_s * jitter,
                    energy_j=platform.energy_j(
                        processor=name,
                        frequency_hz=frequency_hz,
                        latency_s=latency_s,
                        threads=threads,
                    ),
                    accuracy=network.accuracy,
                    flops=network.flops,
                    parameters=network.parameters,
                    precision=network.precision,
                )
