# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Faults that arrive as messages: hostile values, floods, batteries, a mission, /clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from builtin_interfaces.msg import Time
from fault import Fault
from processes import MANAGER, NODES, PERCEPTION
from rclpy.qos import QoSProfile
from rig import Rig
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState

from dynofa_ros import msg
from dynofa_ros.nodes.qos import qos_profile

LARGEST = 2**64 - 1
DOMAIN_MESSAGES = 3
AUTO = {'objective': 'auto'}
REPORTED = 'it is refused or ignored, named in diagnostics'


@contextmanager
def publisher(rig: Rig, topic: str, kind: Any, qos: QoSProfile | None = None) -> Iterator[Any]:
    """Return a publisher that has found a subscriber."""
    made = rig.listener.node.create_publisher(kind, topic, qos or qos_profile(topic))
    try:
        rig.time_until(made.get_subscription_count, 5.0)
        yield made
    finally:
        rig.listener.node.destroy_publisher(made)


def message(topic: str, kind: Any, *, times: int = 2, **fields: Any) -> Callable[[Rig], Any]:
    """Return a fault: a message, which late joiners receive while the fault lasts."""

    def inject(rig: Rig) -> Iterator[None]:
        with publisher(rig, topic, kind) as output:
            for _ in range(times):
                output.publish(kind(**fields))
                time.sleep(0.1)
            yield

    return inject


def point(**change: float) -> Any:
    fields: dict[str, Any] = {
        'subnet_id': 'a',
        'engine': 'openvino',
        'processor': 'cpu',
        'threads': 1,
        'precision': 'float32',
        'frequency_hz': 1.5e9,
        'latency_s': 0.01,
        'latency_std_s': 0.001,
        'latency_p95_s': 0.012,
        'energy_j': 0.1,
        'accuracy': 0.5,
        'flops': 10**6,
        'parameters': 10**5,
    }
    return msg.OperatingPoint(**(fields | change))


def profile(app: str, points: list[Any]) -> Any:
    return msg.SubnetProfile(
        app=app,
        supernet='hostile',
        platform='raspberry_pi_5',
        latency_source='measured',
        energy_source='modelled',
        points=points,
    )


def huge_profile(rig: Rig) -> Iterator[None]:
    """A profile of 15,000 points, none of which dominates another."""
    share = [each / 15_000 for each in range(15_000)]
    points = [
        point(
            subnet_id=f's{index}',
            latency_s=0.001 + 0.1 * part,
            latency_p95_s=0.002 + 0.1 * part,
            energy_j=0.01 + part,
            accuracy=0.1 + 0.8 * part,
        )
        for index, part in enumerate(share)
    ]
    with publisher(rig, 'subnet_profile', msg.SubnetProfile) as output:
        output.publish(profile('huge', points))
        yield


def many_domains(rig: Rig) -> Iterator[None]:
    """A platform state of 5,000 frequency domains."""
    domains = [
        msg.DomainState(
            name=f'd{index}',
            processors=[f'p{index}'],
            frequency_hz=1e9,
            min_frequency_hz=1e9,
            max_frequency_hz=2e9,
            available_frequencies_hz=[1e9, 2e9],
            settable=True,
        )
        for index in range(5000)
    ]
    with publisher(rig, 'platform_state', msg.PlatformState) as output:
        for _ in range(DOMAIN_MESSAGES):
            output.publish(msg.PlatformState(platform='raspberry_pi_5', domains=domains))
            time.sleep(0.3)
        yield


def many_applications(rig: Rig) -> Iterator[None]:
    """2,000 applications that publish a profile and are never heard of again."""
    with publisher(rig, 'subnet_profile', msg.SubnetProfile) as output:
        for index in range(2000):
            output.publish(profile(f'app{index}', [point()]))
            time.sleep(0.001)
        yield


