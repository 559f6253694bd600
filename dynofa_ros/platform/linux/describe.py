# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The hardware inventory as one screen of text, and as a JSON document (`dynofa platform`)."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

from dynofa_ros.atomic_file import without_nan, write_json
from dynofa_ros.platform.linux.batteries import read_batteries
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.power_meter import PowerMeter
from dynofa_ros.platform.linux.rails import board_rails
from dynofa_ros.platform.linux.restore import default_state_file, restore_frequencies
from dynofa_ros.platform.linux.set_frequency import FrequencyNotSet, read_setting
from dynofa_ros.platform.linux.sysfs import Sysfs

MAX_MISSING = 6
"""Files named on the screen; the document lists them all."""


def summary(sysfs: Sysfs, machine: LinuxMachine) -> str:
    """Return the main facts about a machine, one per line."""
    lines = [f'{machine.model} ({machine.architecture}){_confinement(machine)}']
    if machine.empty:
        lines.append('no frequency domains and no sensors: `auto` simulates the platform here')
    sections = {
        'clocks': _clocks(sysfs, machine),
        'power': _power(sysfs, machine),
        'heat': _heat(sysfs, machine),
    }
    lines += [_line(title, text) for title, texts in sections.items() for text in texts]
    if machine.power_mode:
        mode = machine.power_mode
        lines.append(_line('nvpmodel', f'mode {mode.number} {mode.name}'.rstrip()))
    lines += [_line('missing', text) for text in machine.missing[:MAX_MISSING]]
    if len(machine.missing) > MAX_MISSING:
        lines.append(_line('', f'and {len(machine.missing) - MAX_MISSING} more files: see --json'))
    return '\n'.join(lines)


def document(sysfs: Sysfs, machine: LinuxMachine) -> dict[str, object]:
    """Return the whole inventory with its current readings; unknown values are null."""
    found = dataclasses.asdict(machine)
    for domain, entry in zip(machine.domains, found['domains'], strict=True):
        for control, fields in zip(domain.controls, entry['controls'], strict=True):
            fields['interface'] = control.interface.name
        entry |= {
            'cores': domain.cores,
            'frequencies_hz': domain.frequencies_hz,
            'writable': not domain.unwritable_files(sysfs),
            'frequency_hz': domain.frequency_hz(sysfs),
            'limits': dataclasses.asdict(domain.limits(sysfs)),
        }
    for rail, entry in zip(machine.rails, found['rails'], strict=True):
        entry['power_w'] = rail.power_w(sysfs)
    for zone, entry in zip(machine.zones, found['zones'], strict=True):
        entry['temperature_c'] = zone.temperature_c(sysfs)
    for battery, entry in zip(machine.batteries, found['batteries'], strict=True):
        entry |= dataclasses.asdict(battery.read(sysfs))
    known: dict[str, object] = without_nan(found)
    return known


def _confinement(machine: LinuxMachine) -> str:
    limits = machine.confinement
    texts = ['virtual machine'] if limits.virtual_machine else []
    texts += [f'{limits.container} container'] if limits.container else []
    if not math.isnan(limits.cpu_limit):
        texts.append(f'at most {limits.cpu_limit:g} CPUs of time')
    if not math.isnan(limits.memory_limit_bytes):
        texts.append(f'at most {limits.memory_limit_bytes / 2**30:.1f} GiB of memory')
    return ''.join(f', {text}' for text in [*texts, f'{len(limits.cores)} usable cores'])


def _clocks(sysfs: Sysfs, machine: LinuxMachine) -> Iterator[str]:
    if not machine.domains:
        yield 'none: no cpufreq policy and no devfreq device'
    for domain in machine.domains:
        yield _clock(sysfs, domain)


def _clock(sysfs: Sysfs, domain: LinuxDomain) -> str:
    hz, limits = domain.frequencies_hz, domain.limits(sysfs)
    control = domain.controls[0]
    steps = f'{len(hz)} frequencies' if domain.has_list else 'any, offered in steps of 100 MHz'
    try:
        governor = read_setting(sysfs, control).governor
    except FrequencyNotSet:
        governor = 'unknown'
    if domain.unwritable_files(sysfs):
        access = 'read only'
    else:
        access = f'set by {"userspace" if control.has_userspace else "minimum and maximum"}'
    return (
        f'{domain.name:8} {_mhz(domain.frequency_hz(sysfs))} MHz now, limits '
        f'{_mhz(limits.min_hz)} to {_mhz(limits.max_hz)}, of {_mhz(hz[0])} to {_mhz(hz[-1])} '
        f'({steps}); {control.driver or control.interface.name}, {governor}, {access}'
    )


def _power(sysfs: Sysfs, machine: LinuxMachine) -> Iterator[str]:
    for rail in machine.rails:
        power_w = _figure(rail.power_w(sysfs), '.2f')
        yield f'{rail.name:20} {power_w} W, measures {rail.measures} ({rail.monitor})'
    if not machine.rapl_error:
        yield 'RAPL: energy counters of the CPU packages'
    for battery in machine.batteries:
        now = battery.read(sysfs)
        yield (
            f'battery {battery.name}: {_figure(now.percentage * 100, ".0f")} %, '
            f'{now.status}, {_figure(battery.power_w(sysfs), ".2f")} W drawn'
        )
    if len(machine.batteries) > 1 and (together := read_batteries(sysfs, machine.batteries)):
        percentage = _figure(together.percentage * 100, '.0f')
        yield f'batteries together: {percentage} %, {together.status}'
    if machine.rapl_error and not board_rails(machine.rails):
        yield f'no RAPL: {machine.rapl_error}'
    yield f'power of the board: {PowerMeter(sysfs, machine, clock=time.monotonic).detail}'


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
    """Print the summary of this machine; write the document if a file is given.

    Raises ValueError for a file that cannot be written.
    """
    sysfs = sysfs or Sysfs()
    machine = LinuxMachine.discover(sysfs)
    print(summary(sysfs, machine))
    if json_file:
        write_json(json_file, document(sysfs, machine))
    return 0


def restore(state_file: Path | None, *, sysfs: Sysfs | None = None) -> int:
    """Restore the settings in the state file; return 1 if one of them could not be restored.

    Raises PlatformError for a state file that cannot be used.
    """
    result = restore_frequencies(sysfs or Sysfs(), state_file or default_state_file())
    print(result)
    return 1 if result.failed else 0
