"""Convert the resource manager's messages to plain values and back.

Fields of equal names are copied. A message with a value out of range raises ValueError that names
the field, its value and the allowed range; the node counts it and goes on.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

from rclpy.time import Time
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Header

from dynofa_ros.msg import (
    AppDecision,
    Deadline,
    DomainFrequency,
    DomainState,
    DvfsCommand,
    FrameReport,
    ManagerState,
    Mission,
    PlatformState,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
)
from dynofa_ros.msg import OperatingPoint as OperatingPointMessage
from dynofa_ros.runtime import (
    BatteryObservation,
    DomainObservation,
    FrameObservation,
    OperatingPoint,
    PlatformObservation,
    Profile,
    SubnetObservation,
    TargetRequest,
    TemperatureObservation,
)
from dynofa_ros.runtime.actuation.clocks import ClockCommand
from dynofa_ros.runtime.actuation.subnets import SwitchCommand
from dynofa_ros.runtime.observation import ResidentPoint
from dynofa_ros.runtime.operating_points.frequency import COUNTER_TOLERANCE
from dynofa_ros.runtime.status import AppStatus, ManagerStatus

Value = TypeVar('Value')


def _read(kind: type[Value], message: Any, **others: Any) -> Value:
    """Build a dataclass from `others`, and from the message's fields for the rest."""
    names = {each.name for each in dataclasses.fields(kind)} - others.keys()  # type: ignore[arg-type]
    return kind(**{name: getattr(message, name) for name in names}, **others)


def _write(kind: Any, value: Any, **others: Any) -> Any:
    """Build a message from `others`, and from the dataclass's fields for the rest."""
    names = kind.get_fields_and_field_types().keys() - others.keys()
    return kind(**{name: getattr(value, name) for name in names}, **others)


def profile_from(message: SubnetProfile) -> Profile:
    """Read a profile."""
    points = tuple(_read(OperatingPoint, point) for point in message.points)
    return _read(Profile, message, points=points)


def profile_message(profile: Profile) -> SubnetProfile:
    """Write a profile, with an empty header."""
    points = [_write(OperatingPointMessage, point) for point in profile.points]
    return _write(SubnetProfile, profile, header=Header(), points=points)


def frame_from(message: FrameReport) -> FrameObservation:
    """Read a frame report."""
    overhead_s = message.preprocess_s + message.postprocess_s
    return _read(
        FrameObservation,
        message,
        overhead_s=0.0 if math.isnan(overhead_s) else overhead_s,
        stamp_s=message.header.stamp.sec + message.header.stamp.nanosec * 1e-9,
        skipped=message.dropped + message.refused,
    )


def subnet_from(message: SubnetState) -> SubnetObservation:
    """Read the state of an application's sub-network."""
    residents = tuple(_read(ResidentPoint, each) for each in message.residents)
    return _read(SubnetObservation, message, residents=residents)


def platform_from(message: PlatformState) -> PlatformObservation:
    """Read frequencies, power and temperatures."""
    domains = tuple(
        _read(
            DomainObservation,
            each,
            processors=tuple(each.processors),
            frequency_hz=_busy_clock_hz(each, simulated=message.simulated),
            frequencies_hz=tuple(each.available_frequencies_hz),
        )
        for each in message.domains
    )
    temperatures = tuple(_read(TemperatureObservation, each) for each in message.temperatures)
    return _read(PlatformObservation, message, domains=domains, temperatures=temperatures)


def _busy_clock_hz(domain: DomainState, *, simulated: bool) -> float:
    """Return the frequency at which frames run.

    If the limits differ, a Linux governor chooses the frequency: the present one is that of a
    moment, often an idle one, and goes to the upper limit while a frame runs. At a fixed frequency,
    x86 reports the value counted by a core.
    """
    frequency_hz, highest_hz = domain.frequency_hz, domain.max_frequency_hz
    governed = domain.min_frequency_hz < highest_hz
    near = abs(frequency_hz - highest_hz) <= COUNTER_TOLERANCE * highest_hz
    return highest_hz if not simulated and (governed or near) else frequency_hz


def target_from(message: Deadline) -> TargetRequest:
    """Read a deadline."""
    return _read(TargetRequest, message)


def battery_from(message: BatteryState) -> BatteryObservation:
    """Read the battery."""
    return BatteryObservation(
        percentage=message.percentage,
        voltage_v=message.voltage,
        charge_ah=message.charge,
        capacity_ah=message.capacity,
        design_capacity_ah=message.design_capacity,
    )


def mission_age_s(message: Mission, *, now: Time) -> float:
    """Return the time since a mission began [s]; without a stamp it begins now."""
    begun = Time.from_msg(message.header.stamp, clock_type=now.clock_type)
    return (now - begun).nanoseconds * 1e-9 if begun.nanoseconds else 0.0


def switch_message(command: SwitchCommand, *, header: Header) -> SubnetCommand:
    """Write a sub-network command."""
    return _write(SubnetCommand, command, header=header)


def clocks_message(command: ClockCommand, *, header: Header) -> DvfsCommand:
    """Write a frequency command; every domain gets one fixed frequency."""
    domains = [
        DomainFrequency(
            domain=name,
            frequency_hz=frequency_hz,
            min_frequency_hz=math.nan,
            max_frequency_hz=math.nan,
        )
        for name, frequency_hz in sorted(command.clocks_hz.items())
    ]
    return _write(DvfsCommand, command, header=header, domains=domains)


def status_message(status: ManagerStatus, *, header: Header) -> ManagerState:
    """Write the manager's state."""
    budget = status.budget
    base = budget.base_load
    return _write(
        ManagerState,
        status,
        header=header,
        objective=status.objective.value,
        mission_left_s=budget.mission_left_s,
        power_cap_w=_nan_if_infinite(budget.board.power_w),
        power_cap_reason=budget.board.reason,
        base_power_w=base.mean_w if base else math.nan,
        base_power_std_w=base.std_w if base else math.nan,
        applications_cap_w=_nan_if_infinite(budget.applications_w),
        apps=[_app_message(each) for each in status.apps],
        warnings=list(status.warnings),
    )


def _nan_if_infinite(cap_w: float) -> float:
    """Return a cap as in a message, where NaN is none."""
    return cap_w if math.isfinite(cap_w) else math.nan


def _app_message(status: AppStatus) -> AppDecision:
    """Write one application's part of the manager's state."""
    choice = status.choice
    return _write(
        AppDecision,
        choice,
        point=_write(OperatingPointMessage, choice.point),
        deadline_s=choice.target.deadline_s,
        min_accuracy=choice.target.min_accuracy,
        predicted_energy_j=choice.point.energy_j,
        slowdown=choice.slowdown.mean,
        slowdown_std=choice.slowdown.std,
        violated_targets=list(choice.violated_targets),
        acknowledged=status.acknowledged,
    )
