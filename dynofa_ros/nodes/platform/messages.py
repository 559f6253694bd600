# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Conversion between ROS messages and the values of the device layer. Stateless."""

from __future__ import annotations

import math
from collections.abc import Mapping

from builtin_interfaces.msg import Time

from dynofa_ros.msg import (
    DomainState,
    DvfsCommand,
    FrameReport,
    PlatformState,
    RailState,
    TemperatureState,
)
from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.device import DeviceState, DomainReading, DomainSetting
from dynofa_ros.runtime.actuation.command_tracker import SEQUENCE_MAX, plausible_sequence
from dynofa_ros.runtime.ranges import DOMAINS_MAX, PART_S

MAX_NAME = 64
MAX_REASON = 256


def check_command(command: DvfsCommand) -> None:
    """Raise PlatformError for a command that no manager sends.

    It is not acknowledged: the state would repeat its texts ten times a second.
    """
    if not plausible_sequence(command.sequence):
        raise PlatformError(
            field='sequence', value=command.sequence, expected=f'at most {SEQUENCE_MAX}'
        )
    if len(command.domains) > DOMAINS_MAX:
        raise PlatformError(
            field='domains',
            value=len(command.domains),
            expected=f'at most {DOMAINS_MAX} entries',
        )
    names = [('domain', each.domain, MAX_NAME) for each in command.domains]
    for field, text, longest in [*names, ('reason', command.reason, MAX_REASON)]:
        if len(text) > longest:
            raise PlatformError(
                field=field,
                value=f'{text[:MAX_NAME]}...',
                expected=f'a text of at most {longest} characters',
            )


def check_report(report: FrameReport) -> None:
    """Raise PlatformError for a frame that cannot have taken place."""
    for field in ('inference_s', 'postprocess_s'):
        value = getattr(report, field)
        # NaN and negative values are checked where they are used.
        if value > PART_S.high:
            raise PlatformError(field=field, value=value, expected=f'at most {PART_S.high:g} s')
    for field in ('app', 'processor'):
        if len(getattr(report, field)) > MAX_NAME:
            raise PlatformError(
                field=field,
                value=f'{getattr(report, field)[:MAX_NAME]}...',
                expected=f'a name of at most {MAX_NAME} characters',
            )


def domain_settings(command: DvfsCommand) -> list[DomainSetting]:
    """Return the settings of a command."""
    return [
        DomainSetting(
            domain=each.domain,
            frequency_hz=each.frequency_hz,
            min_frequency_hz=each.min_frequency_hz,
            max_frequency_hz=each.max_frequency_hz,
        )
        for each in command.domains
    ]


def platform_state_message(
    state: DeviceState,
    *,
    stamp: Time,
    active: bool = True,
    contention: Mapping[str, float] | None = None,
) -> PlatformState:
    """Return the state as a message, without the acknowledgement of a command.

    While the node is not `active`, no domain is settable. `contention` is that of the processors
    of which it is known.
    """
    message = PlatformState(
        platform=state.platform,
        simulated=state.simulated,
        capabilities=list(state.capabilities),
        domains=[
            _domain_message(each, active=active, contention=contention or {})
            for each in state.domains.values()
        ],
        rails=[RailState(name=name, power_w=power_w) for name, power_w in state.rails_w.items()],
        power_w=state.power_w,
        power_source=state.power_source,
        energy_j=state.energy_j,
        temperatures=[
            TemperatureState(
                name=each.name, temperature_c=each.temperature_c, throttle_c=each.throttle_c
            )
            for each in state.temperatures
        ],
    )
    message.header.stamp = stamp
    return message


def _domain_message(
    domain: DomainReading, *, active: bool, contention: Mapping[str, float]
) -> DomainState:
    return DomainState(
        name=domain.name,
        processors=list(domain.processors),
        contention=[contention.get(each, math.nan) for each in domain.processors],
        frequency_hz=domain.frequency_hz,
        min_frequency_hz=domain.min_frequency_hz,
        max_frequency_hz=domain.max_frequency_hz,
        available_frequencies_hz=list(domain.available_frequencies_hz),
        settable=domain.settable and active,
        utilisation=domain.utilisation,
        co_runner_utilisation=domain.co_runner_utilisation,
    )
