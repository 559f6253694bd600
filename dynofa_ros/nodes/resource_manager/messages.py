"""Translate the resource manager's messages into plain values and back.

A message whose values are not allowed raises ValueError that names the field, the value and what
is allowed; the node counts it and goes on.
"""

from __future__ import annotations

import math

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
from dynofa_ros.runtime.status import AppStatus, ManagerStatus

# The fields that OperatingPoint.msg and runtime.OperatingPoint share, by name.
POINT_FIELDS = tuple(OperatingPoint.__dataclass_fields__)

COUNTED = 0.03
"""How far a clock that a core counts may be off the one that is set (assumed)."""


def profile_from(message: SubnetProfile) -> Profile:
    """Read a profile."""
    return Profile(
        app=message.app,
        supernet=message.supernet,
        platform=message.platform,
        latency_source=message.latency_source,
        energy_source=message.energy_source,
        points=tuple(
            OperatingPoint(**{name: getattr(point, name) for name in POINT_FIELDS})
            for point in message.points
        ),
    )


def profile_message(profile: Profile) -> SubnetProfile:
    """Write a profile."""
    return SubnetProfile(
        app=profile.app,
        supernet=profile.supernet,
        platform=profile.platform,
        latency_source=profile.latency_source,
        energy_source=profile.energy_source,
        points=[_point_message(point) for point in profile.points],
    )


def _point_message(point: OperatingPoint) -> OperatingPointMessage:
    return OperatingPointMessage(**{name: getattr(point, name) for name in POINT_FIELDS})


def frame_from(message: FrameReport) -> FrameObservation:
    """Read a frame report."""
    overhead_s = message.preprocess_s + message.postprocess_s
    return FrameObservation(
        app=message.app,
        sequence=message.sequence,
        subnet_id=message.subnet_id,
        engine=message.engine,
        processor=message.processor,
        threads=message.threads,
        inference_s=message.inference_s,
        overhead_s=0.0 if math.isnan(overhead_s) else overhead_s,
        stamp_s=message.header.stamp.sec + message.header.stamp.nanosec * 1e-9,
        skipped=message.dropped + message.refused,
    )


def subnet_from(message: SubnetState) -> SubnetObservation:
    """Read what an application runs."""
    return SubnetObservation(
        app=message.app,
        subnet_id=message.subnet_id,
        processor=message.processor,
        command_sequence=message.command_sequence,
        command_applied=message.command_applied,
        command_result=message.command_result,
        residents=tuple(
            ResidentPoint(each.subnet_id, each.processor, each.threads)
            for each in message.residents
        ),
    )


def platform_from(message: PlatformState) -> PlatformObservation:
    """Read clocks, power and temperatures."""
    return PlatformObservation(
        platform=message.platform,
        domains=tuple(
            DomainObservation(
                name=each.name,
                processors=tuple(each.processors),
                frequency_hz=_busy_clock_hz(each, simulated=message.simulated),
                frequencies_hz=tuple(each.available_frequencies_hz),
                settable=each.settable,
            )
            for each in message.domains
        ),
        command_sequence=message.command_sequence,
        command_applied=message.command_applied,
        command_result=message.command_result,
        power_w=message.power_w,
        power_source=message.power_source,
        temperatures=tuple(
            TemperatureObservation(each.name, each.temperature_c, each.throttle_c)
            for each in message.temperatures
        ),
    )


def _busy_clock_hz(domain: DomainState, *, simulated: bool) -> float:
    """Return the clock at which frames run.

    Between limits that differ a governor of Linux chooses: the clock now is that of a moment, often
    of an idle one, and while a frame runs it goes to the upper limit. At one clock x86 shows what a
    core counted, which is off by some parts of a hundred.
    """
    frequency_hz, highest_hz = domain.frequency_hz, domain.max_frequency_hz
    floats = domain.min_frequency_hz < highest_hz
    near = abs(frequency_hz - highest_hz) <= COUNTED * highest_hz
    return highest_hz if not simulated and (floats or near) else frequency_hz


def target_from(message: Deadline) -> TargetRequest:
    """Read a deadline."""
    return TargetRequest(
        app=message.app,
        deadline_s=message.deadline_s,
        min_accuracy=message.min_accuracy,
        priority=message.priority,
    )


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
    """Return how long ago a mission began [s]; one without a stamp begins now."""
    begun = Time.from_msg(message.header.stamp, clock_type=now.clock_type)
    return (now - begun).nanoseconds * 1e-9 if begun.nanoseconds else 0.0


def switch_message(command: SwitchCommand, *, header: Header) -> SubnetCommand:
    """Write a sub-network command."""
    return SubnetCommand(
        header=header,
        app=command.app,
        sequence=command.sequence,
        subnet_id=command.subnet_id,
        processor=command.processor,
        threads=command.threads,
        deadline_s=command.deadline_s,
        reason=command.reason,
    )


def clocks_message(command: ClockCommand, *, header: Header) -> DvfsCommand:
    """Write a clock command; every domain gets one fixed frequency."""
    return DvfsCommand(
        header=header,
        sequence=command.sequence,
        domains=[
            DomainFrequency(
                domain=name,
                frequency_hz=frequency_hz,
                min_frequency_hz=math.nan,
                max_frequency_hz=math.nan,
            )
            for name, frequency_hz in sorted(command.clocks_hz.items())
        ],
        reason=command.reason,
    )


def status_message(status: ManagerStatus, *, header: Header) -> ManagerState:
    """Write the manager's state."""
    budget = status.budget
    return ManagerState(
        header=header,
        objective=status.objective.value,
        objective_reason=status.objective_reason,
        battery_percentage=status.battery_percentage,
        battery_energy_j=status.battery_energy_j,
        mission_left_s=budget.mission_left_s,
        power_cap_w=_finite(budget.board.power_w),
        power_cap_reason=budget.board.reason,
        base_power_w=budget.rest.mean_w if budget.rest else math.nan,
        base_power_std_w=budget.rest.std_w if budget.rest else math.nan,
        applications_cap_w=_finite(budget.applications_w),
        predicted_power_w=status.predicted_power_w,
        apps=[_app_message(each) for each in status.apps],
        dvfs_acknowledged=status.dvfs_acknowledged,
        warnings=list(status.warnings),
        decision_s=status.decision_s,
        exact=status.exact,
        loss_bound=status.loss_bound,
        decisions=status.decisions,
    )


def _finite(cap_w: float) -> float:
    """Return a cap as a message says it: NaN where there is none."""
    return cap_w if math.isfinite(cap_w) else math.nan


def _app_message(status: AppStatus) -> AppDecision:
    """Write one application's part of the manager's state."""
    choice = status.choice
    return AppDecision(
        app=choice.app,
        point=_point_message(choice.point),
        deadline_s=choice.target.deadline_s,
        min_accuracy=choice.target.min_accuracy,
        predicted_latency_s=choice.predicted_latency_s,
        predicted_energy_j=choice.point.energy_j,
        slowdown=choice.slowdown.mean,
        slowdown_std=choice.slowdown.std,
        violated_targets=list(choice.violated_targets),
        acknowledged=status.acknowledged,
        reason=choice.reason,
    )
