"""One processor at work: frames of several applications at once, beside other programs.

The platform's contention model (`Platform.slowdown`) between our own applications: each frame that
runs is, to the others, a program that uses the cores it uses. With a contention of 1 that is
processor sharing: two frames on a GPU take twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.platform.simulated.clock import NOTHING_S
from dynofa_ros.simulation.events import EventQueue


@dataclass(eq=False)
class Job:
    """The inference of one frame."""

    latency_s: Mapping[float, float]  # undisturbed, at each clock of the processor's domain
    share: float  # of the processor's cores, 0..1
    spread: float  # what this frame takes, relative to what it should
    done: Callable[[Job], None]
    started_s: float = 0.0
    left: float = 1.0  # share of the work
    energy_j: float = 0.0  # above idle, of its own work
    rate: float = 0.0  # share of the work done in a second, now
    power_w: float = 0.0  # above idle, now


class Unit:
    """A processor of the platform, and what runs on it."""

    def __init__(
        self, platform: Platform, name: str, queue: EventQueue, *, sync: Callable[[], None]
    ) -> None:
        """`sync` brings the whole machine up to now, this processor included."""
        unit = platform.processor(name)
        self.name = name
        self.domain = unit.domain
        self.power_w = 0.0  # above idle, now
        self.co_runner_power_w = 0.0  # the part of it that is not our work
        self.busy = 0.0  # share of the time that its busiest core is busy: what load meters count
        self.co_runner_utilisation = 0.0
        self._queue, self._sync = queue, sync
        self._jobs: list[Job] = []
        self._plan = 0  # number of the last plan; a completion of an older one is void
        self._slowdown_per_other = unit.slowdown(1.0) - 1.0
        self._above_idle_w = {
            frequency_hz: platform.board_power_w(
                frequencies_hz={unit.domain: frequency_hz}, utilisation={name: 1.0}
            )
            - platform.idle_power_w
            for frequency_hz in platform.domains[unit.domain].frequencies_hz
        }

    def add(self, job: Job) -> None:
        """Start a job; `replan` must follow."""
        job.started_s = self._queue.now_s
        self._jobs.append(job)

    def remove(self, job: Job) -> None:
        """Take a job out; `replan` must follow."""
        self._jobs.remove(job)

    def advance(self, dt_s: float) -> None:
        """Let a time pass in which nothing changed."""
        for job in self._jobs:
            job.left -= job.rate * dt_s
            job.energy_j += job.power_w * dt_s

    def replan(self, frequency_hz: float) -> None:
        """Work out how fast the jobs are now, what they draw, and which is done first."""
        self._plan += 1
        above_idle_w = self._above_idle_w[frequency_hz]
        co_runner = self.co_runner_utilisation
        load = co_runner + sum([job.share for job in self._jobs])
        used, first_s = 0.0, math.inf
        for job in self._jobs:
            slowdown = 1.0 + self._slowdown_per_other * (load - job.share)
            job.rate = 1.0 / (job.latency_s[frequency_hz] * job.spread * slowdown)
            # Energy is that of the work: what a co-runner adds is time, not what we compute.
            job.power_w = above_idle_w * job.share / slowdown
            used += job.share / slowdown
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
        """Hand over what is done; whoever takes it changes what runs, and so replans."""
        if plan != self._plan:
            return
        self._sync()
        for job in [job for job in self._jobs if job.left <= NOTHING_S * job.rate]:
            job.done(job)
