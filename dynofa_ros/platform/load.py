"""Read a platform description from a YAML file; ``docs/platforms.md`` describes the format."""

from __future__ import annotations

from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.platform.processor import FrequencyDomain, Processor
from dynofa_ros.platform.section import ASSUMED, Section
from dynofa_ros.platform.shipped_file import read_file
from dynofa_ros.platform.thermal import ThermalZone

FOLDER = 'config/platforms'


def load_platform(name_or_path: str) -> Platform:
    """Return the platform of this name (a file of ``config/platforms``), or of a YAML file's path.

    Raises PlatformError, which names the file, the field, its value and what is allowed.
    """
    return _platform(read_file(name_or_path, folder=FOLDER, kind='platform'))


def _platform(top: Section) -> Platform:
    top.cited = top.texts('sources')
    if ASSUMED in top.cited:
        raise top.error(f'sources.{ASSUMED}', top.cited[ASSUMED], 'another key: it is a keyword')
    with top.complete():
        domains = {name: _domain(name, at) for name, at in _named(top, 'frequency_domains')}
        processors = {name: _processor(name, at) for name, at in _named(top, 'processors')}
        zones = {name: _zone(name, at) for name, at in _named(top, 'thermal_zones')}
        battery = _battery(top.section('battery')) if top.has('battery') else None
        return Platform(
            name=top.text('name'),
            description=top.text('description'),
            idle_power_w=top.number('idle_power_w'),
            rail=top.text('rail'),
            domains=domains,
            processors=processors,
            thermal_zones=zones,
            battery=battery,
            sources=dict(top.used),
        )


def _named(top: Section, key: str) -> list[tuple[str, Section]]:
    return list(top.sections(key).items())


def _domain(name: str, at: Section) -> FrequencyDomain:
    with at.complete():
        return FrequencyDomain(
            name=name,
            frequencies_hz=at.numbers('frequencies_hz'),
            change_delay_s=at.number('change_delay_s'),
        )


def _processor(name: str, at: Section) -> Processor:
    with at.complete():
        return Processor(
            name=name,
            kind=at.text('kind'),
            domain=at.text('domain'),
            cores=at.integer('cores'),
            latency=_latency(at.section('latency')),
            busy_power=_busy_power(at.section('busy_power')),
            contention=at.number('contention'),
        )


def _latency(at: Section) -> LatencyModel:
    with at.complete():
        return LatencyModel(
            overhead_s_per_layer=at.number('overhead_s_per_layer'),
            overhead_cycles_per_layer=at.number('overhead_cycles_per_layer'),
            flop_per_cycle=at.number('flop_per_cycle'),
            serial_fraction=at.number('serial_fraction'),
        )


def _busy_power(at: Section) -> BusyPower:
    with at.complete():
        return BusyPower(frequencies_hz=at.numbers('frequencies_hz'), power_w=at.numbers('power_w'))


def _zone(name: str, at: Section) -> ThermalZone:
    with at.complete():
        return ThermalZone(
            name=name,
            domain=at.text('domain'),
            ambient_c=at.number('ambient_c'),
            resistance_k_per_w=at.number('resistance_k_per_w'),
            time_constant_s=at.number('time_constant_s'),
            throttle_c=at.number('throttle_c'),
            hysteresis_k=at.number('hysteresis_k'),
            throttled_frequency_hz=at.number('throttled_frequency_hz'),
        )


def _battery(at: Section) -> Battery:
    with at.complete():
        return Battery(
            energy_j=at.number('energy_j'),
            full_voltage_v=at.number('full_voltage_v'),
            nominal_voltage_v=at.number('nominal_voltage_v'),
            empty_voltage_v=at.number('empty_voltage_v'),
        )
