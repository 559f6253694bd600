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

from dynofa_ros.engine import (
    CPU,
    Classified,
    Classifier,
    Loader,
    Mailbox,
    MailboxItem,
    Place,
    ResidentSet,
)
from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.nodes.perception.image_conversion import ImageError, to_bgr
from dynofa_ros.nodes.perception.worker_types import (
    Arrival,
    FrameResult,
    Listener,
    Loaded,
    Running,
    SubnetRequest,
)


class LoadingError(ValueError):
    """A sub-network that is not resident yet: it is being compiled."""


@dataclass
class PerceptionWorker:
    """Takes commands and frames from a mailbox until it is closed.

    ``processors`` maps each processor to the number of CPU threads it has. With a ``model`` the
    inference of a frame takes the simulated platform's time: it really runs, at ``host_place``, and
    the rest of that time is slept.
    """

    classifier: Classifier
    residents: ResidentSet
    loader: Loader
    mailbox: Mailbox[Arrival, SubnetRequest | Loaded]
    listener: Listener
    processors: dict[str, int]
    running: Running
    model: FrameModel | None = None
    host_place: Place | None = None
    clock: Callable[[], float] = time.monotonic
    pinned: str = ''
    """Sub-network that no manager may switch away from; empty: none."""
    overruns: int = 0
    """Frames whose real inference took longer than the simulated one."""
    busy_until_s: float = -math.inf
    """When the inference that runs now is expected to end, by the clock; long ago: unknown."""
    _overrun: tuple[float, float] = (-math.inf, -math.inf)
    """From when to when, by the clock, the last of them held the worker up."""
    _expected_s: float = math.nan
    """What the inference before took, if nothing was switched since."""
    _awaited: SubnetRequest | None = None
    """The command whose sub-network is being compiled."""
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
        self.loader.stop()

    def handle(self, delivery: MailboxItem[Arrival, SubnetRequest | Loaded]) -> None:
        """Obey the commands, then classify the frame, if any."""
        for command in delivery.commands:
            if isinstance(command, Loaded):
                self._on_loaded(command)
            else:
                self._awaited = None
                self._obey(command)
        self._dropped += delivery.dropped
        if delivery.frame is not None:
            self._classify(delivery.frame)

    def _on_loaded(self, loaded: Loaded) -> None:
        """Obey the command that waited for its sub-network, unless a newer one came."""
        if loaded.command is not self._awaited:
            return
        self._awaited = None
        if loaded.error:
            self.listener.on_refused('subnet_command', loaded.error)
            self._acknowledge(loaded.command, self.running, loaded.error, applied=False)
        else:
            self._obey(loaded.command)

    def _obey(self, command: SubnetRequest) -> None:
        try:
            changed = self._apply(command, self.running)
        except ValueError as error:
            if not isinstance(error, LoadingError):
                self.listener.on_refused('subnet_command', str(error))
            self._acknowledge(command, self.running, str(error), applied=False)
        else:
            result = f'runs {changed.subnet_id} on {changed.processor}, {changed.threads} threads'
            self._acknowledge(command, changed, result, applied=True)

    def _acknowledge(
        self, command: SubnetRequest, changed: Running, result: str, *, applied: bool
    ) -> None:
        if command.sequence is not None:
            changed = replace(
                changed,
                command_sequence=command.sequence,
                command_applied=applied,
                command_result=result,
            )
        self.running = changed
        self.listener.on_running(changed)

    def _apply(self, command: SubnetRequest, seen: Running) -> Running:
        processor = command.processor or seen.processor
        if processor not in self.processors:
            known = ', '.join(self.processors)
            raise ValueError(f'processor is {processor!r}; expected {known}')
        most = self.processors[processor]
        threads = command.threads or min(seen.threads, most)
        if threads > most:
            raise ValueError(f'threads is {threads}; {processor} has {most}')
        if not (math.isnan(command.deadline_s) or 0 < command.deadline_s < math.inf):
            raise ValueError(f'deadline_s is {command.deadline_s}; must be above 0, or NaN: none')
        managed = command.sequence is not None
        if managed and self.pinned and command.subnet_id != self.pinned:
            raise ValueError(
                f'sub-network is {command.subnet_id!r}; expected {self.pinned}, '
                'to which the parameter subnet pins it'
            )
        switch_s = self._switch(command, self.host_place or Place(processor, threads))
        new = replace(
            seen,
            subnet_id=command.subnet_id,
            processor=processor,
            threads=threads,
            precision=self.classifier.active.precision,
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
            switch_s=switch_s if switched else seen.switch_s,
        )

    def _switch(self, command: SubnetRequest, place: Place) -> float:
        """Run another sub-network from the next frame on; return how long that took [s].

        Raises:
            ValueError: for an unknown sub-network; LoadingError where it has to be compiled first.
        """
        start_s = self.clock()
        resident = self.residents.find(command.subnet_id, place)
        if resident is None:
            self._awaited = command
            self.loader.load(
                command.subnet_id,
                place,
                lambda error: self.mailbox.put_command(Loaded(command, error)),
            )
            raise LoadingError(
                f'compiling {command.subnet_id} for {place.processor}, {place.threads} threads; '
                f'{self.running.subnet_id} runs until then'
            )
        self.residents.use(resident)
        self.classifier.active = resident
        self._expected_s = math.nan
        return self.clock() - start_s

    def prepare_early(self, arrival: Arrival, *, period_s: float) -> Arrival:
        """Prepare a frame that will have to wait, in the thread that received it.

        Only where that shortens its latency: a core is free, and the worker will be done before the
        next frame comes and takes this one's place.
        """
        end_s, now_s = self.busy_until_s, self.clock()
        if not (now_s < end_s < now_s + period_s and self._leaves_a_core()):
            return arrival
        try:
            prepared = self.classifier.prepare(lambda: to_bgr(arrival.message))
        except Exception:  # the worker meets it again when the frame's turn comes, and says so
            return arrival
        return replace(arrival, prepared=prepared)

    def _leaves_a_core(self) -> bool:
        """Whether the inference that runs leaves a CPU core to other work."""
        if self.model is not None or self.running.processor != CPU:
            return True
        return self.running.threads < self.processors[self.running.processor]

    def _classify(self, arrival: Arrival) -> None:
        queue_s = self._queue_s(arrival)
        try:
            prepared = arrival.prepared
            if prepared is None:
                prepared = self.classifier.prepare(lambda: to_bgr(arrival.message))
            self.busy_until_s = self.clock() + self._expected_s
            classified = self.classifier.classify(prepared)
        except ImageError as error:
            self._refuse('image', str(error))
            return
        except Exception as error:  # one frame that an engine cannot run must not end the node
            self._refuse('inference', f'{self.running.subnet_id}: {error!r}')
            return
        energy_j = math.nan
        if self.model is not None:
            classified, energy_j = self._simulate(classified, self.model)
        self._expected_s = classified.inference_s
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
        """Return how long a frame waited, without what only this machine made it wait.

        While it was prepared it did not wait.
        """
        now_s = self.clock()
        start_s, end_s = self._overrun
        overlap_s = min(now_s, end_s) - max(arrival.arrived_s, start_s)
        prepared_s = 0.0 if arrival.prepared is None else arrival.prepared.preprocess_s
        return max(now_s - arrival.arrived_s - prepared_s - max(overlap_s, 0.0), 0.0)

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
