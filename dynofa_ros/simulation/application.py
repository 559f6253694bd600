# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One simulated application: it receives images, runs its sub-network and counts the outcome."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Cascade, CascadePoint, Profile, Target
from dynofa_ros.runtime.latest_image import LatestImage
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.turns import WaitingFrame
from dynofa_ros.simulation.camera import Image
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.processor import Job
from dynofa_ros.simulation.scenario import ApplicationPlan
from dynofa_ros.simulation.scene import Scene
from dynofa_ros.simulation.turns import Turn


@dataclass(frozen=True, eq=False)
class ExecutionOption:
    """A sub-network or cascade on a processor with a number of threads, as listed in a profile."""

    key: PointKey
    accuracy: float
    core_share: float  # of the processor's cores, 0..1
    latency_s: dict[float, float]  # the true one, without contention, by frequency
    cascade: Cascade | None = None
    of_stages: tuple[ExecutionOption, ...] = ()  # of a cascade

    @property
    def processor(self) -> str:
        """The processor it runs on."""
        return self.key[2]

    @property
    def stages(self) -> tuple[ExecutionOption, ...]:
        """The sub-networks that it may run, in order."""
        return self.of_stages or (self,)

    def accuracy_of(self, stage: int, *, cut: bool = False) -> float:
        """Return the expected accuracy of a frame that a stage answers, counted from 0.

        `cut`: it was unsure, but there was no time for the next one.
        """
        cascade = self.cascade
        if cascade is None:
            return self.accuracy
        known = cascade.early_accuracy if cut else cascade.answer_accuracy
        if math.isnan(known[stage]):
            return self.accuracy
        # Its accuracy is relative to that of its sub-networks, which was measured on other images.
        answers = zip(cascade.answered, cascade.answer_accuracy, strict=True)
        mean = sum(share * accuracy for share, accuracy in answers if share > 0.0)
        return min(max(known[stage] + cascade.accuracy - mean, 0.0), 1.0)

    def trace_fields(self) -> dict[str, object]:
        """Return its fields in a trace event."""
        subnet_id, _, processor, threads = self.key
        return {'subnet_id': subnet_id, 'processor': processor, 'threads': threads}


@dataclass(frozen=True, slots=True)
class StageRun:
    """One inference of a frame."""

    option: ExecutionOption  # of the sub-network alone
    inference_s: float
    energy_j: float  # above idle
    done_s: float
    later: bool  # after another one of the same frame


@dataclass(slots=True, eq=False)
class SimulatedFrame:
    """A completed frame."""

    app: str
    sequence: int  # among completed frames
    option: ExecutionOption  # that ran
    commanded: ExecutionOption  # that was selected when it started
    arrived_s: float
    queue_s: float  # wait for the previous frame, and for its turn on the processor
    inference_s: float  # of all stages
    latency_s: float  # since the arrival of the image
    deadline_s: float
    energy_j: float  # above idle, of its own inference
    dropped: int  # images dropped between the previous frame's and this one's
    accuracy: float  # expected, given what ran
    stages: tuple[StageRun, ...]
    first_score: float  # of the first of them; NaN: unknown
    cut: bool  # unsure, but there was no time for the next stage
    early_s: float = math.nan  # latency of the first answer, if it went out before a later one

    @property
    def met(self) -> bool:
        """Whether an answer met the deadline."""
        return self.latency_s <= self.deadline_s or self.early_s <= self.deadline_s

    def trace_fields(self) -> dict[str, object]:
        """Return its fields in a trace event."""
        return {
            'app': self.app,
            **self.option.trace_fields(),
            'commanded': self.commanded.trace_fields(),
            'arrived_s': self.arrived_s,
            'latency_s': self.latency_s,
            'queue_s': self.queue_s,
            'inference_s': self.inference_s,
            'deadline_s': self.deadline_s,
            'met': self.met,
            'accuracy': self.accuracy,
            'energy_j': self.energy_j,
            'stages': [each.option.key[0] for each in self.stages],
            'first_score': self.first_score,
            'cut': self.cut,
        }


def execution_options(profile: Profile, platform: Platform) -> dict[PointKey, ExecutionOption]:
    """Return the execution options of a profile, by key."""
    found: dict[PointKey, ExecutionOption] = {}
    for point in profile.every_point:
        if point.key not in found:
            processor = platform.processor(point.processor)
            core_share = processor.cores_used(point.threads) / processor.cores
            option = ExecutionOption(point.key, point.accuracy, core_share, {})
            if isinstance(point, CascadePoint):
                stages = tuple(found[each.key] for each in point.stages)
                option = replace(option, cascade=point.cascade, of_stages=stages)
            found[point.key] = option
        found[point.key].latency_s[point.frequency_hz] = point.latency_s
    return found


