"""One application at work: takes images, runs its sub-network, and counts what became of them."""

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
    """A way to run: a sub-network in a place, as the application's profile has it."""

    key: PointKey
    accuracy: float
    share: float  # of the processor's cores, 0..1
    latency_s: dict[float, float]  # undisturbed, at each clock

    @property
    def processor(self) -> str:
        """Where it runs."""
        return self.key[2]


@dataclass(frozen=True)
class SimulatedFrame:
    """A frame that is done."""

    app: str
    sequence: int  # of the frames that are done
    way: ExecutionOption
    arrived_s: float
    inference_s: float
    latency_s: float  # from the image's arrival
    deadline_s: float
    energy_j: float  # above idle, of its own inference
    dropped: int  # images since the frame before that were never looked at

    @property
    def met(self) -> bool:
        """Whether it met its deadline."""
        return self.latency_s <= self.deadline_s


def execution_options(profile: Profile, platform: Platform) -> dict[PointKey, ExecutionOption]:
    """Return the ways to run of a profile, by key."""
    found: dict[PointKey, ExecutionOption] = {}
    for point in profile.points:
        if point.key not in found:
            unit = platform.processor(point.processor)
            share = unit.cores_used(point.threads) / unit.cores
            found[point.key] = ExecutionOption(point.key, point.accuracy, share, {})
        found[point.key].latency_s[point.frequency_hz] = point.latency_s
    return found


class SimulatedApplication:
    """An application: one frame at work, one image at most that waits, and of those the newest."""

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
        """`finished` is told of every frame that is done."""
        self.plan, self.profile = plan, profile
        self.ways = execution_options(profile, machine.platform)
        self.frames: list[SimulatedFrame] = []
        self.arrived = self.dropped = self.switches = 0
        self.running: ExecutionOption | None = None  # what the next frame runs
        self._images, self._queue, self._machine = images, queue, machine
        self._finished, self._trace = finished, trace
        self._waiting: Image | None = None
        self._at_work: Image | None = None
        self._job: tuple[Job, ExecutionOption] | None = None
        self._blocked_until_s = -math.inf
        self._skipped = 0

    @property
    def unfinished(self) -> int:
        """Images that are at work or wait."""
        return (self._at_work is not None) + (self._waiting is not None)

    @property
    def target(self) -> Target:
        """The targets in force."""
        return self.plan.target_at(self._queue.now_s)

    def start(self) -> None:
        """Take images from now on."""
        self._await_next()

    def leave(self) -> None:
        """Stop at once; what is not done stays undone."""
        if self._job is not None:
            job, way = self._job
            self._machine.stop(job, way.processor)
            self._job = None
        self._images = iter(())

    def switch(self, key: PointKey, *, swap_s: float = 0.0) -> None:
        """Run something else from the next frame on; no frame begins for `swap_s`.

        Raises KeyError for what the profile does not have.
        """
        way = self.ways[key]
        if way is self.running:
            return
        if self.running is not None:
            self.switches += 1
            if self._trace:
                self._trace('switch', app=self.plan.name, **_words(way))
        self.running = way
        if swap_s > 0.0:
            self._blocked_until_s = self._queue.now_s + swap_s
            self._queue.at(self._blocked_until_s, self._begin)

    def _await_next(self) -> None:
        image = next(self._images, None)
        if image is not None:
            self._queue.at(image.arrived_s, lambda: self._arrive(image))

    def _arrive(self, image: Image) -> None:
        """Keep an image; one that waited is dropped."""
        if self._waiting is not None:
            self.dropped += 1
            self._skipped += 1
            if self._trace:
                self._trace('dropped', app=self.plan.name, arrived_s=self._waiting.arrived_s)
        self.arrived += 1
        self._waiting = image
        self._begin()
        self._await_next()

    def _begin(self) -> None:
        """Begin the frame that waits, if nothing holds it up."""
        image = self._waiting
        if image is None or self._at_work is not None:
            return
        if self._queue.now_s < self._blocked_until_s:
            return
        self._at_work, self._waiting = image, None
        if self.plan.overhead_s > 0.0:
            self._queue.at(self._queue.now_s + self.plan.overhead_s, self._infer)
        else:
            self._infer()

    def _infer(self) -> None:
        if self._at_work is None or self._queue.now_s >= self.plan.leave_s:
            return
        way = self.running
        assert way is not None  # a policy chooses when an application joins
        job = Job(way.latency_s, way.share, self._at_work.spread, self._done)
        self._job = (job, way)
        self._machine.start(job, way.processor)

    def _done(self, job: Job) -> None:
        assert self._job is not None
        assert self._at_work is not None
        (_, way), image = self._job, self._at_work
        self._machine.stop(job, way.processor)
        self._job = self._at_work = None
        now_s = self._queue.now_s
        frame = SimulatedFrame(
            app=self.plan.name,
            sequence=len(self.frames) + 1,
            way=way,
            arrived_s=image.arrived_s,
            inference_s=now_s - job.started_s,
            latency_s=now_s - image.arrived_s,
            # As it was when the image arrived: nobody can meet one that is set later.
            deadline_s=self.plan.target_at(image.arrived_s).deadline_s,
            energy_j=job.energy_j,
            dropped=self._skipped,
        )
        self._skipped = 0
        self.frames.append(frame)
        if self._trace:
            self._trace('frame', **_facts(frame))
        self._finished(frame)
        self._begin()


def _words(way: ExecutionOption) -> dict[str, object]:
    subnet_id, _, processor, threads = way.key
    return {'subnet_id': subnet_id, 'processor': processor, 'threads': threads}


def _facts(frame: SimulatedFrame) -> dict[str, object]:
    return {
        'app': frame.app,
        **_words(frame.way),
        'arrived_s': frame.arrived_s,
        'latency_s': frame.latency_s,
        'inference_s': frame.inference_s,
        'deadline_s': frame.deadline_s,
        'met': frame.met,
        'accuracy': frame.way.accuracy,
        'energy_j': frame.energy_j,
    }
