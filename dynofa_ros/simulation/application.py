# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulated application: it receives images, runs its sub-network and counts the outcome."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Profile, Target
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.camera import Image
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.processor import Job
from dynofa_ros.simulation.scenario import ApplicationPlan


@dataclass(frozen=True)
class ExecutionOption:
    """A sub-network on a processor with a number of threads, as listed in a profile."""

    key: PointKey
    accuracy: float
    core_share: float  # of the processor's cores, 0..1
    latency_s: dict[float, float]  # without contention, by frequency

    @property
    def processor(self) -> str:
        """The processor it runs on."""
        return self.key[2]

    def trace_fields(self) -> dict[str, object]:
        """Return its fields in a trace event."""
        subnet_id, _, processor, threads = self.key
        return {'subnet_id': subnet_id, 'processor': processor, 'threads': threads}


@dataclass(frozen=True)
class SimulatedFrame:
    """A completed frame."""

    app: str
    sequence: int  # among completed frames
    option: ExecutionOption
    arrived_s: float
    inference_s: float
    latency_s: float  # since the arrival of the image
    deadline_s: float
    energy_j: float  # above idle, of its own inference
    dropped: int  # images dropped since the previous frame

    @property
    def met(self) -> bool:
        """Whether it met its deadline."""
        return self.latency_s <= self.deadline_s

    def trace_fields(self) -> dict[str, object]:
        """Return its fields in a trace event."""
        return {
            'app': self.app,
            **self.option.trace_fields(),
            'arrived_s': self.arrived_s,
            'latency_s': self.latency_s,
            'inference_s': self.inference_s,
            'deadline_s': self.deadline_s,
            'met': self.met,
            'accuracy': self.option.accuracy,
            'energy_j': self.energy_j,
        }


def execution_options(profile: Profile, platform: Platform) -> dict[PointKey, ExecutionOption]:
    """Return the execution options of a profile, by key."""
    found: dict[PointKey, ExecutionOption] = {}
    for point in profile.points:
        if point.key not in found:
            processor = platform.processor(point.processor)
            core_share = processor.cores_used(point.threads) / processor.cores
            found[point.key] = ExecutionOption(point.key, point.accuracy, core_share, {})
        found[point.key].latency_s[point.frequency_hz] = point.latency_s
    return found


class SimulatedApplication:
    """Processes one frame at a time; at most one image waits, and a newer one replaces it."""

    def __init__(
        self,
        plan: ApplicationPlan,
        profile: Profile,
        images: Iterator[Image],
        *,
        queue: EventQueue,
        machine: SimulatedMachine,
        finished: Callable[[SimulatedFrame], None],
        trace: Trace | None,
    ) -> None:
        """`finished` receives every completed frame."""
        self.plan, self.profile = plan, profile
        self.execution_options = execution_options(profile, machine.platform)
        self.frames: list[SimulatedFrame] = []
        self.arrived = self.dropped = self.switches = 0
        self.selected: ExecutionOption | None = None  # of the next frame
        self._images, self._queue, self._machine = images, queue, machine
        self._finished, self._trace = finished, trace
        self._waiting: Image | None = None
        self._processing: Image | None = None
        self._job: tuple[Job, ExecutionOption] | None = None
        self._blocked_until_s = -math.inf
        self._skipped = 0

    @property
    def unfinished(self) -> int:
        """Number of images waiting or in processing."""
        return (self._processing is not None) + (self._waiting is not None)

    @property
    def target(self) -> Target:
        """The present targets."""
        return self.plan.target_at(self._queue.now_s)

    def start(self) -> None:
        """Start to receive images."""
        image = next(self._images, None)
        if image is not None:
            self._queue.at(image.arrived_s, lambda: self._receive(image))

    def leave(self) -> None:
        """Stop at once and abandon unfinished frames."""
        if self._job is not None:
            job, option = self._job
            self._machine.stop(job, option.processor)
            self._job = None
        self._images = iter(())

    def switch(self, key: PointKey, *, swap_s: float = 0.0) -> None:
        """Select an execution option for the next frames; no frame starts within `swap_s`.

        Raises KeyError if the profile does not list it.
        """
        option = self.execution_options[key]
        if option is self.selected:
            return
        if self.selected is not None:
            self.switches += 1
            if self._trace:
                self._trace('switch', app=self.plan.name, **option.trace_fields())
        self.selected = option
        if swap_s > 0.0:
            self._blocked_until_s = self._queue.now_s + swap_s
            self._queue.at(self._blocked_until_s, self._start_frame)

    def _receive(self, image: Image) -> None:
        """Queue an image; one that is still waiting is dropped."""
        if self._waiting is not None:
            self.dropped += 1
            self._skipped += 1
            if self._trace:
                self._trace('dropped', app=self.plan.name, arrived_s=self._waiting.arrived_s)
        self.arrived += 1
        self._waiting = image
        self._start_frame()
        self.start()

    def _start_frame(self) -> None:
        """Start the waiting frame unless the application is busy or blocked by a switch."""
        image = self._waiting
        if image is None or self._processing is not None:
            return
        if self._queue.now_s < self._blocked_until_s:
            return
        self._processing, self._waiting = image, None
        if self.plan.overhead_s > 0.0:
            self._queue.at(self._queue.now_s + self.plan.overhead_s, self._infer)
        else:
            self._infer()

    def _infer(self) -> None:
        if self._processing is None or self._queue.now_s >= self.plan.leave_s:
            return
        option = self.selected
        assert option is not None  # a policy selects one when an application joins
        factor = self._processing.latency_factor
        job = Job(option.latency_s, option.core_share, factor, self._complete)
        self._job = (job, option)
        self._machine.start(job, option.processor)

    def _complete(self, job: Job) -> None:
        assert self._job is not None
        assert self._processing is not None
        (_, option), image = self._job, self._processing
        self._machine.stop(job, option.processor)
        self._job = self._processing = None
        now_s = self._queue.now_s
        frame = SimulatedFrame(
            app=self.plan.name,
            sequence=len(self.frames) + 1,
            option=option,
            arrived_s=image.arrived_s,
            inference_s=now_s - job.started_s,
            latency_s=now_s - image.arrived_s,
            # The deadline when the image arrived: no policy can react to one that is set later.
            deadline_s=self.plan.target_at(image.arrived_s).deadline_s,
            energy_j=job.energy_j,
            dropped=self._skipped,
        )
        self._skipped = 0
        self.frames.append(frame)
        if self._trace:
            self._trace('frame', **frame.trace_fields())
        self._finished(frame)
        self._start_frame()