@dataclass(slots=True, eq=False)
class _Started:
    """A frame in processing."""

    image: Image
    skipped: int  # images dropped since the previous frame was taken
    # The deadline when the image arrived: no policy can react to one that is set later.
    deadline_s: float
    turn: Turn | None = None  # that it waits for or has
    place: WaitingFrame | None = None  # in the order of that turn
    running: _Running | None = None


@dataclass(slots=True, eq=False)
class _Running:
    """What a frame runs."""

    commanded: ExecutionOption
    option: ExecutionOption
    stage: int  # that runs now, counted from 0
    job: Job
    done: tuple[StageRun, ...] = ()


class FrameRules(Protocol):
    """What a policy decides for a single frame; `policies.policy.Policy` has the defaults."""

    def choose_option(self, application: SimulatedApplication, image: Image) -> ExecutionOption:
        """Return what a frame runs that starts now."""

    def longest_wait_s(self, application: SimulatedApplication, image: Image) -> float:
        """Return how long a frame that is ready may wait for its turn [s]."""

    def first_stage(
        self, application: SimulatedApplication, image: Image, option: ExecutionOption
    ) -> int:
        """Return the stage of a cascade with which a frame begins, counted from 0."""

    def fits(self, application: SimulatedApplication, image: Image, stage: ExecutionOption) -> bool:
        """Whether the next stage of a cascade can start now and be in time."""

    def stage_done(self, application: SimulatedApplication, run: StageRun) -> None:
        """Handle an inference that is done, before it is decided what follows."""


