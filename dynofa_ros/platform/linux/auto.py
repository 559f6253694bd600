# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Open this machine if it has frequency domains or sensors, otherwise a simulated device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.device import Device
from dynofa_ros.platform.linux.device import LinuxDevice
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.restore import RestoreResult, default_state_file
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed
from dynofa_ros.platform.simulated.device import SimulatedDevice

SAME_BOARD = 0.02
"""Relative difference of the highest frequencies up to which two boards are of the same kind."""
SIMULATED = 'simulated'
CHOICES = ('auto', 'linux', SIMULATED)


def platform_mismatch(platform: Platform, domains: Sequence[LinuxDomain]) -> str:
    """Return how a machine differs from a platform description; empty: it matches.

    The machine must have every domain of the description, with the same highest frequency. It may
    have more domains and more frequencies.
    """
    found = {domain.name: domain for domain in domains}
    for name, domain in platform.domains.items():
        if name not in found:
            known = ', '.join(sorted(found)) or 'none'
            return f'{platform.name} has a frequency domain {name!r}, this machine: {known}'
        described_hz, found_hz = domain.frequencies_hz[-1], found[name].frequencies_hz[-1]
        if abs(found_hz / described_hz - 1) > SAME_BOARD:
            return (
                f'{platform.name} has {name} up to {described_hz / 1e6:g} MHz, this machine up to '
                f'{found_hz / 1e6:g} MHz'
            )
    return ''


@dataclass(frozen=True)
class OpenedDevice:
    """A device, and why it was selected."""

    device: Device
    reason: str
    mismatch: str = ''
    """How the machine differs from the description; empty: not at all, or it is simulated."""
    restored: RestoreResult = field(default_factory=RestoreResult)
    """The settings left behind by a crashed process, restored on opening."""


def open_device(
    platform: Platform,
    choice: str = 'auto',
    *,
    sysfs: Sysfs | None = None,
    clock: Callable[[], float] = time.monotonic,
    state_file: Path | None = None,
    whitelist: Mapping[str, Allowed] | None = None,
    min_interval_s: float = 0.0,
    battery_percentage: float = 1.0,
) -> OpenedDevice:
    """Open this machine, or a simulation of `platform`.

    `auto` is this machine if it has a frequency domain or a sensor. `battery_percentage` applies to
    the simulation, the other options to `LinuxDevice`. A machine that differs from the description
    reports its own name. Raises PlatformError as `find_machine` does, and for a whitelist that does
    not fit.
    """
    sysfs = sysfs or Sysfs()
    machine = find_machine(choice, sysfs=sysfs)
    if machine is None:
        why = (
            f'device is {SIMULATED}'
            if choice == SIMULATED
            else 'this machine has no frequency domains and no sensors'
        )
        simulated = SimulatedDevice(platform, clock=clock, battery_percentage=battery_percentage)
        return OpenedDevice(simulated, f'{platform.name}, simulated: {why}')
    mismatch = platform_mismatch(platform, machine.domains)
    device = LinuxDevice(
        sysfs,
        machine,
        name=machine.model if mismatch else platform.name,
        state_file=state_file or default_state_file(),
        clock=clock,
        whitelist=whitelist,
        min_interval_s=min_interval_s,
    )
    return OpenedDevice(device, _summary(device), mismatch, device.restored_at_start)


def find_machine(choice: str, *, sysfs: Sysfs) -> LinuxMachine | None:
    """Return this machine, or None if the simulated platform is used.

    The result does not depend on the permissions of this process, so all processes on a machine
    agree. Raises PlatformError for a choice not in `CHOICES`, and for `linux` on a machine without
    frequency domains and sensors.
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
        expected='auto or simulated: this machine has no frequency domains and no sensors that can '
        'be used (see `dynofa platform`)',
    )


def _summary(device: LinuxDevice) -> str:
    """Return the power sensors and settable domains of a device, or why none is settable."""
    domains = [domain.name for domain in device.machine.domains]
    settable = [name for name in domains if not device.reason_not_settable(name)]
    text = f'{device.machine.model}: power from {device.power_detail}'
    if settable:
        return f'{text}; settable frequency domains: {", ".join(settable)}'
    why = f': {device.reason_not_settable(domains[0])}' if domains else ''
    return f'{text}; read only, no frequency can be set{why}'
