# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Publish the measured energy of frames, on the node that has the sensors: docs/energy.md."""

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
from dynofa_ros.platform.device import PowerSample
from dynofa_ros.platform.frame_energy import FrameEnergy, FrameEnergyLedger, FrameWork

NS = 10**9


class FrameEnergyPublisher:
    """Feeds reports, frequencies and power samples to a ledger; publishes `frame_energy`.

    An inference is taken to end when its report arrives, minus the reported postprocessing time.
    The latency of DDS, a millisecond or two, is not compensated.
    """

    def __init__(
        self,
        node: Node,
        platform: Platform | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`platform`: description of the machine, whose model attributes the energy, if known.

        `clock` is monotonic.
        """
        self._node = node
        self._platform = platform
        self._clock = clock
        self._ledger = FrameEnergyLedger()
        self._frequencies_hz: dict[str, float] = {}
        self._limits: tuple[tuple[str, float, float], ...] = ()
        self._publisher = node.create_publisher(
            FrameEnergyMessage, 'frame_energy', qos_profile('frame_energy')
        )

    def on_frame(self, report: FrameReport) -> None:
        """Record a frame; raises PlatformError for an impossible one."""
        postprocess_s = report.postprocess_s if report.postprocess_s > 0 else 0.0
        end_s = self._clock() - postprocess_s
        stamp = report.header.stamp
        frame = FrameWork(
            app=report.app,
            sequence=report.sequence,
            processor=report.processor,
            threads=report.threads,
            start_s=end_s - report.inference_s,
            end_s=end_s,
            modelled_j=self._modelled_j(report),
            stamp_ns=stamp.sec * NS + stamp.nanosec,
            frame_id=report.header.frame_id,
        )
        self._ledger.add_frame(frame)

    def on_state(self, state: DeviceState) -> None:
        """Record the frequencies, which the model needs, and their limits."""
        self._frequencies_hz = {
            processor: domain.frequency_hz
            for domain in state.domains.values()
            for processor in domain.processors
        }
        limits = tuple(
            (each.name, each.min_frequency_hz, each.max_frequency_hz)
            for each in state.domains.values()
        )
        if limits != self._limits:
            self._limits = limits
            self._ledger.set_frequencies(self._clock(), limits)

    def on_sample(self, sample: PowerSample) -> None:
        """Record a sample of the energy counter; publish the frames that it settles."""
        for energy in self._ledger.add_sample(sample):
            self._publisher.publish(frame_energy_message(energy))

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _modelled_j(self, report: FrameReport) -> float:
        """Return the energy of a frame by the description [J]; NaN if it is unknown."""
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
    """Return the energy of a frame as a message."""
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
