"""Turn what was measured at the clocks of a machine into a platform description.

Each number says where it comes from: measured here, found in what Linux shows, or taken over from
the description of another machine, and then it is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from dynofa_ros.offline.calibration.latency_fit import Fit
from dynofa_ros.offline.calibration.loudva_fit import rounded
from dynofa_ros.offline.calibration.sweep import ClockMeasured, Unreached
from dynofa_ros.platform import Platform, Processor
from dynofa_ros.platform.device import BatteryReading, TemperatureReading
from dynofa_ros.platform.section import ASSUMED

MEASURED, FOUND = 'calibrated', 'linux'
"""Keys of a description's sources."""


@dataclass(frozen=True)
class Calibrated:
    """A processor, what was measured of it, and the fit."""

    name: str  # as engines call the processor, where it is theirs
    domain: str
    kind: str
    cores: int
    frequencies_hz: tuple[float, ...]  # that the device has
    clocks: tuple[ClockMeasured, ...]  # ascending; at least one
    unreached: tuple[Unreached, ...]
    fit: Fit
    contention: float = math.nan  # NaN: not measured

    @property
    def powers_w(self) -> dict[float, float]:
        """Busy power by clock, where it is known."""
        return {
            each.frequency_hz: each.busy.power_w
            for each in self.clocks
            if not math.isnan(each.busy.power_w)
        }


def quantity(value: object, source: str, note: str = '') -> dict[str, Any]:
    """Return a number with where it comes from."""
    return {'value': value, 'source': source} | ({'note': note} if note else {})


def assumed(value: object, base: Platform, note: str = '') -> dict[str, Any]:
    """Return a number that is taken over from another machine."""
    return quantity(value, ASSUMED, f'{note or "that"} of {base.name}')


def idle_power(processors: Sequence[Calibrated], base: Platform) -> dict[str, Any]:
    """Return the least power at rest, at a lowest clock; no more than when busy."""
    lowest = [each.clocks[0] for each in processors]
    idle_w = [each.idle.power_w for each in lowest if not math.isnan(each.idle.power_w)]
    busy_w = [power_w for each in processors for power_w in each.powers_w.values()]
    if not idle_w:
        return assumed(min(base.idle_power_w, rounded(min(busy_w))), base)
    return quantity(rounded(min(*idle_w, *busy_w)), MEASURED, 'at the lowest clock')


def measured_table(each: Calibrated, idle_w: float) -> dict[str, Any]:
    """Return the powers at the clocks measured, carried on to the ends of the domain."""
    powers_w = each.powers_w
    measured_hz = sorted(powers_w)
    first_hz, last_hz = each.frequencies_hz[0], each.frequencies_hz[-1]
    notes = []
    if first_hz < measured_hz[0]:
        powers_w[first_hz] = powers_w[measured_hz[0]]
        notes.append(f'the first is that of {measured_hz[0] / 1e6:g} MHz')
    if last_hz > measured_hz[-1]:
        powers_w[last_hz] = _carried_on(powers_w, measured_hz, last_hz)
        notes.append(f'the last is carried on from {measured_hz[-1] / 1e6:g} MHz, in proportion')
    clocks_hz = sorted(powers_w)
    values = [max(idle_w, rounded(powers_w[each])) for each in clocks_hz]
    note = 'all threads busy'
    return {
        'frequencies_hz': quantity([round(f) for f in clocks_hz], MEASURED),
        'power_w': quantity(values, MEASURED, '; '.join([note, *notes])),
    }


def _carried_on(powers_w: dict[float, float], measured_hz: Sequence[float], at_hz: float) -> float:
    """Return the power beyond the last clock measured, on the line through the last two."""
    if len(measured_hz) < 2:
        return powers_w[measured_hz[-1]] * at_hz / measured_hz[-1]
    before_hz, last_hz = measured_hz[-2:]
    slope = max(0.0, (powers_w[last_hz] - powers_w[before_hz]) / (last_hz - before_hz))
    return powers_w[last_hz] + slope * (at_hz - last_hz)


def assumed_table(each: Calibrated, like: Processor, base: Platform) -> dict[str, Any]:
    """Return another machine's powers at the same clocks, above idle as many cores as there are."""
    clocks_hz = sorted(
        {each.frequencies_hz[0], *(c.frequency_hz for c in each.clocks), each.frequencies_hz[-1]}
    )
    idle_w = base.idle_power_w
    share = each.cores / like.cores
    powers_w = [idle_w + (like.busy_power.power_at(f) - idle_w) * share for f in clocks_hz]
    return {
        'frequencies_hz': quantity([round(f) for f in clocks_hz], FOUND),
        'power_w': assumed(
            [rounded(power_w) for power_w in powers_w],
            base,
            f'no power sensor; per core those of the {like.name}',
        ),
    }


LITHIUM_FULL, LITHIUM_EMPTY = 4.2 / 3.7, 3.0 / 3.7
"""Of the nominal voltage of a lithium-ion cell (assumed)."""
HEADER = """\
# Measured by `dynofa platform calibrate`. docs/platforms.md explains the format.
# Every number is a quantity {value, source}: source is a key of `sources`, or the word assumed.
"""


@dataclass(frozen=True)
class CalibratedMachine:
    """What Linux shows of a machine, as far as a description has it."""

    model: str
    rail: str  # what the power is measured on
    temperatures: tuple[TemperatureReading, ...]
    battery: BatteryReading | None
    battery_nominal_v: float  # NaN: unknown


