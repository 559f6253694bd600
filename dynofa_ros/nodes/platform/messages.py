"""Conversion between ROS messages and the values of the device layer. Stateless."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from dynofa_ros.msg import DomainState, DvfsCommand, PlatformState, RailState, TemperatureState
from dynofa_ros.platform.device import DeviceState, DomainReading, DomainSetting


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
    state: DeviceState, *, stamp: Time, active: bool = True
) -> PlatformState:
    """Return the state as a message, without the acknowledgement of a command.

    While the node is not `active`, no domain is settable.
    """
    message = PlatformState(
        platform=state.platform,
        simulated=state.simulated,
        capabilities=list(state.capabilities),
        domains=[_domain_message(each, active=active) for each in state.domains.values()],
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


def _domain_message(domain: DomainReading, *, active: bool) -> DomainState:
    return DomainState(
        name=domain.name,
        processors=list(domain.processors),
        frequency_hz=domain.frequency_hz,
        min_frequency_hz=domain.min_frequency_hz,
        max_frequency_hz=domain.max_frequency_hz,
        available_frequencies_hz=list(domain.available_frequencies_hz),
        settable=domain.settable and active,
        utilisation=domain.utilisation,
        co_runner_utilisation=domain.co_runner_utilisation,
    )
