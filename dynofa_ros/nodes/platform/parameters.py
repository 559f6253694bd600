"""Parameters of the platform node, with their ranges: rclpy refuses the rest, and says why.

That includes NaN, which lies in no range.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.node import Node

from dynofa_ros.platform import Platform, PlatformError, load_platform
from dynofa_ros.platform.linux import CHOICES, Allowed, parse_whitelist

CO_RUNNER = 'co_runner_utilisation.'


@dataclass(frozen=True)
class PlatformParameters:
    """What the node is started with."""

    platform: Platform
    device: str
    autostart: bool
    publish_rate_hz: float
    sample_rate_hz: float
    whitelist: dict[str, Allowed] | None
    """None: CPU and GPU, up to the limits that are found."""
    min_interval_s: float
    manager_timeout_s: float
    state_file: Path | None
    sysfs_root: Path
    battery_initial: float


def declare_parameters(node: Node) -> PlatformParameters:
    """Declare all parameters of the node and return those that stay as they are.

    Raises PlatformError for a value that is not allowed, and rclpy's own exceptions for a wrong
    type or a value out of range.
    """
    name = _declare(node, 'platform', 'jetson_xavier_nx', 'platform description: name or YAML path')
    device = _declare(
        node,
        'device',
        'auto',
        'auto: this machine if it has clocks or sensors, else simulated',
        allowed=' or '.join(CHOICES),
    )
    autostart = _declare(node, 'autostart', True, 'configure and activate the node by itself')
    rate_hz = _declare(node, 'publish_rate_hz', 10.0, 'rate of platform_state [Hz]', (0.1, 100.0))
    sample_rate_hz = _declare(
        node,
        'sample_rate_hz',
        20.0,
        "mean rate at which a real machine's power is read [Hz]",
        (0.1, 100.0),
    )
    whitelist = _declare(
        node,
        'whitelist',
        [''],
        'clocks of a real machine that may be turned, as cpu or gpu:300e6-900e6 [Hz]; empty: CPU '
        'and GPU up to the limits found',
    )
    min_interval_s = _declare(
        node,
        'min_interval_s',
        0.1,
        'least time between two changes of a real clock [s]',
        (0.0, 60.0),
    )
    manager_timeout_s = _declare(
        node,
        'manager_timeout_s',
        5.0,
        'clocks go back when the manager is silent for this long [s]; 0: never',
        (0.0, 3600.0),
    )
    state_file = _declare(
        node, 'state_file', '', "how real clocks were found; empty: the service's or user's folder"
    )
    root = _declare(node, 'sysfs_root', '/', "where this machine's /sys and /proc are mounted")
    initial = _declare(node, 'battery_initial', 1.0, 'charge at the start, 0..1', (0.0, 1.0))
    energy_j = _declare(
        node, 'battery_energy_j', math.nan, "full battery [J]; NaN: the description's"
    )
    node.declare_parameter(
        'publish_battery',
        True,
        ParameterDescriptor(description='publish the battery, unless another node does'),
    )
    platform = with_battery_energy(load_platform(name), energy_j)
    for processor in platform.processors:
        node.declare_parameter(
            f'{CO_RUNNER}{processor}',
            0.0,
            ParameterDescriptor(
                description=f'part of {processor} that simulated programs use which we do not '
                'manage, 0..1: a simulated processor has no others',
                floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)],
            ),
        )
    entries = [each for each in whitelist if each]
    return PlatformParameters(
        platform=platform,
        device=device,
        autostart=autostart,
        publish_rate_hz=rate_hz,
        sample_rate_hz=sample_rate_hz,
        whitelist=parse_whitelist(entries) if entries else None,
        min_interval_s=min_interval_s,
        manager_timeout_s=manager_timeout_s,
        state_file=Path(state_file).expanduser() if state_file else None,
        sysfs_root=Path(root),
        battery_initial=initial,
    )


def _declare(
    node: Node,
    name: str,
    default: object,
    description: str,
    limits: tuple[float, float] | None = None,
    allowed: str = '',
) -> Any:
    """Declare a parameter that cannot change while the node runs; return its value."""
    descriptor = ParameterDescriptor(
        description=description, read_only=True, additional_constraints=allowed
    )
    if limits:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=limits[0], to_value=limits[1])
        ]
    return node.declare_parameter(name, default, descriptor).value


def with_battery_energy(platform: Platform, energy_j: float) -> Platform:
    """Return the platform with another battery capacity [J]; NaN: as it is.

    Raises PlatformError where that is not above 0, or where the platform has no battery.
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
