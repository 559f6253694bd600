"""The perception node's work, frame by frame, without ROS: obey, classify, report.

Everything here runs in one worker thread, so that the node's own thread stays free for
parameters, commands and the next image. A command takes effect between two frames.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from dynofa_ros.engine import Classified, Classifier, Delivery, Mailbox
from dynofa_ros.nodes.image_conversion import ImageError, to_bgr
from dynofa_ros.simulation.frame_time import FrameModel


@dataclass(frozen=True)
class Arrival:
    """An image message as it came, by the steady clock, with its age then [s]."""

    message: Any
    arrived_s: float
    age_s: float


@dataclass(frozen=True)
class Command:
    """What to run from the next frame on; the fields of SubnetCommand.msg.

    Without a ``sequence`` it is nobody's command: the deadline, and what became of the last
    command, stay as they are.
    """

    sequence: int | None
    subnet_id: str
    processor: str = ''
    threads: int = 0
    deadline_s: float = math.nan
    reason: str = ''


@dataclass(frozen=True)
class Running:
    """What runs now, and what became of the last command."""

    subnet_id: str
    processor: str
    threads: int
    deadline_s: float
    since_s: float
    reason: str
    switches: int = 0
    command_sequence: int = 0
    command_applied: bool = False
    command_result: str = 'no command yet'


@dataclass(frozen=True)
class FrameResult:
    """One classified image; times in s, energy in J."""

    arrival: Arrival
    classified: Classified
    running: Running
    accuracy: float
    sequence: int
    dropped: int
    refused: int
    queue_s: float
    modelled: bool
    energy_j: float

    @property
    def latency_s(self) -> float:
        """Arrival to result."""
        each = self.classified
        return self.queue_s + each.preprocess_s + each.inference_s + each.postprocess_s

    @property
    def deadline_met(self) -> bool:
        """Whether the latency kept the deadline; true without one."""
        deadline_s = self.running.deadline_s
        return math.isnan(deadline_s) or self.latency_s <= deadline_s


class Listener(Protocol):
    """Who hears what the worker did; called from the worker's thread."""

    def on_result(self, result: FrameResult) -> None:
        """Hear of a classified frame."""
        ...

    def on_running(self, running: Running) -> None:
        """Hear of a command that was obeyed or refused."""
        ...

    def on_refused(self, name: str, detail: str) -> None:
        """Hear of an input that was refused."""
        ...