def command_flood(rig: Rig) -> Iterator[None]:
    """150 commands per second for two seconds, of sub-networks and threads that change."""
    networks = sorted({each.subnet_id for each in rig.listener.latest['subnet_state'][1].residents})
    with publisher(rig, 'subnet_command', msg.SubnetCommand) as output:
        for index in range(300):
            output.publish(
                msg.SubnetCommand(
                    app=PERCEPTION,
                    sequence=1000 + index,
                    subnet_id=networks[index % len(networks)],
                    deadline_s=math.nan,
                    reason='flood',
                )
            )
            time.sleep(1 / 150)
        yield


def battery(*, percentage: float, then: float | None = None) -> Callable[[Rig], Any]:
    """Return a fault: a battery at 10 %, then a strange value; None: it falls silent."""

    def inject(rig: Rig) -> Iterator[None]:
        with publisher(rig, 'battery', BatteryState) as output:
            for value in (percentage, percentage, percentage, then, then, then):
                if value is not None:
                    output.publish(BatteryState(percentage=value, present=True))
                time.sleep(0.3)
            yield

    return inject


def percent(rig: Rig) -> Iterator[None]:
    """A battery in percent, 87, that reports 0.9 when nearly empty."""
    with publisher(rig, 'battery', BatteryState) as output:
        for value in (87.0, 87.0, 0.9, 0.9, 0.9):
            output.publish(BatteryState(percentage=value, present=True))
            time.sleep(0.3)
        yield


def min_energy(rig: Rig) -> bool:
    """Return whether the manager saves energy, one second after the fault began or later."""
    state = rig.listener.since('manager_state', rig.fault_began_s + 2.5)
    return state is not None and state.objective == 'min_energy'


def not_generous(rig: Rig) -> bool:
    """Return whether the manager does not take a charge of 0.9 for 90 %."""
    state = rig.listener.since('manager_state', rig.fault_began_s + 2.0)
    return state is not None and not state.battery_percentage > 0.5


def mission(rig: Rig) -> Iterator[None]:
    """A mission of 600 s, stamped by a clock that is an hour ahead."""
    stamp = Time(sec=int(time.time()) + 3600)
    request = msg.Mission(duration_s=600.0)
    request.header.stamp = stamp
    with publisher(rig, 'mission', msg.Mission) as output:
        output.publish(request)
        yield
        output.publish(msg.Mission(duration_s=0.0))
        time.sleep(0.3)


def mission_is_plausible(rig: Rig) -> bool:
    state = rig.listener.since('manager_state', rig.fault_began_s + 0.5)
    return state is not None and not state.mission_left_s > 600.0


def clock(times_s: Callable[[float], float]) -> Callable[[Rig], Any]:
    """Return a fault: all nodes use a simulated time, which is a function of the passed time."""

    def inject(rig: Rig) -> Iterator[None]:
        qos = QoSProfile(depth=1)
        with publisher(rig, '/clock', Clock, qos) as output:
            nodes = [
                each for each in NODES if rig.listener.set_parameter(each, 'use_sim_time', True)
            ]
            start_s = time.monotonic()
            while (passed_s := time.monotonic() - start_s) < 3.0:
                now_s = times_s(passed_s)
                stamp = Time(sec=int(now_s), nanosec=int(now_s % 1 * 1e9))
                output.publish(Clock(clock=stamp))
                time.sleep(0.05)
            yield
            for each in nodes:
                rig.listener.set_parameter(each, 'use_sim_time', False)

    return inject


def without_dvfs(rig: Rig) -> Iterator[None]:
    """The manager is told not to set frequencies any more."""
    rig.listener.set_parameter(MANAGER, 'dvfs', False)
    yield
    rig.listener.set_parameter(MANAGER, 'dvfs', True)


def refused(topic: str) -> Callable[[Rig], object]:
    """Return whether diagnostics count a refused message of a topic."""
    return lambda rig: rig.warned(f'refused: {topic}')


