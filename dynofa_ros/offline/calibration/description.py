# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Build a platform description from the measurements of a machine.

Every number states its source: measured here, reported by Linux, or taken from the description of a
similar machine (the base), which is marked as assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynofa_ros.offline.calibration.latency_fit import LatencyFit
from dynofa_ros.offline.calibration.loudva_fit import rounded
from dynofa_ros.offline.calibration.sweep import ClockMeasurement, UnreachedClock
from dynofa_ros.offline.calibration.yaml_update import quantity, yaml_text
from dynofa_ros.platform import Platform, Processor
from dynofa_ros.platform.device import BatteryReading, TemperatureReading
from dynofa_ros.platform.quantity import ASSUMED

MEASURED, FOUND = 'calibrated', 'linux'
"""Keys of a description's sources."""
LITHIUM_FULL, LITHIUM_EMPTY = 4.2 / 3.7, 3.0 / 3.7
"""Voltage of a lithium-ion cell over its nominal voltage (assumed)."""
HEADER = """\
# Measured by `dynofa platform calibrate`. docs/platforms.md explains the format.
# Every number is a quantity {value, source}: source is a key of `sources`, or the word assumed.
"""


@dataclass(frozen=True)
class ProcessorCalibration:
    """Measurements of a processor and their fit."""

    name: str  # the engines' name for it, where there is one
    domain: str
    kind: str
    cores: int
    frequencies_hz: tuple[float, ...]  # available on the device
    clocks: tuple[ClockMeasurement, ...]  # by ascending frequency; at least one
    unreached: tuple[UnreachedClock, ...]
    fit: LatencyFit
    contention: float = math.nan  # NaN: not measured

    @property
    def powers_w(self) -> dict[float, float]:
        """Busy power by frequency, where it is known."""
        return {
            each.frequency_hz: each.busy.power_w
            for each in self.clocks
            if not math.isnan(each.busy.power_w)
        }


@dataclass(frozen=True)
class MachineFacts:
    """What Linux reports of a machine, as far as a description has it."""

    model: str
    rail: str  # on which power is measured
    temperatures: tuple[TemperatureReading, ...]
    battery: BatteryReading | None
    battery_nominal_v: float  # NaN: unknown


def describe(
    name: str,
    processors: Sequence[ProcessorCalibration],
    machine: MachineFacts,
    *,
    base: Platform,
    citation: str,
    power_citation: str,
) -> str:
    """Return a description in YAML.

    `base` provides what was not measured. `citation` states how latency was measured,
    `power_citation` how power was.
    """
    powers_known = all(each.powers_w for each in processors)
    like = {each.name: _like_processor(base, each.kind) for each in processors}
    idle = _idle_power(processors, base) if powers_known else assumed(base.idle_power_w, base)
    tables = {
        each.name: _measured_table(each, idle['value'])
        if powers_known
        else _assumed_table(each, like[each.name], base)
        for each in processors
    }
    sources = {MEASURED: citation, FOUND: f'reported by Linux on this machine, {machine.model}'}
    if powers_known:
        sources[MEASURED] += f'. Power: {power_citation}'
    header = {
        'name': name,
        'description': f'{machine.model}, measured by dynofa platform calibrate, batch 1',
        'sources': sources,
    }
    numbers: dict[str, Any] = {
        'idle_power_w': idle,
        'rail': machine.rail if powers_known else base.rail,
        'frequency_domains': {
            each.domain: _domain(each, like[each.name], base) for each in processors
        },
        'processors': {
            each.name: _processor(each, like[each.name], base, tables[each.name])
            for each in processors
        },
        'thermal_zones': _zones(processors, machine, base),
    }
    if battery := _battery(machine):
        numbers['battery'] = battery
    return '\n'.join([HEADER, yaml_text(header, flow=False), yaml_text(numbers)])


def assumed(value: object, base: Platform, note: str = '') -> dict[str, Any]:
    """Return a number that is taken from the base."""
    return quantity(value, ASSUMED, f'{note or "that"} of {base.name}')


def _like_processor(base: Platform, kind: str) -> Processor:
    """Return the base's processor of a kind; the first one if it has none of that kind."""
    alike = [each for each in base.processors.values() if each.kind == kind]
    return (alike or list(base.processors.values()))[0]


def _idle_power(processors: Sequence[ProcessorCalibration], base: Platform) -> dict[str, Any]:
    """Return the least idle power at a lowest frequency, not above any busy power."""
    lowest = [each.clocks[0] for each in processors]
    idle_w = [each.idle.power_w for each in lowest if not math.isnan(each.idle.power_w)]
    busy_w = [power_w for each in processors for power_w in each.powers_w.values()]
    if not idle_w:
        return assumed(min(base.idle_power_w, rounded(min(busy_w))), base)
    return quantity(rounded(min(*idle_w, *busy_w)), MEASURED, 'at the lowest frequency')


def _measured_table(each: ProcessorCalibration, idle_w: float) -> dict[str, Any]:
    """Return the measured powers, extrapolated to the ends of the domain."""
    powers_w = each.powers_w
    measured_hz = sorted(powers_w)
    first_hz, last_hz = each.frequencies_hz[0], each.frequencies_hz[-1]
    notes = ['all threads busy']
    if first_hz < measured_hz[0]:
        powers_w[first_hz] = powers_w[measured_hz[0]]
        notes.append(f'the first is that of {measured_hz[0] / 1e6:g} MHz')
    if last_hz > measured_hz[-1]:
        powers_w[last_hz] = _extrapolated_w(powers_w, measured_hz, last_hz)
        notes.append(f'the last is extrapolated linearly from {measured_hz[-1] / 1e6:g} MHz')
    frequencies_hz = sorted(powers_w)
    values = [max(idle_w, rounded(powers_w[each])) for each in frequencies_hz]
    return {
        'frequencies_hz': quantity([round(f) for f in frequencies_hz], MEASURED),
        'power_w': quantity(values, MEASURED, '; '.join(notes)),
    }