def describe(
    name: str,
    processors: Sequence[Calibrated],
    machine: CalibratedMachine,
    *,
    base: Platform,
    citation: str,
    power_citation: str,
) -> str:
    """Return a description in YAML.

    `base` gives what was not measured. `citation` says how it was measured, `power_citation` what
    the powers are of.
    """
    powers_known = all(each.powers_w for each in processors)
    like = {each.name: like_processor(base, each.kind) for each in processors}
    idle = idle_power(processors, base) if powers_known else assumed(base.idle_power_w, base)
    tables = {
        each.name: measured_table(each, idle['value'])
        if powers_known
        else assumed_table(each, like[each.name], base)
        for each in processors
    }
    sources = {MEASURED: citation, FOUND: f'what Linux shows of this machine, {machine.model}'}
    if powers_known:
        sources[MEASURED] += f'. Power: {power_citation}'
    about = {
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
    return '\n'.join([HEADER, _yaml(about, flow=False), _yaml(numbers, flow=None)])


def _yaml(document: dict[str, Any], *, flow: bool | None) -> str:
    """Return YAML; `flow` None puts a quantity on one line."""
    text: str = yaml.safe_dump(
        document, sort_keys=False, default_flow_style=flow, width=100, allow_unicode=True
    )
    return text


def like_processor(base: Platform, kind: str) -> Processor:
    """Return the processor of another machine that stands in for one: of its kind, if there is."""
    alike = [each for each in base.processors.values() if each.kind == kind]
    return (alike or list(base.processors.values()))[0]


def _domain(each: Calibrated, like: Processor, base: Platform) -> dict[str, Any]:
    delays_s = [clock.change_delay_s for clock in each.clocks]
    known = [delay_s for delay_s in delays_s if not math.isnan(delay_s)]
    assumed_s = base.domains[like.domain].change_delay_s
    return {
        'frequencies_hz': quantity([round(f) for f in each.frequencies_hz], FOUND),
        'change_delay_s': quantity(
            rounded(float(np.median(known))), MEASURED, 'median; at least one frame'
        )
        if known
        else assumed(assumed_s, base),
    }


def _processor(
    each: Calibrated, like: Processor, base: Platform, table: dict[str, Any]
) -> dict[str, Any]:
    model = each.fit.model
    one_clock = len(each.clocks) == 1
    cpu = each.kind == 'cpu'
    return {
        'kind': each.kind,
        'domain': each.domain,
        'cores': quantity(each.cores, FOUND if cpu else ASSUMED, 'that this process may use')
        if cpu
        else quantity(1, ASSUMED, 'CPU threads make no difference to it'),
        'latency': {
            'overhead_s_per_layer': quantity(
                model.overhead_s_per_layer, ASSUMED, 'one clock does not tell it from the cycles'
            )
            if one_clock
            else quantity(model.overhead_s_per_layer, MEASURED),
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
            rounded(each.contention), MEASURED, 'beside as many busy programs as there are cores'
        ),
    }


def _zones(
    processors: Sequence[Calibrated], machine: CalibratedMachine, base: Platform
) -> dict[str, dict[str, Any]]:
    """Return the sensors that belong to a processor, by their names."""
    zones = {}
    for each in processors:
        like = like_processor(base, each.kind)
        model = next((z for z in base.thermal_zones.values() if z.domain == like.domain), None)
        for reading in machine.temperatures if model else ():
            if not zone_of(reading.name, each.kind) or reading.name in zones:
                continue
            assert model is not None
            lower = [f for f in each.frequencies_hz if f <= model.throttled_frequency_hz]
            throttled_hz = max(lower, default=each.frequencies_hz[0])
            zones[reading.name] = {
                'domain': each.domain,
                'ambient_c': assumed(model.ambient_c, base),
                'resistance_k_per_w': assumed(model.resistance_k_per_w, base),
                'time_constant_s': assumed(model.time_constant_s, base),
                'throttle_c': assumed(model.throttle_c, base)
                if math.isnan(reading.throttle_c)
                else quantity(reading.throttle_c, FOUND, 'trip point'),
                'hysteresis_k': assumed(model.hysteresis_k, base),
                'throttled_frequency_hz': assumed(
                    round(throttled_hz), base, 'the one nearest to that'
                ),
            }
    return zones


def zone_of(sensor: str, kind: str) -> bool:
    """Return whether a temperature sensor is of a kind of processor, by Linux' names."""
    return kind in sensor.lower() or (kind == 'cpu' and sensor in ('x86_pkg_temp', 'k10temp'))


def _battery(machine: CalibratedMachine) -> dict[str, Any]:
    battery, nominal_v = machine.battery, machine.battery_nominal_v
    if battery is None or not (battery.capacity_ah > 0 and nominal_v > 0):
        return {}
    energy_j = battery.capacity_ah * 3600 * nominal_v
    cell = 'that of a lithium-ion cell, in proportion'
    return {
        'energy_j': quantity(round(energy_j), FOUND, 'when full, as it is now'),
        'full_voltage_v': quantity(rounded(nominal_v * LITHIUM_FULL), ASSUMED, cell),
        'nominal_voltage_v': quantity(rounded(nominal_v), FOUND),
        'empty_voltage_v': quantity(rounded(nominal_v * LITHIUM_EMPTY), ASSUMED, cell),
    }
