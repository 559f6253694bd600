"""Publishes what frames took, as measured by the node that has the sensors: docs/energy.md."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from builtin_interfaces.msg import Time
from rclpy.node import Node

from dynofa_ros.msg import FrameEnergy as FrameEnergyMessage
from dynofa_ros.msg import FrameReport
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform import DeviceState, Platform, PlatformError
from dynofa_ros.platform.frame_energy import FrameEnergy, FrameEnergyLedger, FrameWork

NS = 10**9


class FrameEnergyPublisher:
    """Is told of reports, clocks, and energy about 20 times a second; publishes `frame_energy`.

    The inference is taken to end when its report is heard, less the postprocessing that the report
    tells of. What DDS takes is not known: a millisecond or two.
    """

    def __init__(
        self,
        node: Node,
        platform: Platform | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`platform`: description of the machine, whose model shares the energy; None: none.

        `clock` never goes back.
        """
        self._node = node
        self._platform = platform
        self._clock = clock
        self._ledger = FrameEnergyLedger()
        self._frequencies_hz: dict[str, float] = {}
        self._clocks: tuple[tuple[str, float, float], ...] = ()
        self._publisher = node.create_publisher(
            FrameEnergyMessage, 'frame_energy', qos_profile('frame_energy')
        )

    def on_frame(self, report: FrameReport) -> None:
        """Hear of a frame; raises PlatformError for one that cannot be."""
        after_s = report.postprocess_s if report.postprocess_s > 0 else 0.0
        end_s = self._clock() - after_s
        stamp = report.header.stamp
        frame = FrameWork(
            app=report.app,
            sequence=report.sequence,
            processor=report.processor,
            threads=report.threads,
            start_s=end_s - report.inference_s,
            end_s=end_s,
            weight_j=self._modelled_j(report),
            stamp_ns=stamp.sec * NS + stamp.nanosec,
            frame_id=report.header.frame_id,
        )
        self._ledger.add_frame(frame)

    def on_state(self, state: DeviceState) -> None:
        """Take the clocks, at which the model says what a frame takes."""
        self._frequencies_hz = {
            processor: domain.frequency_hz
            for domain in state.domains.values()
            for processor in domain.processors
        }
        clocks = tuple(
            (each.name, each.min_frequency_hz, each.max_frequency_hz)
            for each in state.domains.values()
        )
        if clocks != self._clocks:
            self._clocks = clocks
            self._ledger.set_clocks(self._clock(), clocks)

    def on_sample(self, now_s: float, *, energy_j: float, source: str) -> None:
        """Take the energy by a moment and its source; publish the frames that are settled by it."""
        for energy in self._ledger.add_sample(now_s, energy_j=energy_j, source=source):
            self._publisher.publish(frame_energy_message(energy))

    def close(self) -> None:
        """End the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _modelled_j(self, report: FrameReport) -> float:
        """Return what the description says of the frame at the clock now [J]; NaN: nothing."""
        if self._platform is None:
            return math.nan
        try:
            return self._platform.energy_j(
                processor=report.processor,
                frequency_hz=self._frequencies_hz.get(report.processor, math.nan),
                latency_s=report.inference_s,
                threads=report.threads,
            )
        except PlatformError:
            return math.nan


def frame_energy_message(energy: FrameEnergy) -> FrameEnergyMessage:
    """Return what a frame took as a message."""
    frame = energy.frame
    message = FrameEnergyMessage(
        app=frame.app,
        sequence=frame.sequence,
        energy_j=energy.energy_j,
        energy_std_j=energy.energy_std_j,
        energy_common_std_j=energy.energy_common_std_j,
        energy_source=energy.source,
        idle_power_w=energy.idle_power_w,
        share=energy.share,
        window_s=energy.window_s,
    )
    message.header.stamp = Time(sec=frame.stamp_ns // NS, nanosec=frame.stamp_ns % NS)
    message.header.frame_id = frame.frame_id
    return message
