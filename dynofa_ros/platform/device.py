# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The interface of a device, simulated or real, and the values that it exchanges.

The values are plain: the node turns them into messages, and tests compare them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

# Sources of a power or an energy.
RAIL = 'measured_rail'
RAPL = 'measured_rapl'
BATTERY = 'measured_battery'
MODELLED = 'modelled'
UNAVAILABLE = 'unavailable'


@dataclass(frozen=True)
class DomainSetting:
    """A command to one frequency domain: one frequency, or a range. NaN: not specified."""

    domain: str
    frequency_hz: float = math.nan
    min_frequency_hz: float = math.nan
    max_frequency_hz: float = math.nan


@dataclass(frozen=True)
class CommandResult:
    """The result of a command."""

    applied: bool  # in full, or not at all
    text: str  # the frequencies that were set, or why the command was refused


@dataclass(frozen=True)
class DomainReading:
    """The current state of one frequency domain."""

    name: str
    processors: tuple[str, ...]
    frequency_hz: float
    min_frequency_hz: float  # current limits
    max_frequency_hz: float
    available_frequencies_hz: tuple[float, ...]
    settable: bool
    utilisation: float  # of its processors in the last period, 0..1
    co_runner_utilisation: float  # the part of it by programs that we do not manage
    next_frequency_hz: float  # frequency after a change that is under way; NaN: none
    throttled: bool  # the temperature limits the frequency


@dataclass(frozen=True)
class TemperatureReading:
    """The current state of one temperature sensor."""

    name: str
    temperature_c: float
    throttle_c: float


@dataclass(frozen=True)
class BatteryReading:
    """The current state of the battery."""

    percentage: float  # charge, a fraction 0..1
    voltage_v: float
    current_a: float  # negative while it discharges
    charge_ah: float
    capacity_ah: float
    status: str  # in the words of Linux: Charging, Discharging, Full, Not charging or Unknown


@dataclass(frozen=True)
class PowerSample:
    """The energy since the start, at one time."""

    at_s: float
    energy_j: float  # NaN: it could not be measured
    source: str  # as for DeviceState.power_source


@dataclass(frozen=True)
class DeviceState:
    """All readings of a device."""

    platform: str
    simulated: bool
    capabilities: tuple[str, ...]  # of: set_frequency, power, temperature, battery
    domains: Mapping[str, DomainReading]
    rails_w: Mapping[str, float]  # power by supply rail
    power_w: float  # of the board, mean of the last period
    power_source: str  # measured_rail, measured_rapl, measured_battery, modelled or unavailable
    energy_j: float  # since the start
    temperatures: tuple[TemperatureReading, ...]
    battery: BatteryReading | None


class Device(Protocol):
    """A machine whose frequencies can be set: `LinuxDevice` or `SimulatedDevice`."""

    @property
    def simulated(self) -> bool:
        """Whether its readings come from a model."""
        ...

    def state(self) -> DeviceState:
        """Return the current state."""
        ...

    @property
    def wait_s(self) -> float:
        """Time until the next change of frequencies is allowed [s]."""
        ...

    def reason_not_settable(self, domain: str) -> str:
        """Return why a domain cannot be set; empty: it can."""
        ...

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Apply all settings; none of them if one is refused."""
        ...

    def advance(self) -> None:
        """End a period, over which utilisation and power are reported."""
        ...

    def start_sampling(self, rate_hz: float) -> None:
        """Measure the power at this rate; a model does not need to."""
        ...

    def take_samples(self) -> list[PowerSample]:
        """Return the power samples since the previous call; a model has none."""
        ...

    def add_busy(
        self,
        processor: str,
        busy_s: float,
        *,
        threads: int = 1,
        app: str = '',
        takes_turns: bool = False,
    ) -> None:
        """Account for the load of a frame in a simulation; the load of hardware is measured."""
        ...

    def set_co_runner(self, processor: str, utilisation: float) -> None:
        """Simulate other programs, 0..1; raises PlatformError on hardware."""
        ...

    @property
    def out_of_control(self) -> str:
        """Why no frequency of the machine can be set by this process; empty: it has control."""
        ...

    @property
    def changed(self) -> bool:
        """Whether a frequency setting may differ from the original one."""
        ...

    def take_control(self) -> CommandResult:
        """Try again to become the only process that sets frequencies, if it is another one.

        Restores what a crashed process left behind; applied is false if that failed.
        """
        ...

    def restore(self) -> CommandResult:
        """Restore the original frequencies. Idempotent."""
        ...

    def close(self) -> None:
        """Restore the original frequencies, and release the machine."""
        ...
