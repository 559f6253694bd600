# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The result of a simulation: figures of each application and of the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dynofa_ros.atomic_file import without_nan
from dynofa_ros.simulation.application import SimulatedApplication


@dataclass(frozen=True)
class ApplicationResult:
    """Figures of one application; NaN where no frame was completed."""

    arrived: int  # images
    frames: int  # completed
    dropped: int  # images replaced by a newer one
    unfinished: int  # images waiting or in processing at the end
    misses: int  # frames later than the deadline in force when their image arrived
    switches: int  # of sub-network, processor or threads
    escalated: int  # frames of cascades that ran a later stage
    cut: int  # frames of cascades without the time for a later stage that they needed
    accuracy: float  # mean over frames, given what ran
    energy_per_frame_j: float  # above idle, of the inference alone
    latency_mean_s: float  # from the arrival of the image to the result
    latency_p50_s: float
    latency_p95_s: float
    latency_max_s: float
    latencies_s: tuple[float, ...]

    @classmethod
    def of(cls, application: SimulatedApplication) -> ApplicationResult:
        """Return the figures of a simulated application."""
        frames = application.frames
        latencies_s = np.array([each.latency_s for each in frames] or [math.nan])
        return cls(
            arrived=application.arrived,
            frames=len(frames),
            dropped=application.dropped,
            unfinished=application.unfinished,
            misses=sum(not each.met for each in frames),
            switches=application.switches,
            escalated=sum(len(each.stages) > 1 for each in frames),
            cut=sum(each.cut for each in frames),
            accuracy=_mean([each.accuracy for each in frames]),
            energy_per_frame_j=_mean([each.energy_j for each in frames]),
            latency_mean_s=float(latencies_s.mean()),
            latency_p50_s=float(np.percentile(latencies_s, 50)),
            latency_p95_s=float(np.percentile(latencies_s, 95)),
            latency_max_s=float(latencies_s.max()),
            latencies_s=tuple(each.latency_s for each in frames),
        )

    @property
    def miss_rate(self) -> float:
        """Fraction of the frames that missed their deadline."""
        return self.misses / self.frames if self.frames else math.nan


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


@dataclass(frozen=True)
class Result:
    """Figures of one simulation; all of them are modelled."""

    platform: str
    scenario: str
    policy: str
    seed: int
    duration_s: float
    applications: Mapping[str, ApplicationResult]
    energy_j: float  # of the whole board, including idle power
    co_runner_energy_j: float  # part of energy_j above idle that co-runners used
    clock_changes: Mapping[str, int]  # by frequency domain
    hottest_c: Mapping[str, float]  # by thermal zone
    throttled_s: Mapping[str, float]  # by thermal zone
    battery: float  # state of charge at the end, 0..1; NaN: no battery
    profile_error: float = 0.0  # standard deviation, as in the scenario or the argument
    latency_distribution: str = 'lognormal'  # its kind
    governors: Mapping[str, str] = field(default_factory=dict)  # of Linux, by frequency domain
    remarks: tuple[str, ...] = ()  # on what no real board does

    @property
    def frames(self) -> int:
        """Completed frames of all applications."""
        return sum(each.frames for each in self.applications.values())

    @property
    def energy_per_frame_j(self) -> float:
        """Board energy per frame, including idle power but not co-runners; NaN without frames."""
        own_j = self.energy_j - self.co_runner_energy_j
        return own_j / self.frames if self.frames else math.nan

    @property
    def power_w(self) -> float:
        """Mean power of the board."""
        return self.energy_j / self.duration_s

    def document(self) -> dict[str, Any]:
        """Return all figures but single latencies as a JSON object; unknown figures are null."""
        figures = asdict(self)
        for name, each in self.applications.items():
            del figures['applications'][name]['latencies_s']
            figures['applications'][name]['miss_rate'] = each.miss_rate
        derived = {
            'frames': self.frames,
            'energy_per_frame_j': self.energy_per_frame_j,
            'power_w': self.power_w,
        }
        known: dict[str, Any] = without_nan({'simulated': True, **figures, **derived})
        return known
