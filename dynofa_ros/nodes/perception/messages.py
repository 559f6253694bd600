# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Convert between the messages of the perception node and the plain values of its worker."""

from __future__ import annotations

import math
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time as RosTime

from dynofa_ros.engine import Prediction
from dynofa_ros.msg import (
    Classification,
    EnvelopePoint,
    FrameReport,
    ResidentPoint,
    SubnetCommand,
    SubnetState,
)
from dynofa_ros.nodes.perception.stages import StageSet
from dynofa_ros.nodes.perception.worker_types import (
    EarlyAnswer,
    FrameResult,
    Running,
    SubnetRequest,
)
from dynofa_ros.runtime.actuation.command_tracker import SEQUENCE_MAX, plausible_sequence
from dynofa_ros.runtime.attention import Attention
from dynofa_ros.runtime.checks import check_count
from dynofa_ros.runtime.ranges import ENVELOPE_MAX

# Outside of this range the clocks of camera and node are not synchronised.
MIN_AGE_S, MAX_AGE_S = -0.05, 60.0
# States repeat these texts, and are latched.
MOST_NAME_CHARACTERS, MOST_REASON_CHARACTERS = 200, 1000


def age_s(node: Node, stamp: Time) -> float:
    """Return the age of an image [s]; NaN if camera and node do not share a clock."""
    now = node.get_clock().now().nanoseconds * 1e-9
    age = now - (stamp.sec + stamp.nanosec * 1e-9)
    return max(age, 0.0) if MIN_AGE_S <= age <= MAX_AGE_S else math.nan


def command_from(message: SubnetCommand) -> SubnetRequest:
    """Return a command as a plain value.

    Raises:
        ValueError: for a sequence number that no manager reaches, which is not to be acknowledged,
            and for names that are too long, or too many, to be published.
    """
    if not plausible_sequence(message.sequence):
        raise ValueError(f'sequence is {message.sequence}; expected at most {SEQUENCE_MAX}')
    check_count('envelope', message.envelope, most=ENVELOPE_MAX - 1)
    names = [(name, getattr(message, name)) for name in ('subnet_id', 'processor')]
    for name, text in [*names, *(('envelope', each.subnet_id) for each in message.envelope)]:
        if len(text) > MOST_NAME_CHARACTERS:
            raise ValueError(
                f'{name} has {len(text)} characters; expected at most {MOST_NAME_CHARACTERS}'
            )
    return SubnetRequest(
        sequence=message.sequence,
        subnet_id=message.subnet_id,
        processor=message.processor,
        threads=message.threads,
        deadline_s=message.deadline_s,
        reason=message.reason[:MOST_REASON_CHARACTERS],
        envelope=tuple((each.subnet_id, each.threads) for each in message.envelope),
        deadline_probability=message.deadline_probability,
        min_accuracy=message.min_accuracy,
        objective=message.objective,
        energy_weight=message.energy_weight,
    )


def classification_message(app: str, result: FrameResult) -> Classification:
    """Return the classes of a frame, best first."""
    return _classification(
        result.classified.prediction,
        header=result.arrival.message.header,
        app=app,
        subnet_id=result.ran.key[0],
        stage=result.ran.answered,
        final=True,
    )


def early_message(app: str, answer: EarlyAnswer) -> Classification:
    """Return the classes of a frame whose next stage runs, best first."""
    return _classification(
        answer.prediction,
        header=answer.arrival.message.header,
        app=app,
        subnet_id=answer.subnet_id,
        stage=answer.stage,
        final=False,
    )


def _classification(prediction: Prediction, **fields: Any) -> Classification:
    return Classification(
        class_ids=list(prediction.class_ids),
        labels=list(prediction.labels),
        scores=list(prediction.scores),
        **fields,
    )


def report_message(app: str, engine: str, result: FrameResult) -> FrameReport:
    """Return the times and the energy of a frame."""
    classified, running, ran = result.classified, result.running, result.ran
    return FrameReport(
        header=result.arrival.message.header,
        app=app,
        sequence=result.sequence,
        subnet_id=ran.key[0],
        engine=engine,
        processor=running.processor,
        threads=ran.key[3],
        precision=ran.precision,
        commanded_subnet_id=running.subnet_id,
        commanded_threads=running.threads,
        choice_reason=ran.reason,
        stages=[subnet_id for subnet_id, _ in ran.stages],
        stage_inference_s=[inference_s for _, inference_s in ran.stages],
        first_score=ran.first_score,
        escalation=ran.escalation,
        early_latency_s=result.early_latency_s,
        age_s=result.arrival.age_s,
        queue_s=result.queue_s,
        preprocess_s=classified.preprocess_s,
        inference_s=classified.inference_s,
        postprocess_s=classified.postprocess_s,
        latency_s=result.latency_s,
        latency_source='modelled' if result.modelled else 'measured',
        deadline_s=running.deadline_s,
        deadline_from=result.deadline_from,
        deadline_met=result.deadline_met,
        energy_j=result.energy_j,
        energy_source='modelled' if result.modelled else 'unavailable',
        accuracy=ran.accuracy,
        dropped=result.dropped,
        refused=result.refused,
    )


def state_message(
    app: str,
    supernet: str,
    compiled: StageSet,
    running: Running,
    *,
    since: Time,
    simulated: bool,
) -> SubnetState:
    """Return what is commanded, and what can run without compiling."""
    residents = compiled.residents
    return SubnetState(
        app=app,
        supernet=supernet,
        subnet_id=running.subnet_id,
        engine=residents.engine.name,
        processor=running.processor,
        threads=running.threads,
        since=since,
        reason=running.reason,
        switches=running.switches,
        switch_s=running.switch_s,
        command_sequence=running.command_sequence,
        command_applied=running.command_applied,
        command_result=running.command_result,
        envelope=[
            EnvelopePoint(subnet_id=subnet_id, threads=threads)
            for subnet_id, _, _, threads in running.envelope
        ],
        residents=[
            # On a simulated platform all processors share the place on this machine.
            ResidentPoint(subnet_id=name)
            if simulated
            else ResidentPoint(subnet_id=name, processor=place.processor, threads=place.threads)
            for name, place in compiled.resident_names()
        ],
        resident_bytes=residents.memory_bytes,
    )


def set_attention(message: SubnetState, attention: Attention | None, *, now: RosTime) -> None:
    """Write into a state what was seen; None: nothing holds."""
    if attention is None:
        return
    message.attention_label = attention.label
    message.attention_score = attention.score
    message.attention_until = (now + Duration(seconds=attention.left_s)).to_msg()
    message.attention_min_accuracy = attention.min_accuracy
    message.attention_priority = attention.priority