FAULTS = (
    Fault(
        'SubnetCommand with sequence 2**64 - 1, latched',
        message(
            'subnet_command',
            msg.SubnetCommand,
            app=PERCEPTION,
            sequence=LARGEST,
            subnet_id='nonsense',
            deadline_s=math.nan,
        ),
        REPORTED,
        seen=refused('subnet_command'),
        gentle=True,
    ),
    Fault(
        'DvfsCommand with sequence 2**64 - 1, latched',
        message('dvfs_command', msg.DvfsCommand, sequence=LARGEST),
        REPORTED,
        seen=refused('dvfs_command'),
        gentle=True,
    ),
    Fault(
        'Deadline of 1e-320 s, latched',
        message('deadline', msg.Deadline, deadline_s=1e-320, min_accuracy=math.nan),
        REPORTED,
        seen=lambda rig: rig.warned('deadline'),
        gentle=True,
        quick=True,
    ),
    Fault(
        'FrameReport with preprocess_s of 1e160 s',
        message(
            'frame_report',
            msg.FrameReport,
            times=5,
            app=PERCEPTION + '_other',
            subnet_id='a',
            processor='cpu',
            threads=1,
            preprocess_s=1e160,
            inference_s=0.01,
            latency_s=1e160,
        ),
        'no node ends',
        gentle=True,
    ),
    Fault(
        'SubnetProfile with latencies of 1e160 s, latched',
        message(
            'subnet_profile',
            msg.SubnetProfile,
            app='hostile',
            supernet='hostile',
            platform='raspberry_pi_5',
            latency_source='measured',
            energy_source='modelled',
            points=[point(latency_s=1e160, latency_std_s=1e160, latency_p95_s=1e160)],
        ),
        REPORTED,
        seen=lambda rig: rig.warned('subnet_profile'),
        gentle=True,
    ),
    Fault(
        'profile of 15,000 Pareto points', huge_profile, 'decisions go on', lasts_s=4.0, gentle=True
    ),
    Fault(
        'platform state of 5,000 domains',
        many_domains,
        'decisions go on',
        lasts_s=3.0,
        # Each of the messages is deserialised for 20 to 40 ms before perception sees it.
        lost_by_dds=DOMAIN_MESSAGES,
        gentle=True,
    ),
    Fault('2,000 applications that leave', many_applications, 'decisions go on', gentle=True),
    Fault('150 commands/s for 2 s', command_flood, 'frames are served', gentle=True, quick=True),
    Fault(
        'battery silent at 10 %',
        battery(percentage=0.1),
        'the objective stays min_energy',
        seen=min_energy,
        manager=AUTO | {'battery_timeout_s': 1.0},
    ),
    Fault(
        'battery at 10 %, then NaN',
        battery(percentage=0.1, then=math.nan),
        'the objective stays min_energy',
        seen=min_energy,
        manager=AUTO,
    ),
    Fault(
        'battery in percent: 87, then 0.9',
        percent,
        '0.9 is not taken for 90 %',
        seen=not_generous,
        manager=AUTO,
    ),
    Fault(
        "mission stamped by another machine's clock",
        mission,
        'at most 600 s are left',
        seen=mission_is_plausible,
        gentle=True,
    ),
    Fault(
        '/clock stands still',
        clock(lambda passed_s: 1000.0),
        'frames are served',
        gentle=True,
    ),
    Fault(
        '/clock loops every second',
        clock(lambda passed_s: 1000.0 + passed_s % 1),
        'frames are served',
        gentle=True,
    ),
    Fault(
        '/clock jumps by a day',
        clock(lambda passed_s: 1e3 + 86_400 * int(passed_s)),
        'frames are served',
        gentle=True,
    ),
    Fault(
        'resource manager with dvfs set to false',
        without_dvfs,
        'frequency settings are as found while it lasts',
        seen=lambda rig: rig.as_found,
        gentle=True,
    ),
)
