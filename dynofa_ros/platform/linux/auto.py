"""Open the real machine where there is anything to turn or to read, else a simulated one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.linux.device import LinuxDevice
from dynofa_ros.platform.linux.domain import ClockDomain
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.record import default_record_file
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed
from dynofa_ros.platform.simulated.device import SimulatedDevice

SAME = 0.02
"""Boards of one kind differ by less in their highest clock, and boards of two kinds by more."""


def why_it_does_not_fit(platform: Platform, domains: Sequence[ClockDomain]) -> str:
    """Return how a description and a machine differ; empty: they do not.

    Every domain of the description is one of the machine, and ends at its highest frequency. The
    machine may have more domains, and more frequencies.
    """
    found = {domain.name: domain for domain in domains}
    for name, domain in platform.domains.items():
        if name not in found:
            known = ', '.join(sorted(found)) or 'none'
            return f'{platform.name} has a clock {name!r}, this machine: {known}'
        described_hz, found_hz = domain.frequencies_hz[-1], found[name].frequencies_hz[-1]
        if abs(found_hz / described_hz - 1) > SAME:
            return (
                f'{platform.name} has {name} up to {described_hz / 1e6:g} MHz, this machine up to '
                f'{found_hz / 1e6:g} MHz'
            )
    return ''


SIMULATED = 'simulated'
CHOICES = ('auto', 'linux', SIMULATED)


@dataclass(frozen=True)
class Opened:
    """A device, and why it is this one."""

    device: LinuxDevice | SimulatedDevice
    reason: str
    differs: str = ''
    """How the machine differs from the description; empty: not, or it is simulated."""


def open_device(
    platform: Platform,
    choice: str = 'auto',
    *,
    sysfs: Sysfs | None = None,
    clock: Callable[[], float] = time.monotonic,
    record_file: Path | None = None,
    whitelist: Mapping[str, Allowed] | None = None,
    min_interval_s: float = 0.0,
    battery_percentage: float = 1.0,
) -> Opened:
    """Open the machine itself, or the simulation of `platform`.

    `auto` is the machine if it has a clock or a sensor. `battery_percentage` is of the simulated
    one, the rest of the real one, as for `LinuxDevice`. A machine that is not the one described has
    its own name in its states. Raises PlatformError as `find_machine` does, and for a whitelist
    that does not fit.
    """
    sysfs = sysfs or Sysfs()
    machine = find_machine(choice, sysfs=sysfs)
    if machine is None:
        asked = choice == SIMULATED
        why = 'asked for' if asked else 'this machine has no clocks and no sensors'
        simulated = SimulatedDevice(platform, clock=clock, battery_percentage=battery_percentage)
        return Opened(simulated, f'{platform.name}, simulated: {why}')
    differs = why_it_does_not_fit(platform, machine.domains)
    device = LinuxDevice(
        sysfs,
        machine,
        name=machine.model if differs else platform.name,
        record_file=record_file or default_record_file(),
        clock=clock,
        whitelist=whitelist,
        min_interval_s=min_interval_s,
    )
    return Opened(device, _reason(device), differs)


def find_machine(choice: str, *, sysfs: Sysfs) -> LinuxMachine | None:
    """Return this machine, or None where the simulated platform is to stand in for it.

    It does not matter to the answer what this process has permission for, so every process of a
    machine comes to the same. Raises PlatformError for a choice that is none of `CHOICES`, and for
    `linux` where there is nothing.
    """
    if choice not in CHOICES:
        raise PlatformError(field='device', value=choice, expected=' or '.join(CHOICES))
    if choice == SIMULATED:
        return None
    machine = LinuxMachine.discover(sysfs)
    if not machine.empty:
        return machine
    if choice == 'auto':
        return None
    raise PlatformError(
        field='device',
        value=choice,
        expected='auto or simulated: this machine has no '
        'clocks and no sensors that can be used (see `dynofa platform`)',
    )


def _reason(device: LinuxDevice) -> str:
    """Say what can be turned of the machine, or why nothing can."""
    domains = [domain.name for domain in device.machine.domains]
    settable = [name for name in domains if not device.why_not(name)]
    text = f'{device.machine.model}: power from {device.power_detail}'
    if settable:
        return f'{text}; clocks that can be turned: {", ".join(settable)}'
    why = f': {device.why_not(domains[0])}' if domains else ''
    return f'{text}; read only, no clock can be turned{why}'
