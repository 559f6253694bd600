"""What was measured at one clock, at the other clocks of the machine's description.

Measuring every sub-network at every clock takes hours. The description knows how latency and power
follow the clock (`dynofa platform calibrate` measures it), the profile knows how long a sub-network
takes here: together they give every operating point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from dynofa_ros.platform import Platform
from dynofa_ros.profiles.network import MeasuredLatency, SubnetCost
from dynofa_ros.runtime import OperatingPoint, Profile

SCALED = 'scaled'


def over_clocks(
    profile: Profile,
    platform: Platform,
    *,
    layers: Mapping[str, int],
    measured_hz: Mapping[str, float],
) -> Profile:
    """Return the profile at every clock of the processors that the platform describes.

    `layers`: of each sub-network, as for `Platform.latency_s`; `measured_hz`: the clock at which
    each processor was measured [Hz]. Latency, its spread and a measured energy follow the
    description's law from there; an energy that was not measured is the description's. Points of
    other processors, and of those whose clock was not known, stay as they are.
    """
    points = tuple(
        point
        for measured in profile.points
        for point in _at_every_clock(
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


def _at_every_clock(
    measured: OperatingPoint, platform: Platform, *, layers: int, measured_hz: float
) -> Iterator[OperatingPoint]:
    """Yield a measured point at all clocks, or as it is where its own is not known."""
    unit = platform.processors.get(measured.processor)
    if unit is None or math.isnan(measured_hz) or not math.isnan(measured.frequency_hz):
        yield measured
        return
    clocks_hz = platform.domains[unit.domain].frequencies_hz
    # The machine's own highest clock may differ from the description's by a little.
    measured_hz = min(max(measured_hz, clocks_hz[0]), clocks_hz[-1])
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

    # A measured energy says how far the model is off for this network.
    off, expected_j = 1.0, modelled_j(measured_hz, measured.latency_s)
    if not math.isnan(measured.energy_j) and expected_j > 0:
        off = measured.energy_j / expected_j
    for frequency_hz in clocks_hz:
        latency_s = network.latency_s(
            platform, processor=unit.name, frequency_hz=frequency_hz, threads=measured.threads
        )
        longer = latency_s / measured.latency_s
        yield replace(
            measured,
            frequency_hz=frequency_hz,
            latency_s=latency_s,
            latency_std_s=measured.latency_std_s * longer,
            latency_p95_s=measured.latency_p95_s * longer,
            energy_j=modelled_j(frequency_hz, latency_s) * off,
        )
