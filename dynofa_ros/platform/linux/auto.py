"""Open the real machine where there is anything to turn or to read, else a simulated one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.linux.device import LinuxDevice
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.record import default_record_file
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed
from dynofa_ros.platform.simulated import SimulatedDevice

CHOICES = ('auto', 'linux', 'simulated')


@dataclass(frozen=True)
class Opened:
    """A device, and why it is this one."""

    device: LinuxDevice | SimulatedDevice
    reason: str


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

    `auto` is the machine if it has a clock or a sensor that can be used. `battery_percentage` is of
    the simulated one, the rest of the real one, as for `LinuxDevice`. Raises PlatformError for
    another choice, for `linux` where there is nothing, and for a whitelist that does not fit.
    """
    if choice not in CHOICES:
        raise PlatformError(field='device', value=choice, allowed=' or '.join(CHOICES))
    sysfs = sysfs or Sysfs()
    machine = None if choice == 'simulated' else LinuxMachine.discover(sysfs)
    if machine is None or machine.empty:
        if choice == 'linux':
            raise PlatformError(
                field='device', value=choice, allowed='auto or simulated: this machine has no '
                'clocks and no sensors that can be used (see `dynofa platform`)'
            )
        why = 'asked for' if machine is None else 'this machine has no clocks and no sensors'
        simulated = SimulatedDevice(platform, clock=clock, battery_percentage=battery_percentage)
        return Opened(simulated, f'{platform.name}, simulated: {why}')
    device = LinuxDevice(
        sysfs,
        machine,
        name=platform.name,
        record_file=record_file or default_record_file(),
        clock=clock,
        whitelist=whitelist,
        min_interval_s=min_interval_s,
    )
    return Opened(device, _reason(device))


def _reason(device: LinuxDevice) -> str:
    """Say what can be turned of the machine, or why nothing can."""
    domains = [domain.name for domain in device.machine.domains]
    settable = [name for name in domains if not device.why_not(name)]
    text = f'{device.machine.model}: power from {device.power_detail}'
    if settable:
        return f'{text}; clocks that can be turned: {", ".join(settable)}'
    why = f': {device.why_not(domains[0])}' if domains else ''
    return f'{text}; read only, no clock can be turned{why}'