@dataclass
class PerceptionWorker:
    """Takes commands and frames from a mailbox until it is closed.

    ``processors`` maps each processor to the number of CPU threads it has. With a ``model`` the
    inference of a frame takes the simulated platform's time: it really runs, and the rest of that
    time is slept.
    """

    classifier: Classifier
    mailbox: Mailbox[Arrival, Command]
    listener: Listener
    processors: dict[str, int]
    running: Running
    model: FrameModel | None = None
    clock: Callable[[], float] = time.monotonic
    pinned: str = ''
    """Sub-network that no manager may switch away from; empty: none."""
    overruns: int = 0
    """Frames whose real inference took longer than the simulated one."""
    _overrun: tuple[float, float] = (-math.inf, -math.inf)
    """From when to when, by the clock, the last of them held the worker up."""
    _sequence: int = 0
    _dropped: int = 0
    _refused: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Work until :meth:`stop`."""
        while (delivery := self.mailbox.take()) is not None:
            self.handle(delivery)

    def stop(self) -> None:
        """Let :meth:`run` return, also in the middle of a simulated inference."""
        self._stopped.set()
        self.mailbox.close()

    def handle(self, delivery: Delivery[Arrival, Command]) -> None:
        """Obey the commands, then classify the frame, if any."""
        for command in delivery.commands:
            self._obey(command)
        self._dropped += delivery.dropped
        if delivery.frame is not None:
            self._classify(delivery.frame)

    def _obey(self, command: Command) -> None:
        try:
            changed, applied = self._apply(command, self.running), True
            result = f'runs {changed.subnet_id} on {changed.processor}, {changed.threads} threads'
        except ValueError as error:
            changed, applied, result = self.running, False, str(error)
            self.listener.on_refused('subnet_command', result)
        if command.sequence is not None:
            changed = replace(
                changed,
                command_sequence=command.sequence,
                command_applied=applied,
                command_result=result,
            )
        self.running = changed
        self.listener.on_running(changed)

    def _apply(self, command: Command, seen: Running) -> Running:
        processor = command.processor or seen.processor
        if processor not in self.processors:
            known = ', '.join(self.processors)
            raise ValueError(f'processor is {processor!r}; allowed: {known}')
        most = self.processors[processor]
        threads = command.threads or min(seen.threads, most)
        if threads > most:
            raise ValueError(f'threads is {threads}; {processor} has {most}')
        if not (math.isnan(command.deadline_s) or 0 < command.deadline_s < math.inf):
            raise ValueError(f'deadline_s is {command.deadline_s}; must be above 0, or NaN: none')
        managed = command.sequence is not None
        if managed and self.pinned and command.subnet_id != self.pinned:
            raise ValueError(
                f'sub-network is {command.subnet_id!r}; allowed: {self.pinned}, '
                'to which the parameter subnet pins it'
            )
        self.classifier.switch(command.subnet_id)
        if self.model is None:
            self.classifier.threads = threads
        new = replace(
            seen,
            subnet_id=command.subnet_id,
            processor=processor,
            threads=threads,
            deadline_s=command.deadline_s if managed else seen.deadline_s,
        )
        if (new.subnet_id, processor, threads) == (seen.subnet_id, seen.processor, seen.threads):
            return new
        switched = new.subnet_id != seen.subnet_id
        return replace(
            new,
            since_s=self.clock(),
            reason=command.reason,
            switches=seen.switches + switched,
        )

    def _classify(self, arrival: Arrival) -> None:
        queue_s = self._queue_s(arrival)
        try:
            classified = self.classifier.classify(lambda: to_bgr(arrival.message))
        except ImageError as error:
            self._refuse('image', str(error))
            return
        except Exception as error:  # one frame that an engine cannot run must not end the node
            self._refuse('inference', f'{self.running.subnet_id}: {error!r}')
            return
        energy_j = math.nan
        if self.model is not None:
            classified, energy_j = self._simulate(classified, self.model)
        self._sequence += 1
        result = FrameResult(
            arrival=arrival,
            classified=classified,
            running=self.running,
            accuracy=self.classifier.active.kept.accuracy,
            sequence=self._sequence,
            dropped=self._dropped,
            refused=self._refused,
            queue_s=queue_s,
            modelled=self.model is not None,
            energy_j=energy_j,
        )
        self._dropped = self._refused = 0
        self.listener.on_result(result)

    def _queue_s(self, arrival: Arrival) -> float:
        """Return how long a frame waited, without what only this machine made it wait."""
        now_s = self.clock()
        start_s, end_s = self._overrun
        overlap_s = min(now_s, end_s) - max(arrival.arrived_s, start_s)
        return now_s - arrival.arrived_s - max(overlap_s, 0.0)

    def _simulate(self, real: Classified, model: FrameModel) -> tuple[Classified, float]:
        """Sleep until the simulated platform would be done; return its time and energy."""
        kept, running = self.classifier.active.kept, self.running
        frame = model.frame(kept, processor=running.processor, threads=running.threads)
        rest_s = frame.inference_s - real.inference_s
        if rest_s > 0:
            self._stopped.wait(rest_s)
        else:
            self.overruns += 1
            now_s = self.clock()
            self._overrun = now_s + rest_s, now_s
        return replace(real, inference_s=frame.inference_s), frame.energy_j

    def _refuse(self, name: str, detail: str) -> None:
        self._refused += 1
        self.listener.on_refused(name, detail)
