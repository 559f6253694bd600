# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Valid messages of every topic that the nodes subscribe to: what the fuzzer starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from builtin_interfaces.msg import Time
from dynofa_ros.msg import (
    Cascade,
    Deadline,
    DomainFrequency,
    DomainState,
    DvfsCommand,
    EnvelopePoint,
    FrameReport,
    ManagerState,
    Mission,
    OperatingPoint,
    PlatformState,
    RailState,
    ResidentPoint,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
    TemperatureState,
)
from sensor_msgs.msg import BatteryState, CompressedImage, Image
from std_msgs.msg import Header

from fuzzing.pictures import encoded

APPS = ('camera', 'second')
CPU_HZ, GPU_HZ = (1.2e9, 1.9e9), (2e8, 5e8, 1.1e9)
SUBNETS = {'small': (0.01, 0.7), 'large': (0.03, 0.8)}
CASCADE = 'small+large@0.8'


def point(subnet_id: str, processor: str, hz: float, *, slowest_hz: float) -> OperatingPoint:
    """Return an operating point whose latency is inversely proportional to the frequency."""
    latency_s, accuracy = SUBNETS[subnet_id]
    latency_s *= slowest_hz / hz
    return OperatingPoint(
        subnet_id=subnet_id,
        engine='torch',
        processor=processor,
        threads=1,
        precision='float32',
        frequency_hz=hz,
        latency_s=latency_s,
        latency_std_s=0.05 * latency_s,
        latency_p95_s=1.1 * latency_s,
        energy_j=0.02 * hz / slowest_hz,
        accuracy=accuracy,
        flops=10**8,
        parameters=10**6,
    )


def cascade() -> Cascade:
    """Return the cascade of both sub-networks."""
    return Cascade(
        cascade_id=CASCADE,
        stages=list(SUBNETS),
        thresholds=[0.8],
        reached=[0.3],
        accuracy=0.79,
        answer_accuracy=[0.9, 0.6],
        early_accuracy=[0.4],
        images=2500,
    )


def profile(app: str) -> SubnetProfile:
    """Return a profile of two sub-networks and their cascade on two processors."""
    return SubnetProfile(
        app=app,
        supernet='ofa_mbv3_cifar10',
        platform='board',
        latency_source='measured',
        energy_source='modelled',
        points=[
            point(subnet_id, processor, hz, slowest_hz=all_hz[0])
            for subnet_id in SUBNETS
            for processor, all_hz in (('cpu', CPU_HZ), ('gpu', GPU_HZ))
            for hz in all_hz
        ],
        cascades=[cascade()],
    )


def escalated(app: str, sequence: int) -> FrameReport:
    """Return the report of a frame that both stages of the cascade ran."""
    message = report(app, sequence, subnet_id=CASCADE)
    message.stages, message.stage_inference_s = list(SUBNETS), [0.01, 0.03]
    message.inference_s, message.first_score = 0.04, 0.6
    message.escalation = 'the score is 0.60, below 0.80'
    message.early_latency_s = 0.013
    return message


def report(app: str, sequence: int, *, subnet_id: str = 'small') -> FrameReport:
    """Return the report of a frame."""
    return FrameReport(
        header=Header(stamp=Time(sec=sequence)),
        app=app,
        sequence=sequence,
        subnet_id=subnet_id,
        engine='torch',
        processor='gpu',
        threads=1,
        precision='float32',
        preprocess_s=0.002,
        inference_s=0.012,
        postprocess_s=0.0001,
        latency_s=0.0141,
        latency_source='measured',
        deadline_s=0.1,
        deadline_met=True,
        energy_j=math.nan,
        energy_source='unavailable',
        accuracy=0.7,
    )


