"""What became of a simulation: figures of each application and of the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dynofa_ros.atomic_file import without_nan
from dynofa_ros.simulation.application import SimulatedApplication
from dynofa_ros.simulation.machine import SimulatedMachine


@dataclass(frozen=True)
class ApplicationResult:
    """One application. Figures of frames that never were are NaN."""

    arrived: int  # images
    frames: int  # that were done
    dropped: int  # images that a newer one replaced
    unfinished: int  # images at work or waiting when it ended
    misses: int  # frames later than the deadline in force when their image arrived
    switches: int  # of sub-network, processor or threads
    accuracy: float  # mean over frames
    energy_per_frame_j: float  # above idle, of the inference alone
    latency_mean_s: float  # from the arrival of the image to the result
    latency_p50_s: float
    latency_p95_s: float
    latency_max_s: float
    latencies_s: tuple[float, ...]

    @property
    def miss_rate(self) -> float:
        """Share of the frames that missed their deadline."""
        return self.misses / self.frames if self.frames else math.nan


@dataclass(frozen=True)
class Result:
    """One simulation. All of it is modelled."""

    platform: str
    scenario: str
    policy: str
    seed: int
    duration_s: float
    applications: Mapping[str, ApplicationResult]
    energy_j: float  # of the whole board, idle power included
    co_runner_energy_j: float  # the part of it above idle that programs took that nobody manages
    clock_changes: Mapping[str, int]  # by domain
    hottest_c: Mapping[str, float]  # by thermal zone
    throttled_s: Mapping[str, float]  # by thermal zone
    battery: float  # charge at the end, 0..1; NaN: no battery

    @property
    def frames(self) -> int:
        """Frames that were done, of all applications."""
        return sum(each.frames for each in self.applications.values())

    @property
    def energy_per_frame_j(self) -> float:
        """Energy of the board by frame, idle power included, co-runners not; NaN without frames."""
        own_j = self.energy_j - self.co_runner_energy_j
        return own_j / self.frames if self.frames else math.nan

    @property
    def power_w(self) -> float:
        """Mean power of the board."""
        return self.energy_j / self.duration_s

    def document(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; unknown is null. Latencies stay behind."""
        applications = {
            name: {key: value for key, value in asdict(each).items() if key != 'latencies_s'}
            | {'miss_rate': each.miss_rate}
            for name, each in self.applications.items()
        }
        figures = {
            'simulated': True,
            'platform': self.platform,
            'scenario': self.scenario,
            'policy': self.policy,
            'seed': self.seed,
            'duration_s': self.duration_s,
            'frames': self.frames,
            'energy_j': self.energy_j,
            'co_runner_energy_j': self.co_runner_energy_j,
            'energy_per_frame_j': self.energy_per_frame_j,
            'power_w': self.power_w,
            'clock_changes': dict(self.clock_changes),
            'hottest_c': dict(self.hottest_c),
            'throttled_s': dict(self.throttled_s),
            'battery': self.battery,
            'applications': applications,
        }
        known: dict[str, Any] = without_nan(figures)
        return known


def application_result(application: SimulatedApplication) -> ApplicationResult:
    """Sum up an application."""
    frames = application.frames
    latencies_s = np.array([each.latency_s for each in frames] or [math.nan])
    return ApplicationResult(
        arrived=application.arrived,
        frames=len(frames),
        dropped=application.dropped,
        unfinished=application.unfinished,
        misses=sum(not each.met for each in frames),
        switches=application.switches,
        accuracy=_mean([each.way.accuracy for each in frames]),
        energy_per_frame_j=_mean([each.energy_j for each in frames]),
        latency_mean_s=float(latencies_s.mean()),
        latency_p50_s=float(np.percentile(latencies_s, 50)),
        latency_p95_s=float(np.percentile(latencies_s, 95)),
        latency_max_s=float(latencies_s.max()),
        latencies_s=tuple(each.latency_s for each in frames),
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def sum_up(
    machine: SimulatedMachine,
    applications: Mapping[str, SimulatedApplication],
    *,
    scenario: str,
    policy: str,
    seed: int,
    duration_s: float,
) -> Result:
    """Sum up a simulation that has ended."""
    return Result(
        platform=machine.platform.name,
        scenario=scenario,
        policy=policy,
        seed=seed,
        duration_s=duration_s,
        applications={name: application_result(each) for name, each in applications.items()},
        energy_j=machine.energy_j,
        co_runner_energy_j=machine.co_runner_energy_j,
        clock_changes=dict(machine.clock_changes),
        hottest_c=dict(machine.hottest_c),
        throttled_s=dict(machine.throttled_s),
        battery=machine.battery,
    )
