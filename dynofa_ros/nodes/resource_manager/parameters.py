"""Parameters of the resource manager: the fields of `runtime.Settings`, and the decision rate."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from dynofa_ros.runtime import ManagerSettings
from dynofa_ros.runtime.decision.state import ENERGY_WEIGHT_MAX
from dynofa_ros.runtime.settings import OBJECTIVES

DECISION_RATE = 'decision_rate_hz'
DECISION_RATE_HZ = 5.0

# Range and meaning of each number; the ranges are what ROS tools show, Settings checks the rest.
_NUMBERS: dict[str, tuple[float, float, str]] = {
    DECISION_RATE: (0.1, 100.0, 'decisions a second, besides those that events ask for [Hz]'),
    'deadline_s': (0.0, 3600.0, 'deadline of applications that no Deadline named [s]; 0: none'),
    'min_accuracy': (0.0, 1.0, 'accuracy floor of applications that no Deadline named, 0..1'),
    'battery_low': (0.0, 1.0, 'below this charge the objective is min_energy, 0..battery_high'),
    'battery_high': (0.0, 1.0, 'above this charge it is max_accuracy again, battery_low..1'),
    'deadline_probability': (0.5, 0.9999, 'probability that a frame is to meet its deadline'),
    'switch_margin': (0.0, 1.0, 'share of energy a change must save, and of latency to spare'),
    'energy_weight': (0.0, ENERGY_WEIGHT_MAX, 'of weighted: accuracy that a joule is worth [1/J]'),
    'power_cap_w': (0.0, 10000.0, 'mean power that the board may draw [W]; 0: no cap'),
    'thermal_margin_k': (0.0, 50.0, 'sensors are kept this far below throttling [K]'),
    'mission_s': (0.0, 1e7, 'the battery is to last this long from now on [s]; 0: no mission'),
    'mission_reserve': (0.0, 1.0, 'charge that is to be left at the end of a mission, 0..1'),
    'acknowledge_timeout_s': (0.01, 600.0, 'a command not acknowledged by then is repeated [s]'),
    'hold_s': (0.1, 3600.0, 'what was refused is not asked for again for this long [s]'),
    'battery_timeout_s': (0.1, 86400.0, 'a charge older than this is unknown [s]'),
    'report_timeout_s': (0.1, 3600.0, 'silent for this long: application idle, platform stale [s]'),
}
_OTHERS: dict[str, tuple[str, str]] = {
    'objective': ('what to optimise; auto: by the battery', f'one of {", ".join(OBJECTIVES)}'),
    'dvfs': ('whether to command clocks at all', ''),
}


def declare(node: Node) -> None:
    """Declare all parameters; their defaults are those of `ManagerSettings`."""
    defaults = {DECISION_RATE: DECISION_RATE_HZ, **_defaults()}
    for name, (low, high, text) in _NUMBERS.items():
        limits = FloatingPointRange(from_value=low, to_value=high)
        descriptor = ParameterDescriptor(description=text, floating_point_range=[limits])
        node.declare_parameter(name, defaults[name], descriptor)
    node.declare_parameter(
        'acknowledge_attempts',
        defaults['acknowledge_attempts'],
        ParameterDescriptor(
            description='attempts after which an unacknowledged command is named as a warning',
            integer_range=[IntegerRange(from_value=1, to_value=1000)],
        ),
    )
    for name, (text, limits_text) in _OTHERS.items():
        descriptor = ParameterDescriptor(description=text, additional_constraints=limits_text)
        node.declare_parameter(name, defaults[name], descriptor)


def _defaults() -> dict[str, Any]:
    """Return the default of each setting by name."""
    settings = ManagerSettings()
    return {each.name: getattr(settings, each.name) for each in fields(ManagerSettings)}


def settings_with(node: Node, changes: list[Parameter]) -> ManagerSettings:
    """Return the settings as the parameters would be after `changes`; raises ValueError."""
    values = {name: node.get_parameter(name).value for name in _defaults()}
    values.update({each.name: each.value for each in changes if each.name in values})
    return ManagerSettings(**values)
