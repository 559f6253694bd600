"""What a device is to the platform node, be it simulated or the hardware itself.

These are plain values: the node turns them into messages, and a test compares them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

# Where a power or an energy comes from.
RAIL = 'measured_rail'
RAPL = 'measured_rapl'
BATTERY = 'measured_battery'
MODELLED = 'modelled'
UNAVAILABLE = 'unavailable'


@dataclass(frozen=True)
class DomainSetting:
    """What is asked of one frequency domain: one frequency, or else a range. NaN: not asked."""

    domain: str
    frequency_hz: float = math.nan
    min_frequency_hz: float = math.nan
    max_frequency_hz: float = math.nan


@dataclass(frozen=True)
class CommandResult:
    """What became of a command."""

    applied: bool  # all of it, or nothing of it
    text: str  # what was done, or why it was refused


@dataclass(frozen=True)
class DomainReading:
    """One frequency domain now."""

    name: str
    processors: tuple[str, ...]
    frequency_hz: float  # clock now
    min_frequency_hz: float  # limits set now
    max_frequency_hz: float
    available_frequencies_hz: tuple[float, ...]
    settable: bool
    utilisation: float  # busy fraction of its processors in the last period, 0..1
    co_runner_utilisation: float  # part of it by programs that we do not manage
    next_frequency_hz: float  # clock that a change under way leads to; NaN: none
    throttled: bool  # the clock is held back by heat


@dataclass(frozen=True)
class TemperatureReading:
    """One temperature sensor now."""

    name: str
    temperature_c: float
    throttle_c: float


@dataclass(frozen=True)
class BatteryReading:
    """The battery now."""

    percentage: float  # charge, a fraction 0..1
    voltage_v: float
    current_a: float  # negative while it discharges
    charge_ah: float
    capacity_ah: float
    status: str  # as Linux says it: Charging, Discharging, Full, Not charging or Unknown


@dataclass(frozen=True)
class DeviceState:
    """Everything that can be read of a device."""

    platform: str
    simulated: bool
    capabilities: tuple[str, ...]  # of: set_frequency, power, temperature, battery
    domains: Mapping[str, DomainReading]
    rails_w: Mapping[str, float]  # power by supply rail
    power_w: float  # of the board, mean of the last period
    power_source: str  # measured_rail, measured_rapl, measured_battery, modelled or unavailable
    energy_j: float  # drawn since the start
    temperatures: tuple[TemperatureReading, ...]
    battery: BatteryReading | None


class Device(Protocol):
    """A machine whose clocks can be turned."""

    def state(self) -> DeviceState:
        """Read everything."""
        ...

    @property
    def wait_s(self) -> float:
        """Time until clocks may be turned again [s]; 0: now."""
        ...

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Set clocks: all that is asked, or nothing where any part of it is refused."""
        ...

    def advance(self) -> None:
        """End a period, over which utilisation and power are reported."""
        ...

    def restore(self) -> CommandResult:
        """Put the clocks back to how they were found; doing it twice is no harm."""
        ...

    def close(self) -> None:
        """Put the clocks back, and let go of the machine."""
        ...
