# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Observations of frames, sub-networks and the platform, with checked values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dynofa_ros.runtime.attention import Attention
from dynofa_ros.runtime.checks import check_count, check_name, check_number, check_range, listed
from dynofa_ros.runtime.operating_points.cascade import Cascade
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.ranges import (
    CONTENTION,
    DOMAINS_MAX,
    DURATION_S,
    FREQUENCIES_MAX,
    FREQUENCY_HZ,
    PART_S,
    POWER_W,
    PROCESSORS_MAX,
    RESIDENTS_MAX,
    SENSORS_MAX,
    STAGES_MAX,
    TEMPERATURE_C,
)

# Values of msg/PlatformState.power_source.
UNAVAILABLE = 'unavailable'
CPU_PACKAGES = 'measured_rapl'


@dataclass(frozen=True)
class FrameObservation:
    """One frame of one application."""

    app: str
    sequence: int
    subnet_id: str
    engine: str
    processor: str
    threads: int
    inference_s: float
    overhead_s: float  # preprocessing and postprocessing
    stamp_s: float = math.nan  # of the image, by the camera's clock
    skipped: int = 0  # images dropped or refused since the previous frame
    age_s: float = 0.0  # of the image on arrival, if that counts against the deadline
    # The stages that ran of a cascade, each with its inference time; empty: the one sub-network.
    stages: tuple[tuple[str, float], ...] = ()
    first_score: float = math.nan  # calibrated, of the first stage's best class; NaN: unknown

    def __post_init__(self) -> None:
        check_name('app', self.app)
        check_count('stages', self.stages, most=STAGES_MAX)
        for subnet_id, stage_s in self.stages:
            check_name('stages', subnet_id)
            check_range('stage_inference_s', stage_s, DURATION_S)
        check_number('first_score', self.first_score, low=0.0, high=1.0, nan=True)
        check_range('inference_s', self.inference_s, DURATION_S)
        check_range('overhead_s', self.overhead_s, PART_S)
        check_number('stamp_s', self.stamp_s, nan=True)
        check_number('skipped', self.skipped, low=0)
        check_range('age_s', self.age_s, PART_S)

    @property
    def key(self) -> PointKey:
        """The operating point without its frequency."""
        return (self.subnet_id, self.engine, self.processor, self.threads)

    @property
    def ran(self) -> tuple[tuple[PointKey, float], ...]:
        """The operating points of the sub-networks that ran, each with its inference time [s]."""
        stages = self.stages or ((self.subnet_id, self.inference_s),)
        return tuple(((name, *self.key[1:]), stage_s) for name, stage_s in stages)


@dataclass(frozen=True)
class ResidentPoint:
    """A compiled sub-network, to which a switch is immediate; mirrors msg/ResidentPoint."""

    subnet_id: str
    processor: str  # empty: any
    threads: int  # 0: any

    def __post_init__(self) -> None:
        check_name('resident subnet_id', self.subnet_id)
        check_name('resident processor', self.processor, empty=True)


def uncovered(
    keys: Iterable[PointKey],
    residents: Iterable[ResidentPoint],
    *,
    cascades: Iterable[Cascade] = (),
) -> Iterator[PointKey]:
    """Yield the operating points that none of the residents covers: they need compilation.

    One of a cascade is covered if all its stages are.
    """
    known = set(residents)
    stages = {each.cascade_id: each.stages for each in cascades}

    def covered(subnet_id: str, processor: str, threads: int) -> bool:
        covering = (
            ResidentPoint(subnet_id, each, count)
            for each in (processor, '')
            for count in (threads, 0)
        )
        return not known.isdisjoint(covering)

    for key in keys:
        subnet_id, _, processor, threads = key
        needed = stages.get(subnet_id, (subnet_id,))
        if not all(covered(each, processor, threads) for each in needed):
            yield key


