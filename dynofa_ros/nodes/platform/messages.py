"""Between the device layer's values and ROS messages, both ways. Holds no state."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Time
from sensor_msgs.msg import BatteryState

from dynofa_ros.msg import (
    DomainFrequency,
    DomainState,
    DvfsCommand,
    PlatformState,
    RailState,
    TemperatureState,
)
from dynofa_ros.platform.device import BatteryReading, DeviceState, DomainReading, DomainSetting

# `POWER_SUPPLY_STATUS` of sensor_msgs follows what Linux says.
_SUPPLY_STATUS = {
    'Charging': BatteryState.POWER_SUPPLY_STATUS_CHARGING,
    'Discharging': BatteryState.POWER_SUPPLY_STATUS_DISCHARGING,
    'Not charging': BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING,
    'Full': BatteryState.POWER_SUPPLY_STATUS_FULL,
}


def settings_of(command: DvfsCommand) -> list[DomainSetting]:
    """Return what a command asks of each domain."""
    return [_setting(domain) for domain in command.domains]


def _setting(domain: DomainFrequency) -> DomainSetting:
    return DomainSetting(
        domain=domain.domain,
        frequency_hz=domain.frequency_hz,
        min_frequency_hz=domain.min_frequency_hz,
        max_frequency_hz=domain.max_frequency_hz,
    )


def platform_state_message(state: DeviceState, *, stamp: Time, obeys: bool = True) -> PlatformState:
    """Return the state as a message, without the acknowledgement of a command.

    A node that `obeys` no command can set no clock.
    """
    message = PlatformState(
        platform=state.platform,
        simulated=state.simulated,
        capabilities=list(state.capabilities),
        domains=[_domain_message(each, obeys=obeys) for each in state.domains.values()],
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


def _domain_message(domain: DomainReading, *, obeys: bool) -> DomainState:
    return DomainState(
        name=domain.name,
        processors=list(domain.processors),
        frequency_hz=domain.frequency_hz,
        min_frequency_hz=domain.min_frequency_hz,
        max_frequency_hz=domain.max_frequency_hz,
        available_frequencies_hz=list(domain.available_frequencies_hz),
        settable=domain.settable and obeys,
        utilisation=domain.utilisation,
        co_runner_utilisation=domain.co_runner_utilisation,
    )


def battery_message(battery: BatteryReading, *, stamp: Time) -> BatteryState:
    """Return the battery as a message; what no model says is NaN or unknown."""
    message = BatteryState(
        voltage=battery.voltage_v,
        temperature=math.nan,
        current=battery.current_a,
        charge=battery.charge_ah,
        capacity=battery.capacity_ah,
        design_capacity=battery.capacity_ah,
        percentage=battery.percentage,
        power_supply_status=_SUPPLY_STATUS.get(
            battery.status, BatteryState.POWER_SUPPLY_STATUS_UNKNOWN
        ),
        power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_UNKNOWN,
        power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_UNKNOWN,
        present=True,
    )
    message.header.stamp = stamp
    return message
