"""What was found of a machine, as one screen of text and as a document of all of it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

from dynofa_ros.atomic_file import without_nan, write_json
from dynofa_ros.platform.linux.domain import ClockDomain, frequency_now_hz, limits_now, not_writable
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.power_meter import PowerMeter
from dynofa_ros.platform.linux.record import default_record_file
from dynofa_ros.platform.linux.restore import restore_frequencies
from dynofa_ros.platform.linux.set_frequency import FrequencyNotSet, setting_of
from dynofa_ros.platform.linux.sysfs import Sysfs

MOST = 6
"""Files that are named on the screen; the document has them all."""


def screen(sysfs: Sysfs, machine: LinuxMachine) -> str:
    """Return what matters, in words."""
    lines = [f'{machine.model} ({machine.architecture}){_inside(machine)}']
    if machine.empty:
        lines.append('no clocks and no sensors: `auto` takes the simulated platform here')
    lines += [_line('clocks', text) for text in _clocks(sysfs, machine)]
    lines += [_line('power', text) for text in _power(sysfs, machine)]
    lines += [_line('heat', text) for text in _heat(sysfs, machine)]
    if machine.power_mode:
        mode = machine.power_mode
        lines.append(_line('nvpmodel', f'mode {mode.number} {mode.name}'.rstrip()))
    lines += [_line('missing', text) for text in machine.missing[:MOST]]
    if len(machine.missing) > MOST:
        lines.append(_line('', f'and {len(machine.missing) - MOST} files more: see --json'))
    return '\n'.join(lines)


def document(sysfs: Sysfs, machine: LinuxMachine) -> dict[str, object]:
    """Return everything that was found, with how it stands now; unknown is null."""
    found = dataclasses.asdict(machine)
    for domain, entry in zip(machine.domains, found['domains'], strict=True):
        for control, fields in zip(domain.controls, entry['controls'], strict=True):
            fields['interface'] = control.interface.name
        entry |= {
            'cores': domain.cores,
            'frequencies_hz': domain.frequencies_hz,
            'writable': not not_writable(sysfs, domain),
            'frequency_hz': frequency_now_hz(sysfs, domain),
            'limits': dataclasses.asdict(limits_now(sysfs, domain)),
        }
    for rail, entry in zip(machine.rails, found['rails'], strict=True):
        entry['power_w'] = rail.power_w(sysfs)
    for zone, entry in zip(machine.zones, found['zones'], strict=True):
        entry['temperature_c'] = zone.temperature_c(sysfs)
    for battery, entry in zip(machine.batteries, found['batteries'], strict=True):
        entry |= dataclasses.asdict(battery.read(sysfs))
    known: dict[str, object] = without_nan(found)
    return known


def _inside(machine: LinuxMachine) -> str:
    """Say what keeps this process from the whole machine."""
    around = machine.confinement
    texts = ['virtual machine'] if around.virtual_machine else []
    texts += [f'{around.container} container'] if around.container else []
    if not math.isnan(around.cpu_limit):
        texts.append(f'at most {around.cpu_limit:g} CPUs of time')
    if not math.isnan(around.memory_limit_bytes):
        texts.append(f'at most {around.memory_limit_bytes / 2**30:.1f} GiB of memory')
    return ''.join(f', {text}' for text in texts) + f', {len(around.cores)} cores to run on'


def _clocks(sysfs: Sysfs, machine: LinuxMachine) -> Iterator[str]:
    if not machine.domains:
        yield 'none: no cpufreq policy and no devfreq device'
    for domain in machine.domains:
        yield _clock(sysfs, domain)


def _clock(sysfs: Sysfs, domain: ClockDomain) -> str:
    hz, limits = domain.frequencies_hz, limits_now(sysfs, domain)
    control = domain.controls[0]
    steps = f'{len(hz)} frequencies' if domain.in_steps else 'any, offered in steps of 100 MHz'
    try:
        governor = setting_of(sysfs, control).governor
    except FrequencyNotSet:
        governor = 'unknown'
    way = 'userspace' if control.takes_a_speed else 'minimum and maximum'
    can = f'by {way}' if not not_writable(sysfs, domain) else 'read only'
    return (
        f'{domain.name:8} {_mhz(frequency_now_hz(sysfs, domain))} MHz now, limits '
        f'{_mhz(limits.min_hz)} to {_mhz(limits.max_hz)}, of {_mhz(hz[0])} to {_mhz(hz[-1])} '
        f'({steps}); {control.driver or control.interface.name}, {governor}, {can}'
    )


def _power(sysfs: Sysfs, machine: LinuxMachine) -> Iterator[str]:
    for rail in machine.rails:
        yield f'{rail.name:20} {_figure(rail.power_w(sysfs), ".2f")} W'
    if not machine.counters:
        yield 'RAPL: energy counters of the CPU packages'
    for battery in machine.batteries:
        now = battery.read(sysfs)
        yield (
            f'battery {battery.name}: {_figure(now.percentage * 100, ".0f")} %, '
            f'{now.status}, {_figure(battery.power_w(sysfs), ".2f")} W drawn'
        )
    if machine.counters and not machine.rails:
        yield f'no RAPL: {machine.counters}'
    detail = PowerMeter(sysfs, machine, clock=time.monotonic).detail
    yield f'frames are measured by: {detail}'


def _heat(sysfs: Sysfs, machine: LinuxMachine) -> Iterator[str]:
    for zone in machine.zones:
        yield (
            f'{zone.name:20} {_figure(zone.temperature_c(sysfs), ".1f")} C, throttles at '
            f'{_figure(zone.throttle_c, ".1f")}, off at {_figure(zone.critical_c, ".1f")}'
        )
    if not machine.zones:
        yield 'no thermal zone'


def _line(title: str, text: str) -> str:
    return f'{title:9}{text}'


def _mhz(frequency_hz: float) -> str:
    return _figure(frequency_hz / 1e6, '.0f')


def _figure(value: float, form: str) -> str:
    return 'unknown' if math.isnan(value) else format(value, form)


def show(json_file: Path | None, *, sysfs: Sysfs | None = None) -> int:
    """Print what the machine has; write all of it where a file is named.

    Raises ValueError for a file that cannot be written.
    """
    sysfs = sysfs or Sysfs()
    machine = LinuxMachine.discover(sysfs)
    print(screen(sysfs, machine))
    if json_file:
        write_json(json_file, document(sysfs, machine))
    return 0


def restore(state_file: Path | None, *, sysfs: Sysfs | None = None) -> int:
    """Put clocks back by the state file; return 1 if one of them could not be.

    Raises PlatformError for a state file that cannot be used.
    """
    result = restore_frequencies(sysfs or Sysfs(), state_file or default_record_file())
    print(result)
    return 1 if result.failed else 0