@dataclass(frozen=True)
class SubnetObservation:
    """The sub-network that one application runs now; it acknowledges a command."""

    app: str
    subnet_id: str
    processor: str
    command_sequence: int
    command_applied: bool
    command_result: str = ''
    residents: tuple[ResidentPoint, ...] = ()  # empty: unknown
    attention: Attention | None = None  # what it saw, while that holds

    def __post_init__(self) -> None:
        check_name('app', self.app)
        check_name('subnet_id', self.subnet_id, empty=True)
        check_name('processor', self.processor, empty=True)
        check_count('residents', self.residents, most=RESIDENTS_MAX)


@dataclass(frozen=True)
class DomainObservation:
    """One frequency domain now."""

    name: str
    processors: tuple[str, ...]
    frequency_hz: float  # NaN: unknown
    frequencies_hz: tuple[float, ...]
    settable: bool
    # Of each processor: what one other inference on it adds to the slowdown; NaN: unknown.
    contention: tuple[float, ...] = ()  # empty: all unknown

    def __post_init__(self) -> None:
        check_name('domain', self.name)
        for processor in self.processors:
            check_name(f'{self.name}.processors', processor)
        # 0 is the reading of a processor that is switched off.
        check_number(
            f'{self.name}.frequency_hz',
            self.frequency_hz,
            low=0.0,
            high=FREQUENCY_HZ.high,
            nan=True,
        )
        name = f'{self.name}.available_frequencies_hz'
        check_count(name, self.frequencies_hz, most=FREQUENCIES_MAX)
        for frequency_hz in self.frequencies_hz:
            check_range(name, frequency_hz, FREQUENCY_HZ)
        name = f'{self.name}.contention'
        if len(self.contention) not in (0, len(self.processors)):
            raise ValueError(
                f'{name} holds {len(self.contention)} values; expected none, or one for each of '
                f'{len(self.processors)} processors'
            )
        for contention in self.contention:
            check_range(name, contention, CONTENTION, nan=True)


@dataclass(frozen=True)
class TemperatureObservation:
    """One temperature sensor now. NaN: unknown."""

    name: str
    temperature_c: float
    throttle_c: float  # above it the hardware throttles; 0, as left unset, is unknown

    def __post_init__(self) -> None:
        check_name('temperature sensor', self.name)
        check_range(f'{self.name}.temperature_c', self.temperature_c, TEMPERATURE_C, nan=True)
        check_range(f'{self.name}.throttle_c', self.throttle_c, TEMPERATURE_C, nan=True)

    @property
    def limited(self) -> bool:
        """Whether both the temperature and its limit are known."""
        return not math.isnan(self.temperature_c) and self.throttle_c > 0.0


@dataclass(frozen=True)
class PlatformObservation:
    """All frequencies, power and temperatures now; it acknowledges a command."""

    platform: str
    domains: tuple[DomainObservation, ...]
    command_sequence: int = 0
    command_applied: bool = False
    command_result: str = ''
    power_w: float = math.nan  # of the board, mean since the last observation; NaN: unknown
    power_source: str = ''  # as in msg/PlatformState
    temperatures: tuple[TemperatureObservation, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a duplicate name, an impossible power, or too many values."""
        check_name('platform', self.platform, empty=True)
        check_range('power_w', self.power_w, POWER_W, nan=True)
        for name, values, most in (
            ('domains', [each.name for each in self.domains], DOMAINS_MAX),
            ('temperatures', [each.name for each in self.temperatures], SENSORS_MAX),
            (
                'processors',
                [one for each in self.domains for one in each.processors],
                PROCESSORS_MAX,
            ),
        ):
            check_count(name, values, most=most)
            if len(set(values)) < len(values):
                raise ValueError(f'{name} is {listed(values)}; expected each once')

    @property
    def known_power_w(self) -> float:
        """Power of the board; NaN where it is unavailable, or 0, which is an unset field."""
        known = self.power_w > 0.0 and self.power_source != UNAVAILABLE
        return self.power_w if known else math.nan
