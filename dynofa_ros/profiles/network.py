"""A sub-network as the simulator knows it: what it costs, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.platform.checks import (
    check_fraction,
    check_name,
    check_not_negative,
    check_positive,
)

if TYPE_CHECKING:  # at run time it would import torch
    from dynofa_ros.supernet import SubnetRecord


@dataclass(frozen=True)
class MeasuredLatency:
    """The latency of one sub-network that somebody measured, and where."""

    platform: str
    processor: str
    frequency_hz: float
    threads: int
    latency_s: float

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('platform', self.platform)
        check_name('processor', self.processor)
        check_positive('frequency_hz', self.frequency_hz)
        check_positive('threads', self.threads)
        check_positive('latency_s', self.latency_s)


@dataclass(frozen=True)
class SubnetCost:
    """A sub-network: operations and layers of a frame, accuracy, and where it may run."""

    subnet_id: str
    accuracy: float
    flops: int
    layers: int
    parameters: int = 0
    precision: str = 'float32'
    processors: tuple[str, ...] = ()  # that it may run on; empty: any
    measured: MeasuredLatency | None = None

    def __post_init__(self) -> None:
        """Raise PlatformError that names the field, the value and what is allowed."""
        check_name('subnet_id', self.subnet_id)
        check_fraction('accuracy', self.accuracy)
        check_not_negative('flops', self.flops)
        check_positive('layers', self.layers)
        check_not_negative('parameters', self.parameters)

    @classmethod
    def of(cls, kept: SubnetRecord) -> SubnetCost:
        """Return a sub-network that a model keeps."""
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

        It is the platform's model. Where the latency was measured on this processor, the model is
        scaled to meet the measurement, and so gives the other clocks and threads.
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
