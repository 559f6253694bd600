# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A machine: its processors, frequency domains, power, heat and battery, and its latency model.

The device layer of *Dynamic DNNs Meet Runtime Resource Management on Mobile and Embedded
Platforms* (arXiv 2206.02525), as plain values. ``docs/platforms.md`` describes the YAML file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationInfo, model_validator

from dynofa_ros.config_file import Fault, Text, checked, load_named
from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.checks import PlatformError, check_not_negative
from dynofa_ros.platform.processor import SAME_FREQUENCY_HZ, FrequencyDomain, Processor
from dynofa_ros.platform.quantity import ASSUMED, NotNegative, quantity_sources
from dynofa_ros.platform.thermal import ThermalZone


@checked(PlatformError.of)
class Platform:
    """One machine. Frequencies in Hz, power in W, time in s, energy in J."""

    name: Text
    description: Text
    idle_power_w: NotNegative  # of the board, everything idle [W]
    rail: Text  # supply rail that carries the power of the whole board
    domains: Annotated[
        Mapping[str, FrequencyDomain], Field(min_length=1, validation_alias='frequency_domains')
    ]
    processors: Annotated[Mapping[str, Processor], Field(min_length=1)]
    thermal_zones: Mapping[str, ThermalZone]
    sources: Mapping[str, Text]
    """Source of each number, by its path, such as ``processors.gpu.cores``.

    In a file: the texts that its quantities refer to, by key.
    """
    battery: Battery | None = None

    @model_validator(mode='before')
    @classmethod
    def _from_file(cls, document: Any, info: ValidationInfo) -> Any:
        """Give the sections of a file their names, and each number its source in words."""
        if info.context is None or not isinstance(document, dict):
            return document
        cited = document.get('sources')
        result = document | {
            key: _named(key, document[key])
            for key in ('frequency_domains', 'processors', 'thermal_zones')
            if isinstance(document.get(key), dict)
        }
        if isinstance(cited, dict) and all(isinstance(each, str) for each in cited.values()):
            if ASSUMED in cited:
                raise PlatformError(
                    field=f'sources.{ASSUMED}',
                    value=cited[ASSUMED],
                    expected='another key: it is a keyword',
                )
            result['sources'] = dict(quantity_sources(document, cited))
        return result

    def __post_init__(self) -> None:
        """Raise PlatformError where processors, zones and domains do not fit together."""
        if faults := tuple(self._faults()):
            raise PlatformError.of(faults)

    def _faults(self) -> Iterator[Fault]:
        for unit in self.processors.values():
            yield from self._faults_of(unit)
        for zone in self.thermal_zones.values():
            where = f'thermal_zones.{zone.name}'
            if zone.domain not in self.domains:
                yield Fault(f'{where}.domain', zone.domain, _one_of(self.domains))
                continue
            try:
                self.domains[zone.domain].check(
                    f'{where}.throttled_frequency_hz', zone.throttled_frequency_hz
                )
            except PlatformError as error:
                yield from error.faults

    def _faults_of(self, unit: Processor) -> Iterator[Fault]:
        where, table = f'processors.{unit.name}', unit.busy_power
        if min(table.power_w) < self.idle_power_w:
            yield Fault(
                f'{where}.busy_power.power_w',
                min(table.power_w),
                f'at least idle_power_w, {self.idle_power_w:g}',
            )
        if unit.domain not in self.domains:
            yield Fault(f'{where}.domain', unit.domain, _one_of(self.domains))
            return
        domain = self.domains[unit.domain]
        lowest_hz, *_, highest_hz = domain.frequencies_hz * 2
        if table.frequencies_hz[0] > lowest_hz or table.frequencies_hz[-1] < highest_hz:
            yield Fault(
                f'{where}.busy_power.frequencies_hz',
                [table.frequencies_hz[0], table.frequencies_hz[-1]],
                f'a table that covers domain {domain.name}, {lowest_hz:.0f} to {highest_hz:.0f} Hz',
            )

    def processor(self, name: str) -> Processor:
        """Return a processor by name; raises PlatformError, which lists them, if there is none."""
        if name not in self.processors:
            raise PlatformError(field='processor', value=name, expected=_one_of(self.processors))
        return self.processors[name]

    def latency_s(
        self, *, processor: str, frequency_hz: float, flops: int, layers: int, threads: int = 1
    ) -> float:
        """Return the latency of one frame, batch 1, without co-runners [s].

        `flops`: floating-point operations of the frame, 2 per multiply-add. `layers`: its
        convolutions and fully connected layers, those of squeeze-and-excite included (batch
        normalisation and activation belong to the layer before them). `threads`: CPU threads;
        more threads than cores have no effect, nor do they on a GPU. Raises PlatformError for an
        unknown processor, a frequency outside of its domain, and counts that are not positive.
        """
        unit = self.processor(processor)
        self._check_frequency(unit, frequency_hz)
        if flops < 0:
            raise PlatformError(field='flops', value=flops, expected='at least 0')
        if layers < 1:
            raise PlatformError(field='layers', value=layers, expected='at least 1')
        return unit.latency.latency_s(
            frequency_hz=frequency_hz, flops=flops, layers=layers, threads=unit.cores_used(threads)
        )

    def energy_j(
        self, *, processor: str, frequency_hz: float, latency_s: float, threads: int = 1
    ) -> float:
        """Return the energy of one frame above idle [J]: (busy - idle power) x latency.

        Above idle, because idle power is drawn in any case. `threads` as in `latency_s`: with k of
        n cores at work a processor draws k/n of its busy power above idle (assumed).
        """
        unit = self.processor(processor)
        self._check_frequency(unit, frequency_hz)
        check_not_negative('latency_s', latency_s)
        share = unit.cores_used(threads) / unit.cores
        return (unit.busy_power.power_at(frequency_hz) - self.idle_power_w) * share * latency_s

    def slowdown(self, *, processor: str, co_runner_utilisation: float) -> float:
        """Return the factor on latency while co-runners use this fraction of it, 0..1."""
        return self.processor(processor).slowdown(co_runner_utilisation)

    def board_power_w(
        self, *, frequencies_hz: Mapping[str, float], utilisation: Mapping[str, float]
    ) -> float:
        """Return the power of the board [W]: idle + sum of (busy - idle) x utilisation.

        `frequencies_hz` by domain, `utilisation` by processor, 0..1; one that is missing is idle.
        """
        power_w = self.idle_power_w
        for name, busy in utilisation.items():
            unit = self.processor(name)
            busy_w = unit.busy_power.power_at(frequencies_hz[unit.domain])
            power_w += (busy_w - self.idle_power_w) * busy
        return power_w

    def _check_frequency(self, unit: Processor, frequency_hz: float) -> None:
        listed = self.domains[unit.domain].frequencies_hz
        lowest_hz, highest_hz = listed[0] - SAME_FREQUENCY_HZ, listed[-1] + SAME_FREQUENCY_HZ
        if not (math.isfinite(frequency_hz) and lowest_hz <= frequency_hz <= highest_hz):
            raise PlatformError(
                field='frequency_hz',
                value=frequency_hz,
                expected=f'{listed[0]:.0f} to {listed[-1]:.0f} Hz on processor {unit.name}',
            )


FILE = TypeAdapter(Platform)


def load_platform(name_or_path: str) -> Platform:
    """Return the platform of this name (a file of ``config/platforms``), or of a YAML file's path.

    Raises PlatformError, which lists for every fault the file, the field, its value and the allowed
    values.
    """
    return load_named(
        name_or_path, FILE, folder='config/platforms', what='platform', error=PlatformError.of
    )


def _named(section: str, entries: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a section, each with its key as the field `name`."""
    for key, entry in entries.items():
        if isinstance(entry, dict) and 'name' in entry:
            raise PlatformError(
                field=f'{section}.{key}.name',
                value=entry['name'],
                expected='no such key: the name is the key of the section',
            )
    return {
        key: entry | {'name': key} if isinstance(entry, dict) else entry
        for key, entry in entries.items()
    }


def _one_of(names: Mapping[str, object]) -> str:
    return 'one of ' + ', '.join(sorted(names))
