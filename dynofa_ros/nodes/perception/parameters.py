"""Parameters of the perception node, with their ranges: rclpy refuses the rest, and says why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from dynofa_ros.engine import AUTO, ENGINES
from dynofa_ros.platform.linux import CHOICES as DEVICES

RELIABILITIES = ('best_effort', 'reliable')
ENGINE_CHOICES = (AUTO, *ENGINES)

# Name: default, meaning, whether it can change while the node runs, allowed values in words.
_TEXTS: dict[str, tuple[str, str, bool, str]] = {
    'app': ('', 'name of this application; empty: the name of the node', False, ''),
    'model': ('ofa_mbv3_cifar10', 'model: a name or the path of its folder', False, ''),
    'engine': (
        AUTO,
        'what runs the sub-networks; auto: the fastest that works here',
        False,
        f'one of {", ".join(ENGINE_CHOICES)}',
    ),
    'cache': (
        '',
        "folder for compiled sub-networks; empty: compiled, in the user's cache folder",
        False,
        '',
    ),
    'subnet': ('', 'sub-network to run, whatever the manager commands; empty: obey it', True, ''),
    'platform': (
        '',
        'platform description, a name or the path of its YAML: of the machine that is simulated, '
        'or of this one, for what its other clocks would give; empty: this machine as it is',
        False,
        '',
    ),
    'device': (
        'auto',
        'auto: this machine if it has clocks or sensors, measured, else the simulated platform, '
        'whose time frames take',
        False,
        f'one of {", ".join(DEVICES)}',
    ),
    'sysfs_root': ('/', "where this machine's /sys and /proc are mounted", False, ''),
    'processor': ('', 'processor to start on; empty: the first', False, ''),
    'profile': (
        '',
        'profile of this machine as JSON: read if it exists and fits, else measured and written; '
        'empty: measured at every start',
        False,
        '',
    ),
    'image_reliability': (
        'best_effort',
        'reliability asked of the camera',
        False,
        f'one of {", ".join(RELIABILITIES)}',
    ),
}
_NUMBERS: dict[str, tuple[int, int, int, str, bool]] = {
    'threads': (0, 0, 1024, 'CPU threads; 0: one for each core', False),
    'resident_bytes': (
        10**9,
        0,
        2**40,
        'memory for compiled sub-networks [bytes]; beyond it the one unused longest goes; '
        '0: no limit',
        False,
    ),
    'top': (5, 1, 1000, 'classes in a classification, best first', True),
    'profile_rounds': (15, 3, 1000, 'timed runs of each sub-network when measuring', False),
    'seed': (0, 0, 2**31 - 1, "seed of a simulated platform's jitter", False),
}


@dataclass(frozen=True)
class PerceptionParameters:
    """What the node is started with."""

    app: str
    model: str
    engine: str
    cache: str
    subnet: str
    platform: str
    device: str
    sysfs_root: str
    processor: str
    profile: str
    reliable: bool
    threads: int
    resident_bytes: int
    top: int
    profile_rounds: int
    seed: int
    jitter: float


def declare_parameters(node: Node) -> PerceptionParameters:
    """Declare all parameters of the node and return their values.

    Raises:
        ValueError: for a text that is not allowed; and rclpy's own exceptions for a wrong type
            or a number out of range.
    """
    values: dict[str, Any] = {}
    for name, (text, meaning, settable, allowed) in _TEXTS.items():
        descriptor = ParameterDescriptor(
            description=meaning, read_only=not settable, additional_constraints=allowed
        )
        values[name] = node.declare_parameter(name, text, descriptor).value
    for name, (number, low, high, meaning, settable) in _NUMBERS.items():
        descriptor = ParameterDescriptor(
            description=meaning,
            read_only=not settable,
            integer_range=[IntegerRange(from_value=low, to_value=high, step=1)],
        )
        values[name] = node.declare_parameter(name, number, descriptor).value
    values['jitter'] = node.declare_parameter(
        'jitter',
        0.03,
        ParameterDescriptor(
            description="spread of a simulated platform's latencies, standard deviation / mean",
            read_only=True,
            floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)],
        ),
    ).value
    _check_choice('device', values['device'], DEVICES)
    _check_choice('engine', values['engine'], ENGINE_CHOICES)
    _check_choice('image_reliability', values['image_reliability'], RELIABILITIES)
    values['reliable'] = values.pop('image_reliability') == 'reliable'
    values['app'] = values['app'] or node.get_name()
    values['threads'] = values['threads'] or len(os.sched_getaffinity(0))
    return PerceptionParameters(**values)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f'{name} is {value!r}; expected {", ".join(allowed)}')
