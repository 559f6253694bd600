# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulated processor: concurrent inferences that share it with each other and co-runners.

The contention model is that of the platform (`Platform.slowdown`): to every other inference, a
running one is a co-runner that uses its cores. With a contention of 1 this is processor sharing:
two frames on a GPU take twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.platform.simulated.clock import ROUNDING_S
from dynofa_ros.simulation.events import EventQueue


@dataclass(eq=False)
class Job:
    """The inference of one frame."""

    latency_s: Mapping[float, float]  # without contention, by frequency of the domain
    core_share: float  # of the processor's cores, 0..1
    latency_factor: float  # actual / modelled latency of this frame
    done: Callable[[Job], None]
    started_s: float = 0.0
    left: float = 1.0  # fraction of the work
    energy_j: float = 0.0  # above idle, of its own work
    rate: float = 0.0  # fraction of the work per second, now
    power_w: float = 0.0  # above idle, now


class SimulatedProcessor:
    """A processor and the jobs on it."""

    def __init__(
        self, platform: Platform, name: str, queue: EventQueue, *, sync: Callable[[], None]
    ) -> None:
        """`sync` advances the whole machine, including this processor, to the present."""
        processor = platform.processor(name)
        self.name = name
        self.domain = processor.domain
        self.power_w = 0.0  # above idle, now
        self.co_runner_power_w = 0.0  # part of power_w drawn by co-runners
        self.busy = 0.0  # utilisation of its busiest core, as a load meter reads it
        self.co_runner_utilisation = 0.0
        self._queue, self._sync = queue, sync
        self._jobs: list[Job] = []
        self._plan = 0  # number of the last plan; completions of older plans are void
        self._slowdown_per_other = processor.slowdown(1.0) - 1.0
        self._above_idle_w = {
            frequency_hz: platform.board_power_w(
                frequencies_hz={processor.domain: frequency_hz}, utilisation={name: 1.0}
            )
            - platform.idle_power_w
            for frequency_hz in platform.domains[processor.domain].frequencies_hz
        }

    def add(self, job: Job) -> None:
        """Start a job; `replan` must follow."""
        job.started_s = self._queue.now_s
        self._jobs.append(job)

    def remove(self, job: Job) -> None:
        """Remove a job; `replan` must follow."""
        self._jobs.remove(job)

    def advance(self, dt_s: float) -> None:
        """Advance all jobs by a time in which nothing changed."""
        for job in self._jobs:
            job.left -= job.rate * dt_s
            job.energy_j += job.power_w * dt_s

    def replan(self, frequency_hz: float) -> None:
        """Recompute rates and power, and schedule the next completion."""
        self._plan += 1
        above_idle_w = self._above_idle_w[frequency_hz]
        co_runner = self.co_runner_utilisation
        load = co_runner + sum([job.core_share for job in self._jobs])
        used, first_s = 0.0, math.inf
        for job in self._jobs:
            slowdown = 1.0 + self._slowdown_per_other * (load - job.core_share)
            job.rate = 1.0 / (job.latency_s[frequency_hz] * job.latency_factor * slowdown)
            # A co-runner lengthens the inference but adds no work to it, hence no energy.
            job.power_w = above_idle_w * job.core_share / slowdown
            used += job.core_share / slowdown
            left_s = job.left / job.rate
            if left_s < first_s:
                first_s = left_s
        self.busy = 1.0 if self._jobs else co_runner
        self.power_w = above_idle_w * min(used + co_runner, 1.0)
        self.co_runner_power_w = max(0.0, self.power_w - above_idle_w * used)
        if self._jobs:
            plan = self._plan
            self._queue.at(self._queue.now_s + first_s, lambda: self._complete(plan))

    def _complete(self, plan: int) -> None:
        """Report the jobs that are done; the receiver removes them, which replans."""
        if plan != self._plan:
            return
        self._sync()
        for job in [job for job in self._jobs if job.left <= ROUNDING_S * job.rate]:
            job.done(job)
