# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The cost of a sub-network as the simulator models it, and its measured latency if known."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from dynofa_ros.config_file import Count, Fraction, Positive, PositiveCount, Text, checked
from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.runtime import Cascade

if TYPE_CHECKING:  # at run time it would import torch
    from dynofa_ros.supernet import SubnetRecord
    from dynofa_ros.supernet.cascade_record import CascadeRecord


@checked(PlatformError.of)
class MeasuredLatency:
    """The measured latency of one sub-network, and where it was measured."""

    platform: Text
    processor: Text
    frequency_hz: Positive
    threads: PositiveCount
    latency_s: Positive


@checked(PlatformError.of)
class SubnetCost:
    """A sub-network: operations and layers of a frame, accuracy, and allowed processors."""

    subnet_id: Text
    accuracy: Fraction
    flops: Count
    layers: PositiveCount
    parameters: Count = 0
    precision: str = 'float32'
    processors: tuple[Text, ...] = ()  # that it may run on; empty: any
    measured: MeasuredLatency | None = None

    @classmethod
    def of(cls, kept: SubnetRecord) -> SubnetCost:
        """Return the cost of a kept sub-network of a model."""
        return cls(
            subnet_id=kept.subnet_id,
            accuracy=kept.accuracy,
            flops=kept.flops,
            layers=kept.layers,
            parameters=kept.parameters,
            precision=kept.precision,
        )

    def latency_s(
        self, platform: Platform, *, processor: str, frequency_hz: float, threads: int
    ) -> float:
        """Return the latency of one frame without co-runners [s].

        It follows the platform's model, scaled to the measurement where there is one on this
        processor.
        """
        latency_s = self._modelled_s(platform, processor, frequency_hz, threads)
        at = self.measured
        if at is None or (at.platform, at.processor) != (platform.name, processor):
            return latency_s
        modelled_s = self._modelled_s(platform, processor, at.frequency_hz, at.threads)
        return latency_s * at.latency_s / modelled_s

    def _modelled_s(
        self, platform: Platform, processor: str, frequency_hz: float, threads: int
    ) -> float:
        try:
            return platform.latency_s(
                processor=processor,
                frequency_hz=frequency_hz,
                flops=self.flops,
                layers=self.layers,
                threads=threads,
            )
        except PlatformError as error:
            raise error.inside(section=f'network {self.subnet_id}') from error


def cascade_of(record: CascadeRecord) -> Cascade:
    """Return a cascade of a model as the runtime layer knows it."""
    return Cascade(**{each.name: getattr(record, each.name) for each in fields(Cascade)})