def _extrapolated_w(
    powers_w: dict[float, float], measured_hz: Sequence[float], at_hz: float
) -> float:
    """Return the power above the last measured frequency, on the line through the last two."""
    if len(measured_hz) < 2:
        return powers_w[measured_hz[-1]] * at_hz / measured_hz[-1]
    before_hz, last_hz = measured_hz[-2:]
    slope = max(0.0, (powers_w[last_hz] - powers_w[before_hz]) / (last_hz - before_hz))
    return powers_w[last_hz] + slope * (at_hz - last_hz)


def _assumed_table(each: ProcessorCalibration, like: Processor, base: Platform) -> dict[str, Any]:
    """Return the base's powers at the same frequencies; above idle, scaled by the core count."""
    frequencies_hz = sorted(
        {each.frequencies_hz[0], *(c.frequency_hz for c in each.clocks), each.frequencies_hz[-1]}
    )
    idle_w = base.idle_power_w
    scale = each.cores / like.cores
    powers_w = [idle_w + (like.busy_power.power_at(f) - idle_w) * scale for f in frequencies_hz]
    return {
        'frequencies_hz': quantity([round(f) for f in frequencies_hz], FOUND),
        'power_w': assumed(
            [rounded(power_w) for power_w in powers_w],
            base,
            f'no power sensor; per core those of the {like.name}',
        ),
    }


def _domain(each: ProcessorCalibration, like: Processor, base: Platform) -> dict[str, Any]:
    delays_s = [clock.change_delay_s for clock in each.clocks]
    known = [delay_s for delay_s in delays_s if not math.isnan(delay_s)]
    return {
        'frequencies_hz': quantity([round(f) for f in each.frequencies_hz], FOUND),
        'change_delay_s': quantity(
            rounded(float(np.median(known))), MEASURED, 'median; at least one frame'
        )
        if known
        else assumed(base.domains[like.domain].change_delay_s, base),
    }


def _processor(
    each: ProcessorCalibration, like: Processor, base: Platform, table: dict[str, Any]
) -> dict[str, Any]:
    model = each.fit.model
    return {
        'kind': each.kind,
        'domain': each.domain,
        'cores': quantity(each.cores, FOUND, 'that this process may use')
        if each.kind == 'cpu'
        else quantity(1, ASSUMED, 'independent of CPU threads'),
        'latency': {
            'overhead_s_per_layer': quantity(model.overhead_s_per_layer, MEASURED)
            if len(each.clocks) > 1
            else quantity(
                model.overhead_s_per_layer, ASSUMED, 'one frequency cannot separate it from cycles'
            ),
            'overhead_cycles_per_layer': quantity(model.overhead_cycles_per_layer, MEASURED),
            'flop_per_cycle': quantity(model.flop_per_cycle, MEASURED),
            'serial_fraction': quantity(model.serial_fraction, MEASURED)
            if each.cores > 1
            else quantity(model.serial_fraction, ASSUMED, 'one thread'),
        },
        'busy_power': table,
        'contention': assumed(like.contention, base)
        if math.isnan(each.contention)
        else quantity(
            rounded(each.contention), MEASURED, 'with one busy co-runner process per core'
        ),
    }


def _zones(
    processors: Sequence[ProcessorCalibration], machine: MachineFacts, base: Platform
) -> dict[str, dict[str, Any]]:
    """Return the thermal zones of the sensors that belong to a processor, by sensor name."""
    zones: dict[str, dict[str, Any]] = {}
    for each in processors:
        like = _like_processor(base, each.kind)
        model = next((z for z in base.thermal_zones.values() if z.domain == like.domain), None)
        if model is None:
            continue
        lower_hz = [f for f in each.frequencies_hz if f <= model.throttled_frequency_hz]
        throttled_hz = max(lower_hz, default=each.frequencies_hz[0])
        for reading in machine.temperatures:
            if not _measures(reading.name, each.kind) or reading.name in zones:
                continue
            zones[reading.name] = {
                'domain': each.domain,
                'ambient_c': assumed(model.ambient_c, base),
                'resistance_k_per_w': assumed(model.resistance_k_per_w, base),
                'time_constant_s': assumed(model.time_constant_s, base),
                'throttle_c': assumed(model.throttle_c, base)
                if math.isnan(reading.throttle_c)
                else quantity(reading.throttle_c, FOUND, 'trip point'),
                'hysteresis_k': assumed(model.hysteresis_k, base),
                'throttled_frequency_hz': assumed(round(throttled_hz), base, 'nearest to that'),
            }
    return zones


def _measures(sensor: str, kind: str) -> bool:
    """Whether a temperature sensor belongs to a kind of processor, by its name in Linux."""
    return kind in sensor.lower() or (kind == 'cpu' and sensor in ('x86_pkg_temp', 'k10temp'))


def _battery(machine: MachineFacts) -> dict[str, Any]:
    battery, nominal_v = machine.battery, machine.battery_nominal_v
    if battery is None or not (battery.capacity_ah > 0 and nominal_v > 0):
        return {}
    energy_j = battery.capacity_ah * 3600 * nominal_v
    note = 'scaled from a lithium-ion cell'
    return {
        'energy_j': quantity(round(energy_j), FOUND, 'when full, at its present capacity'),
        'full_voltage_v': quantity(rounded(nominal_v * LITHIUM_FULL), ASSUMED, note),
        'nominal_voltage_v': quantity(rounded(nominal_v), FOUND),
        'empty_voltage_v': quantity(rounded(nominal_v * LITHIUM_EMPTY), ASSUMED, note),
    }
