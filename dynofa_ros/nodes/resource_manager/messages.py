# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Convert the resource manager's messages to plain values and back.

Fields of equal names are copied. A message with a value out of range (`runtime/ranges.py`) raises
ValueError that names the field, its value and the allowed range; the node counts it and goes on.
Lists are counted before they are converted.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple, TypeVar

from rclpy.time import Time
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Header

from dynofa_ros.msg import (
    AppDecision,
    Deadline,
    DomainFrequency,
    DvfsCommand,
    EnvelopePoint,
    FrameReport,
    ManagerState,
    Mission,
    PlatformState,
    SubnetCommand,
    SubnetCorrection,
    SubnetProfile,
    SubnetState,
)
from dynofa_ros.msg import Cascade as CascadeMessage
from dynofa_ros.msg import OperatingPoint as OperatingPointMessage
from dynofa_ros.nodes.domains import domains_from
from dynofa_ros.nodes.resource_manager.arbitration import Identity
from dynofa_ros.runtime import (
    BatteryObservation,
    Cascade,
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
from dynofa_ros.runtime.attention import Attention
from dynofa_ros.runtime.checks import check_count, check_range, shortened
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.observation import ResidentPoint
from dynofa_ros.runtime.ranges import (
    CASCADES_MAX,
    HOLD_S,
    MISSION_S,
    PART_S,
    POINTS_MAX,
    RESIDENTS_MAX,
    SENSORS_MAX,
    STAGES_MAX,
)
from dynofa_ros.runtime.status import AppStatus, ManagerStatus

# Difference of the clocks of two synchronised machines [s].
CLOCK_ERROR_S = 1.0
# Value of FrameReport.deadline_from: the age of the image counts.
STAMP = 'stamp'
# Lists of msg/Cascade.
CASCADE_LISTS = ('stages', 'thresholds', 'reached', 'answer_accuracy', 'early_accuracy')
# A latched mission may be as old as this [s].
LATCHED_MISSION_S = 86_400.0

Value = TypeVar('Value')


def _read(kind: type[Value], message: Any, **others: Any) -> Value:
    """Build a dataclass from `others`, and from the message's fields for the rest."""
    for name in _common(kind, type(message)):  # type: ignore[arg-type]
        if name not in others:
            others[name] = getattr(message, name)
    return kind(**others)


@functools.cache
def _common(kind: type, message_kind: Any) -> tuple[str, ...]:
    """Return the fields that a dataclass and a message have in common."""
    fields = message_kind.get_fields_and_field_types()
    return tuple(each.name for each in dataclasses.fields(kind) if each.name in fields)


def _write(kind: Any, value: Any, **others: Any) -> Any:
    """Build a message from `others`, and from the dataclass's fields for the rest."""
    names = kind.get_fields_and_field_types().keys() - others.keys()
    return kind(**{name: getattr(value, name) for name in names}, **others)


def profile_from(message: SubnetProfile) -> Profile:
    """Read a profile."""
    check_count('points', message.points, most=POINTS_MAX)
    points = tuple(_read(OperatingPoint, point) for point in message.points)
    check_count('corrections', message.corrections, most=POINTS_MAX)
    corrections = {
        (each.subnet_id, each.processor): Correction(each.correction, each.correction_std)
        for each in message.corrections
    }
    check_count('cascades', message.cascades, most=CASCADES_MAX)
    cascades = tuple(_cascade_from(each) for each in message.cascades)
    return _read(Profile, message, points=points, cascades=cascades, corrections=corrections)


def _cascade_from(message: CascadeMessage) -> Cascade:
    for name in CASCADE_LISTS:
        check_count(name, getattr(message, name), most=STAGES_MAX)
    return _read(
        Cascade, message, **{name: tuple(getattr(message, name)) for name in CASCADE_LISTS}
    )


def profile_message(profile: Profile) -> SubnetProfile:
    """Write a profile, with an empty header."""
    points = [_write(OperatingPointMessage, point) for point in profile.points]
    corrections = [
        SubnetCorrection(
            subnet_id=subnet_id,
            processor=processor,
            correction=each.mean,
            correction_std=each.std,
        )
        for (subnet_id, processor), each in sorted(profile.corrections.items())
    ]
    cascades = [
        _write(CascadeMessage, each, **{name: list(getattr(each, name)) for name in CASCADE_LISTS})
        for each in profile.cascades
    ]
    return _write(
        SubnetProfile,
        profile,
        header=Header(),
        points=points,
        cascades=cascades,
        corrections=corrections,
    )


def frame_from(message: FrameReport) -> FrameObservation:
    """Read a frame report."""
    for name in ('preprocess_s', 'postprocess_s'):
        check_range(name, getattr(message, name), PART_S, nan=True)
    overhead_s = message.preprocess_s + message.postprocess_s
    counts = message.deadline_from == STAMP and not math.isnan(message.age_s)
    check_count('stages', message.stages, most=STAGES_MAX)
    if len(message.stage_inference_s) != len(message.stages):
        raise ValueError(
            f'stage_inference_s holds {len(message.stage_inference_s)} values; expected '
            f'{len(message.stages)}, one for each of stages'
        )
    return _read(
        FrameObservation,
        message,
        overhead_s=0.0 if math.isnan(overhead_s) else overhead_s,
        stamp_s=message.header.stamp.sec + message.header.stamp.nanosec * 1e-9,
        skipped=message.dropped + message.refused,
        age_s=message.age_s if counts else 0.0,
        stages=tuple(zip(message.stages, message.stage_inference_s, strict=True)),
        first_score=message.first_score or math.nan,  # 0, as left unset, is unknown
    )


def subnet_from(message: SubnetState, *, now: Time, latched: bool) -> SubnetObservation:
    """Read the state of an application's sub-network; see `_attention_from`."""
    check_count('residents', message.residents, most=RESIDENTS_MAX)
    residents = tuple(_read(ResidentPoint, each) for each in message.residents)
    return _read(
        SubnetObservation,
        message,
        residents=residents,
        command_result=shortened(message.command_result),
        attention=_attention_from(message, now=now, latched=latched),
    )


def _attention_from(message: SubnetState, *, now: Time, latched: bool) -> Attention | None:
    """Read what an application saw; None: nothing, or it is over.

    The hold is the time between two stamps of the sender, so the clocks of both machines may
    differ. Only of a message that may have been `latched` before this node started, its age counts.
    """
    if not message.attention_label:
        return None
    stamp_s, until_s = (
        Time.from_msg(each).nanoseconds * 1e-9
        for each in (message.header.stamp, message.attention_until)
    )
    now_s = now.nanoseconds * 1e-9
    left_s = until_s - (stamp_s or now_s)
    if latched and stamp_s:
        left_s -= max(now_s - stamp_s, 0.0)
    if not left_s > 0.0:
        return None
    return Attention(
        label=message.attention_label,
        score=message.attention_score,
        left_s=min(left_s, HOLD_S.high),
        min_accuracy=message.attention_min_accuracy,
        priority=message.attention_priority,
    )


def platform_from(message: PlatformState) -> PlatformObservation:
    """Read frequencies, power and temperatures."""
    check_count('temperatures', message.temperatures, most=SENSORS_MAX)
    temperatures = tuple(_read(TemperatureObservation, each) for each in message.temperatures)
    return _read(
        PlatformObservation,
        message,
        domains=domains_from(message),
        temperatures=temperatures,
        power_source=shortened(message.power_source),
        command_result=shortened(message.command_result),
    )


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


class MissionRequest(NamedTuple):
    """A mission; mirrors msg/Mission."""

    duration_s: float
    ago_s: float  # since it began
    doubt: str  # why its stamp is not believed; empty: it is


def mission_from(message: Mission, *, now: Time, latched: bool) -> MissionRequest:
    """Read a mission; without a stamp it begins now.

    It also begins now if it would begin in the future, or would be over as it arrives: then the
    clocks of two machines differ. Only a message that may have been `latched` before this node
    started can be over.
    """
    duration_s = message.duration_s
    check_range('duration_s', duration_s, MISSION_S)
    begun = Time.from_msg(message.header.stamp, clock_type=now.clock_type)
    if not begun.nanoseconds or not duration_s:
        return MissionRequest(duration_s, 0.0, '')
    age_s = (now - begun).nanoseconds * 1e-9
    longest_s = max(duration_s, LATCHED_MISSION_S if latched else 0.0)
    if -CLOCK_ERROR_S <= age_s <= longest_s:
        return MissionRequest(duration_s, max(age_s, 0.0), '')
    doubt = (
        f'stamp is {age_s:.4g} s old; expected 0 to {longest_s:.4g} s by the clock of this '
        'machine; the mission counts from its arrival'
    )
    return MissionRequest(duration_s, 0.0, doubt)


def switch_message(command: SwitchCommand, *, header: Header) -> SubnetCommand:
    """Write a sub-network command."""
    allowed = command.envelope or Envelope(((command.subnet_id, '', command.processor, 0),))
    others = [
        EnvelopePoint(subnet_id=subnet_id, threads=threads)
        for subnet_id, _, _, threads in allowed.points[1:]
    ]
    return _write(
        SubnetCommand,
        command,
        header=header,
        envelope=others,
        deadline_probability=allowed.probability,
        min_accuracy=allowed.min_accuracy,
        objective=allowed.objective.value,
        energy_weight=allowed.energy_weight,
    )


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


def identity_from(message: ManagerState) -> Identity:
    """Read which manager a state is from. Raises ValueError for one without an identity."""
    if message.manager_id == 0:
        raise ValueError('manager_id is 0; expected the number of a manager')
    return Identity(Time.from_msg(message.started).nanoseconds, message.manager_id)


def status_message(status: ManagerStatus, *, header: Header, identity: Identity) -> ManagerState:
    """Write the manager's state."""
    budget = status.budget
    base = budget.base_load
    return _write(
        ManagerState,
        status,
        header=header,
        started=Time(nanoseconds=identity.started_ns).to_msg(),
        manager_id=identity.manager_id,
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
        point=_write(OperatingPointMessage, choice.point, accuracy=choice.accuracy),
        deadline_s=choice.target.deadline_s,
        min_accuracy=choice.target.min_accuracy,
        slowdown=choice.slowdown.mean,
        slowdown_std=choice.slowdown.std,
        correction=choice.correction.mean,
        correction_std=choice.correction.std,
        escalation_rate=status.escalation_rate,
        measured_escalation_rate=status.measured_escalation_rate,
        doubt=status.doubt,
        attention=status.attention,
        violated_targets=list(choice.violated_targets),
        acknowledged=status.acknowledged,
    )
