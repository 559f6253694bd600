# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Parameters of the platform node. rclpy enforces their ranges, which exclude NaN."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rclpy.node import Node

from dynofa_ros.nodes.declare import PLATFORM, declare_parameter
from dynofa_ros.platform import Platform, PlatformError, load_platform
from dynofa_ros.platform.linux import CHOICES, Allowed, parse_whitelist

CO_RUNNER = 'co_runner_utilisation.'


@dataclass(frozen=True)
class PlatformParameters:
    """The parameters that are read at startup."""

    platform: Platform
    device: str
    autostart: bool
    publish_rate_hz: float
    sample_rate_hz: float
    whitelist: dict[str, Allowed] | None
    """None: CPU and GPU, up to their current limits."""
    min_interval_s: float
    manager_timeout_s: float
    state_file: Path | None
    sysfs_root: Path
    battery_initial: float


def declare_parameters(node: Node) -> PlatformParameters:
    """Declare all parameters of the node, and return those that are read at startup.

    Raises PlatformError for an invalid platform, whitelist or battery, and what `declare_parameter`
    raises.
    """
    fixed = partial(declare_parameter, node, read_only=True)
    name = fixed('platform', PLATFORM, 'platform description: name or YAML path')
    energy_j = fixed(
        'battery_energy_j',
        math.nan,
        'energy of the full battery [J]; NaN: that of the description',
    )
    platform = with_battery_energy(load_platform(name), energy_j)
    declare_parameter(
        node, 'publish_battery', True, 'publish the battery, unless another node does'
    )
    for processor in platform.processors:
        declare_parameter(
            node,
            f'{CO_RUNNER}{processor}',
            0.0,
            f'utilisation of {processor} by programs that we do not manage, 0..1; simulation only',
            low=0.0,
            high=1.0,
        )
    whitelist = fixed(
        'whitelist',
        [''],
        'frequency domains of a real machine that may be set, as cpu or gpu:300e6-900e6 [Hz]; '
        'empty: CPU and GPU up to their current limits',
    )
    entries = [each for each in whitelist if each]
    state_file = fixed(
        'state_file',
        '',
        'file with the original frequency settings; empty: in the state directory of the service '
        'or the user',
    )
    return PlatformParameters(
        platform=platform,
        device=fixed(
            'device',
            'auto',
            'auto: this machine if it has frequency domains or sensors, otherwise simulated',
            choices=CHOICES,
        ),
        autostart=fixed('autostart', True, 'configure and activate the node at startup'),
        publish_rate_hz=fixed(
            'publish_rate_hz', 10.0, 'rate of platform_state [Hz]', low=0.1, high=100.0
        ),
        sample_rate_hz=fixed(
            'sample_rate_hz',
            20.0,
            'mean rate at which the power of a real machine is sampled [Hz]',
            low=0.1,
            high=100.0,
        ),
        whitelist=parse_whitelist(entries) if entries else None,
        min_interval_s=fixed(
            'min_interval_s',
            0.1,
            'minimum time between two frequency changes of a real machine [s]',
            low=0.0,
            high=60.0,
        ),
        manager_timeout_s=fixed(
            'manager_timeout_s',
            5.0,
            'frequencies are restored when the manager is silent for this long [s]; 0: never',
            low=0.0,
            high=3600.0,
        ),
        state_file=Path(state_file).expanduser() if state_file else None,
        sysfs_root=Path(
            fixed('sysfs_root', '/', 'folder in which /sys and /proc of the machine are mounted')
        ).expanduser(),
        battery_initial=fixed(
            'battery_initial', 1.0, 'initial charge of the battery, 0..1', low=0.0, high=1.0
        ),
    )


def with_battery_energy(platform: Platform, energy_j: float) -> Platform:
    """Return the platform with another battery capacity [J]; NaN: unchanged.

    Raises PlatformError unless it is above 0, and for a platform without a battery.
    """
    if math.isnan(energy_j):
        return platform
    if platform.battery is None:
        raise PlatformError(
            field='battery_energy_j',
            value=energy_j,
            expected=f'NaN: platform {platform.name} has no battery',
        )
    try:
        battery = dataclasses.replace(platform.battery, energy_j=energy_j)
    except PlatformError as error:
        raise PlatformError(
            field='battery_energy_j', value=energy_j, expected=error.expected
        ) from error
    return dataclasses.replace(platform, battery=battery)
