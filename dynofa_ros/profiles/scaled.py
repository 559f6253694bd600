# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Extrapolate a profile measured at one frequency to the other frequencies of a platform.

Measuring every sub-network at every frequency takes hours. Instead, the measured latency is scaled
by the platform's model of latency and power, which `dynofa platform calibrate` measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from dynofa_ros.platform import Platform
from dynofa_ros.profiles.network import MeasuredLatency, SubnetCost
from dynofa_ros.runtime import OperatingPoint, Profile

SCALED = 'scaled'


def scale_to_frequencies(
    profile: Profile,
    platform: Platform,
    *,
    layers: Mapping[str, int],
    measured_hz: Mapping[str, float],
) -> Profile:
    """Return the profile at every frequency of the platform's processors.

    `layers`: of each sub-network, as for `Platform.latency_s`; `measured_hz`: the frequency at
    which each processor was measured [Hz]. Latency, its spread and a measured energy are scaled
    from there by the platform's model; an unknown energy is modelled. Points of other processors,
    and of processors whose measured frequency is unknown, are unchanged.
    """
    points = tuple(
        point
        for measured in profile.points
        for point in _at_every_frequency(
            measured,
            platform,
            layers=layers[measured.subnet_id],
            measured_hz=measured_hz.get(measured.processor, math.nan),
        )
    )
    if points == profile.points:
        return profile
    energies = 'modelled' if profile.energy_source == 'unavailable' else profile.energy_source
    return replace(
        profile,
        platform=platform.name,
        latency_source=SCALED,
        energy_source=energies,
        points=points,
    )


def _at_every_frequency(
    measured: OperatingPoint, platform: Platform, *, layers: int, measured_hz: float
) -> Iterator[OperatingPoint]:
    """Yield a measured point at all frequencies, or unchanged if its own is unknown."""
    unit = platform.processors.get(measured.processor)
    if unit is None or math.isnan(measured_hz) or not math.isnan(measured.frequency_hz):
        yield measured
        return
    frequencies_hz = platform.domains[unit.domain].frequencies_hz
    # The actual highest frequency may differ slightly from the description's.
    measured_hz = min(max(measured_hz, frequencies_hz[0]), frequencies_hz[-1])
    network = SubnetCost(
        measured.subnet_id,
        measured.accuracy,
        measured.flops,
        layers,
        measured=MeasuredLatency(
            platform.name, unit.name, measured_hz, measured.threads, measured.latency_s
        ),
    )

    def modelled_j(frequency_hz: float, latency_s: float) -> float:
        return platform.energy_j(
            processor=unit.name,
            frequency_hz=frequency_hz,
            latency_s=latency_s,
            threads=measured.threads,
        )

    # A measured energy corrects the model for this network.
    correction, expected_j = 1.0, modelled_j(measured_hz, measured.latency_s)
    if not math.isnan(measured.energy_j) and expected_j > 0:
        correction = measured.energy_j / expected_j
    for frequency_hz in frequencies_hz:
        latency_s = network.latency_s(
            platform, processor=unit.name, frequency_hz=frequency_hz, threads=measured.threads
        )
        scale = latency_s / measured.latency_s
        yield replace(
            measured,
            frequency_hz=frequency_hz,
            latency_s=latency_s,
            latency_std_s=measured.latency_std_s * scale,
            latency_p95_s=measured.latency_p95_s * scale,
            energy_j=modelled_j(frequency_hz, latency_s) * correction,
        )