class SimulatedApplication:
    """Processes one frame at a time; at most one image waits, and a newer one replaces it."""

    def __init__(
        self,
        plan: ApplicationPlan,
        profile: Profile,
        images: Iterator[Image],
        *,
        truth: Profile,
        queue: EventQueue,
        machine: SimulatedMachine,
        finished: Callable[[SimulatedFrame], None],
        rules: FrameRules,
        turns: Mapping[str, Turn],
        trace: Trace | None,
    ) -> None:
        """`profile` is what policies know, `truth` what frames take; `turns` are by processor.

        `finished` receives every completed frame.
        """
        self.plan, self.profile = plan, profile
        self.execution_options = execution_options(truth, machine.platform)
        self.frames: list[SimulatedFrame] = []
        self.arrived = self.dropped = self.switches = 0
        self.selected: ExecutionOption | None = None  # of the next frame
        self._images, self._queue, self._machine = images, queue, machine
        self._finished, self._rules = finished, rules
        self._turns, self._trace = turns, trace
        self.scene = Scene(plan.networks.scores)
        self._latest: LatestImage[Image] = LatestImage()
        self._processing: _Started | None = None
        self._left = False
        self._blocked_until_s = -math.inf

    @property
    def unfinished(self) -> int:
        """Number of images waiting or in processing."""
        return (self._processing is not None) + bool(self._latest)

    @property
    def target(self) -> Target:
        """The present targets."""
        return self.plan.target_at(self._queue.now_s)

    def deadline_s(self, image: Image) -> float:
        """Return the deadline of an image, in seconds after its arrival."""
        return self.plan.target_at(image.arrived_s).deadline_s

    def start(self) -> None:
        """Start to receive images."""
        image = next(self._images, None)
        if image is not None:
            self._queue.at(image.arrived_s, partial(self._receive, image))

    def leave(self) -> None:
        """Stop at once and abandon unfinished frames."""
        self._images, self._left = iter(()), True
        if self._processing is not None:
            running = self._processing.running
            if running is not None:
                self._machine.stop(running.job, running.option.processor)
            _end_turn(self._processing)

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
        """Let an image wait; one that is still waiting is dropped."""
        self.arrived += 1
        replaced = self._latest.put(image)
        if replaced is not None:
            self.dropped += 1
            if self._trace:
                self._trace('dropped', app=self.plan.name, arrived_s=replaced.arrived_s)
        self._start_frame()
        self.start()

    def _start_frame(self) -> None:
        """Start the waiting frame unless the application is busy or blocked by a switch."""
        now_s = self._queue.now_s
        if self._processing is not None or not self._latest or now_s < self._blocked_until_s:
            return
        image, skipped = self._latest.take()
        self._processing = _Started(image, skipped, self.deadline_s(image))
        if self.plan.overhead_s > 0.0:
            self._queue.at(now_s + self.plan.overhead_s, self._proceed)
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Infer, or wait for a turn on the selected processor."""
        frame, commanded = self._processing, self.selected
        if frame is None or self._left:
            return
        assert commanded is not None  # a policy selects one when an application joins
        turn = self._turns.get(commanded.processor)
        if turn is frame.turn:
            self._infer(frame, commanded)
            return
        _end_turn(frame)  # another processor was selected while it waited
        if turn is None:
            self._infer(frame, commanded)
            return
        arrived_s = frame.image.arrived_s
        frame.turn = turn
        frame.place = WaitingFrame(arrived_s + frame.deadline_s, arrived_s, self.plan.name)
        if not turn.request(frame.place, self._proceed):
            wait_s = self._rules.longest_wait_s(self, frame.image)
            if wait_s < math.inf:
                self._queue.at(self._queue.now_s + wait_s, partial(self._wait_no_longer, frame))

    def _wait_no_longer(self, frame: _Started) -> None:
        """Run a frame beside others that would be late after a longer wait."""
        if frame is not self._processing or frame.running is not None or self._left:
            return
        assert self.selected is not None
        _end_turn(frame)
        self._infer(frame, self.selected)

    def _infer(self, frame: _Started, commanded: ExecutionOption) -> None:
        option = self._rules.choose_option(self, frame.image)
        if option.processor != commanded.processor:
            raise ValueError(
                f'processor of a frame is {option.processor}; expected that of the selected '
                f'sub-network, {commanded.processor}'
            )
        stage = self._rules.first_stage(self, frame.image, option)
        frame.running = _Running(commanded, option, stage, self._job(frame, option.stages[stage]))
        self._machine.start(frame.running.job, option.processor)

    def _job(self, frame: _Started, stage: ExecutionOption) -> Job:
        return Job(stage.latency_s, stage.core_share, frame.image.latency_factor, self._complete)

    def _complete(self, job: Job) -> None:
        """End an inference; the next stage of a cascade follows, or the frame is done."""
        started = self._processing
        assert started is not None
        assert started.running is not None
        running, image, now_s = started.running, started.image, self._queue.now_s
        option, stage = running.option, running.stage
        self._machine.stop(job, option.processor)
        done = StageRun(
            option.stages[stage],
            now_s - job.started_s,
            job.energy_j,
            done_s=now_s,
            later=bool(running.done),
        )
        running.done = (*running.done, done)
        self._rules.stage_done(self, done)
        unsure = option.cascade is not None and self.scene.escalates(
            image.picture, option.cascade, stage
        )
        if unsure and self._rules.fits(self, image, option.stages[stage + 1]):
            running.stage = stage + 1
            running.job = self._job(started, option.stages[stage + 1])
            self._machine.start(running.job, option.processor)
            return
        self._processing = None
        frame = self._frame(started, running, cut=unsure)
        self.frames.append(frame)
        if self._trace:
            self._trace('frame', **frame.trace_fields())
        self._finished(frame)
        _end_turn(started)
        self._start_frame()

    def _frame(self, started: _Started, running: _Running, *, cut: bool) -> SimulatedFrame:
        """Return a frame that is done now."""
        option, done, image = running.option, running.done, started.image
        first = done[0]
        inferring_s = first.done_s - first.inference_s
        frame = SimulatedFrame(
            app=self.plan.name,
            sequence=len(self.frames) + 1,
            option=option,
            commanded=running.commanded,
            arrived_s=image.arrived_s,
            queue_s=max(0.0, inferring_s - image.arrived_s - self.plan.overhead_s),
            inference_s=sum(each.inference_s for each in done),
            latency_s=self._queue.now_s - image.arrived_s,
            deadline_s=started.deadline_s,
            energy_j=sum(each.energy_j for each in done),
            dropped=started.skipped,
            accuracy=option.accuracy_of(running.stage, cut=cut),
            stages=done,
            first_score=self.scene.score(image.picture, first.option.key[0]),
            cut=cut,
        )
        if self.plan.publish_early and len(done) > 1:
            frame.early_s = first.done_s - image.arrived_s
            if frame.latency_s > frame.deadline_s:  # then the last answer in time counts
                in_time = sum(each.done_s - image.arrived_s <= frame.deadline_s for each in done)
                frame.accuracy = option.accuracy_of(max(in_time - 1, 0), cut=True)
        return frame


def _end_turn(frame: _Started) -> None:
    """Let the next frame have the processor, if this one has or awaits a turn."""
    turn, frame.turn = frame.turn, None
    if turn is not None and frame.place is not None:
        turn.release(frame.place)