def domain(name: str, all_hz: tuple[float, ...]) -> DomainState:
    """Return the state of a frequency domain at its highest frequency."""
    return DomainState(
        name=name,
        processors=[name],
        contention=[1.0],
        frequency_hz=all_hz[-1],
        min_frequency_hz=all_hz[0],
        max_frequency_hz=all_hz[-1],
        available_frequencies_hz=list(all_hz),
        settable=True,
        utilisation=0.3,
    )


def platform_state(*, simulated: bool = True) -> PlatformState:
    """Return the state of a board with two domains, a rail and a temperature sensor."""
    return PlatformState(
        platform='board',
        simulated=simulated,
        capabilities=['set_frequency', 'power', 'temperature'],
        domains=[domain('cpu', CPU_HZ), domain('gpu', GPU_HZ)],
        rails=[RailState(name='VDD_IN', power_w=5.0)],
        power_w=5.0,
        power_source='measured_rail',
        energy_j=10.0,
        temperatures=[TemperatureState(name='GPU-therm', temperature_c=60.0, throttle_c=95.0)],
        command_result='no command yet',
    )


def subnet_state(app: str) -> SubnetState:
    """Return the state of an application whose sub-networks are all resident."""
    return SubnetState(
        header=Header(stamp=Time(sec=10)),
        app=app,
        supernet='ofa_mbv3_cifar10',
        subnet_id='small',
        engine='torch',
        processor='gpu',
        threads=1,
        command_sequence=1,
        command_applied=True,
        residents=[ResidentPoint(subnet_id=each) for each in (*SUBNETS, CASCADE)],
        attention_label='person',
        attention_score=0.9,
        attention_until=Time(sec=15),
        attention_min_accuracy=0.75,
        attention_priority=1,
    )


def image() -> Image:
    """Return a raw image of 4 x 2 pixels."""
    return Image(height=2, width=4, encoding='bgr8', step=12, data=bytes(range(24)))


def valid_messages(topic: str, subnets: Sequence[str] = tuple(SUBNETS)) -> list[Any]:
    """Return valid messages of a topic; none for a topic that is new to the fuzzer.

    Commands name `subnets` of the first application.
    """
    known: dict[str, list[Any]] = {
        'subnet_profile': [profile(app) for app in APPS],
        'frame_report': [report(app, sequence) for sequence in (1, 2) for app in APPS]
        + [escalated(app, 3) for app in APPS],
        'subnet_state': [subnet_state(app) for app in APPS],
        'subnet_command': [
            SubnetCommand(app=app, sequence=1, subnet_id=subnet_id, deadline_s=0.1)
            for app in APPS
            for subnet_id in (*subnets, '')
        ]
        + [
            SubnetCommand(
                app=app,
                sequence=2,
                subnet_id=subnets[-1],
                deadline_s=0.1,
                envelope=[EnvelopePoint(subnet_id=each) for each in subnets],
                deadline_probability=0.95,
                min_accuracy=0.5,
                objective='max_accuracy',
            )
            for app in APPS
        ],
        'platform_state': [platform_state(), platform_state(simulated=False)],
        'deadline': [Deadline(app=app, deadline_s=0.05) for app in ('', *APPS)],
        'battery': [BatteryState(percentage=0.5, voltage=12.0, charge=2.0, capacity=4.0)],
        'mission': [Mission(duration_s=600.0)],
        'dvfs_command': [
            DvfsCommand(sequence=1, domains=[DomainFrequency(domain='gpu', frequency_hz=5.1e8)]),
            DvfsCommand(
                sequence=2,
                domains=[
                    DomainFrequency(
                        domain='cpu',
                        frequency_hz=math.nan,
                        min_frequency_hz=8.1e8,
                        max_frequency_hz=1.2e9,
                    )
                ],
            ),
        ],
        'manager_state': [ManagerState(objective='max_accuracy')],
        'image': [image()],
        'image/compressed': [
            CompressedImage(format=kind, data=encoded(suffix))
            for kind, suffix in (('jpeg', '.jpg'), ('png', '.png'))
        ],
    }
    return known.get(topic, [])
