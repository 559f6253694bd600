# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception worker: applies commands, classifies frames and reports results, without ROS.

It runs in its own thread, so that the node's thread stays free for parameters, commands and the
next image. Commands take effect between two frames.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

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
from dynofa_ros.engine.resident_set import ResidentSubnet
from dynofa_ros.nodes.perception.compressed_image import MAX_PIXELS
from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.nodes.perception.frame_picker import FramePicker
from dynofa_ros.nodes.perception.image_conversion import ImageError, to_bgr
from dynofa_ros.nodes.perception.platform_view import PlatformView
from dynofa_ros.nodes.perception.processor_turn import POLL_S, MachineTurns, ProcessorTurn
from dynofa_ros.nodes.perception.worker_types import (
    ARRIVAL,
    STAMP,
    Arrival,
    FrameResult,
    Listener,
    Loaded,
    Ran,
    Running,
    SubnetRequest,
    pin,
)
from dynofa_ros.runtime import Profile
from dynofa_ros.runtime.checks import check_range
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.operating_points.profile import SubnetOn
from dynofa_ros.runtime.ranges import DURATION_S
from dynofa_ros.runtime.turns import WaitingFrame

# A frame without a deadline waits at most this long for a turn [s].
MOST_WAIT_S = 1.0


class LoadingError(ValueError):
    """A sub-network that is not resident yet; it is being compiled."""


@dataclass
class PerceptionWorker:
    """Takes commands and frames from a mailbox until it is closed.

    ``processors`` maps each processor to its number of CPU threads. With a ``model``, the inference
    of a frame takes as long as on the simulated platform: it runs at ``host_place`` on this machine
    and sleeps for the remaining time.
    """

    classifier: Classifier
    residents: ResidentSet
    loader: Loader
    mailbox: Mailbox[Arrival, SubnetRequest | Loaded]
    listener: Listener
    processors: dict[str, int]
    running: Running
    profile: Profile
    model: FrameModel | None = None
    host_place: Place | None = None
    view: PlatformView = field(default_factory=lambda: PlatformView(clock=time.monotonic))
    """Clock and contention of each processor; the node's thread updates it."""
    turns: MachineTurns | None = None
    deadline_from: str = ARRIVAL
    """What deadlines count from: `ARRIVAL`, or `STAMP` of the image where its age is known."""
    clock: Callable[[], float] = time.monotonic
    max_image_pixels: int = MAX_PIXELS
    """Largest compressed image that is decoded."""
    pinned: str = ''
    """Sub-network that commands must not switch away from; empty: none."""
    overruns: int = 0
    """Number of frames whose real inference took longer than the simulated one."""
    busy_until_s: float = -math.inf
    """Expected end of the current inference on `clock`; in the past or NaN: unknown."""
    _overrun: tuple[float, float] = (-math.inf, -math.inf)
    """Start and end on `clock` of the excess time of the last overrun."""
    _expected_s: float = math.nan
    """Duration of the last inference; NaN after a switch."""
    _ran_key: PointKey | None = None
    """What the last frame ran, or the present one runs."""
    _pending: SubnetRequest | None = None
    """The command whose sub-network is being compiled; a refused command does not replace a pin."""
    _sequence: int = 0
    _dropped: int = 0
    _refused: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _picker: FramePicker = field(init=False)
    _active: ResidentSubnet = field(init=False)
    """The commanded sub-network."""

    def __post_init__(self) -> None:
        self._active = self.classifier.active
        self._picker = FramePicker(
            self.profile,
            self.residents,
            self.view,
            start=(self.running.subnet_id, self.running.processor, self.running.threads),
            host_place=self.host_place,
            clock=self.clock,
        )
        self.running = replace(self.running, envelope=self._picker.points)

    def run(self) -> None:
        """Work until :meth:`stop`."""
        while (item := self.mailbox.take()) is not None:
            try:
                self.handle(item)
            except Exception as error:  # no frame or command ends the node
                self.listener.on_error(error)

    def stop(self) -> None:
        """Make :meth:`run` return, even during a simulated inference or a wait for a turn."""
        self._stopped.set()
        self.mailbox.close()
        self.loader.stop()

    def learned(self) -> dict[SubnetOn, Correction]:
        """Return the corrections of the profile to keep; to be called when :meth:`run` is over."""
        return self._picker.learned()

    def handle(self, item: MailboxItem[Arrival, SubnetRequest | Loaded]) -> None:
        """Apply the commands, then classify the frame, if any."""
        for command in item.commands:
            if isinstance(command, Loaded):
                self._on_loaded(command)
            else:
                self._execute(command)
        self._dropped += item.dropped
        if item.frame is not None:
            self._classify(item.frame)

    def _on_loaded(self, loaded: Loaded) -> None:
        """Execute the command that was waiting for its sub-network, unless a newer one came."""
        command = loaded.command
        self._refresh()  # compiling it may have evicted others
        if command is not self._pending:
            return
        self._pending = None
        if command.sequence is None and command.subnet_id != self.pinned:
            return  # the pin was released meanwhile
        if not loaded.error:
            self._execute(command)
            return
        self.listener.on_refused('subnet_command', loaded.error)
        self._acknowledge(command, self.running, loaded.error, applied=False)
        if command.sequence is not None and self.pinned not in ('', self.running.subnet_id):
            self._execute(pin(self.pinned))  # which the command has replaced

    def _refresh(self) -> None:
        """Publish which points of the envelope are resident, if that has changed."""
        self._picker.refresh()
        if self._picker.points != self.running.envelope:
            self.running = replace(self.running, envelope=self._picker.points)
            self.listener.on_running(self.running)

    def _execute(self, command: SubnetRequest) -> None:
        try:
            changed = self._apply(command, self.running)
        except LoadingError as error:
            self._pending = command
            self._acknowledge(command, self.running, str(error), applied=False)
        except ValueError as error:
            if self._pending is not None and self._pending.sequence is not None:
                self._pending = None
            self.listener.on_refused('subnet_command', str(error))
            self._acknowledge(command, self.running, str(error), applied=False)
        else:
            self._pending = None
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

    def _apply(self, command: SubnetRequest, old: Running) -> Running:
        processor = command.processor or old.processor
        if processor not in self.processors:
            raise ValueError(f'processor is {processor!r}; expected {", ".join(self.processors)}')
        most = self.processors[processor]
        threads = command.threads or min(old.threads, most)
        if threads > most:
            raise ValueError(f'threads is {threads}; expected at most {most} on {processor}')
        managed = command.sequence is not None
        if managed and self.pinned and command.subnet_id != self.pinned:
            raise ValueError(
                f'sub-network is {command.subnet_id!r}; expected {self.pinned}, '
                'to which the parameter subnet pins it'
            )
        check_range('deadline_s', command.deadline_s, DURATION_S, nan=True)
        decided = self._picker.key(command.subnet_id, processor, threads)
        envelope = self._picker.envelope_of(command, decided)
        switch_s = self._switch(command, self.host_place or Place(processor, threads))
        deadline_s = command.deadline_s if managed else old.deadline_s
        if self.pinned:
            envelope = envelope.restricted(lambda key: key[0] == self.pinned)
        self._picker.command(replace(envelope, deadline_s=deadline_s))
        new = replace(
            old,
            subnet_id=command.subnet_id,
            processor=processor,
            threads=threads,
            precision=self.classifier.active.precision,
            deadline_s=deadline_s,
            envelope=self._picker.points,
        )
        if (new.subnet_id, processor, threads) == (old.subnet_id, old.processor, old.threads):
            return new
        switched = new.subnet_id != old.subnet_id
        return replace(
            new,
            since_s=self.clock(),
            reason=command.reason,
            switches=old.switches + switched,
            switch_s=switch_s if switched else old.switch_s,
        )

    def _switch(self, command: SubnetRequest, place: Place) -> float:
        """Switch to a sub-network from the next frame on; return the duration of the switch [s].

        Raises:
            ValueError: for an unknown sub-network; LoadingError if it must be compiled first.
        """
        start_s = self.clock()
        resident = self.residents.find(command.subnet_id, place)
        if resident is None:
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
        self._active = self.classifier.active = resident
        return self.clock() - start_s

    def prepare_early(self, arrival: Arrival, *, period_s: float) -> Arrival:
        """Preprocess a frame in the receiving thread while the worker runs the previous one.

        Only if that shortens its latency: a core is free, and the worker is expected to finish
        before the next frame, due in `period_s`, replaces this one.
        """
        end_s, now_s = self.busy_until_s, self.clock()
        if not (now_s < end_s < now_s + period_s and self._leaves_a_core()):
            return arrival
        try:
            prepared = self.classifier.prepare(lambda: self._to_bgr(arrival))
        except Exception:  # the worker meets the same error and reports it
            return arrival
        return replace(arrival, prepared=prepared)

    def _leaves_a_core(self) -> bool:
        """Return whether the current inference leaves a CPU core free."""
        if self.model is not None or self.running.processor != CPU:
            return True
        return self.running.threads < self.processors[CPU]

    def _classify(self, arrival: Arrival) -> None:
        queue_s = self._queue_s(arrival)
        deadline_from = self._deadline_from(arrival)
        passed_s = queue_s + (arrival.age_s if deadline_from == STAMP else 0.0)
        prepared = arrival.prepared
        prepared_s = math.nan if prepared is None else prepared.preprocess_s
        picked = self._pick(passed_s=passed_s, prepared_s=prepared_s)
        turn = None
        try:
            if prepared is None:
                prepared = self.classifier.prepare(lambda: self._to_bgr(arrival))
            turn, waited_s = self._take_turn(arrival, passed_s + prepared.preprocess_s)
            queue_s, passed_s = queue_s + waited_s, passed_s + waited_s
            if waited_s > POLL_S:
                picked = self._pick(passed_s=passed_s, prepared_s=prepared.preprocess_s)
            started_s = self.clock()
            self.busy_until_s = started_s + self._expected_s
            classified = self.classifier.classify(prepared)
            energy_j = math.nan
            if self.model is not None:
                classified, energy_j = self._simulate(
                    classified, self.model, threads=picked.key[3], has_turn=turn is not None
                )
        except ImageError as error:
            self._refuse('image', str(error))
            return
        except Exception as error:  # an engine that fails on one frame must not end the node
            self._refuse('inference', f'{picked.key[0]}: {error!r}')
            return
        finally:
            if turn is not None:
                turn.give_back()
        self._expected_s = classified.inference_s
        self._picker.ran(picked.key, classified, started_s=started_s)
        self._sequence += 1
        result = FrameResult(
            arrival=arrival,
            classified=classified,
            running=self.running,
            ran=picked,
            sequence=self._sequence,
            dropped=self._dropped,
            refused=self._refused,
            queue_s=queue_s,
            modelled=self.model is not None,
            energy_j=energy_j,
            deadline_from=deadline_from,
        )
        self._dropped = self._refused = 0
        self.listener.on_result(result)

    def _deadline_from(self, arrival: Arrival) -> str:
        """Return what the deadline of an image counts from; count where its stamp is of no use."""
        if self.deadline_from == STAMP and math.isnan(arrival.age_s):
            self.listener.on_refused(
                'image stamp',
                'the clock of the camera disagrees with that of this machine; expected a stamp '
                'that is 0 to 60 s old; the deadline of such an image counts from its arrival',
            )
            return ARRIVAL
        return self.deadline_from

    def _pick(self, *, passed_s: float, prepared_s: float) -> Ran:
        """Activate what the frame runs that starts now."""
        pick = self._picker.pick(self._active, passed_s=passed_s, prepared_s=prepared_s)
        resident = self.classifier.active = pick.resident
        if pick.key != self._ran_key:
            self._ran_key, self._expected_s = pick.key, math.nan
        return Ran(pick.key, resident.precision, resident.kept.accuracy, pick.reason)

    def _take_turn(self, arrival: Arrival, passed_s: float) -> tuple[ProcessorTurn | None, float]:
        """Wait for a turn where frames take turns, as long as the deadline allows.

        Returns the turn, None without one, and the time waited [s].
        """
        processor = self.running.processor
        if self.turns is None or not self.view.takes_turns(processor):
            return None, 0.0
        turn = self.turns.on(processor)
        if turn is None:
            return None, 0.0
        start_s = self.clock()
        left_s = self._picker.longest_wait_s(passed_s=passed_s)
        due_s = start_s + self.running.deadline_s - passed_s
        if math.isnan(left_s):
            left_s, due_s = MOST_WAIT_S, math.inf
        frame = WaitingFrame(due_s, arrival.arrived_s, '')
        try:
            taken = turn.take(frame, until_s=start_s + left_s, pause=self._stopped.wait)
        except OSError as error:  # such as a full file system
            self.listener.on_refused('turn', f'{error}; the frame runs beside others')
            return None, self.clock() - start_s
        waited_s = self.clock() - start_s
        if not taken:
            self.listener.on_refused(
                'turn',
                f'{processor} was busy for {waited_s * 1e3:.0f} ms; expected a turn by then; '
                'the frame runs beside others',
            )
        return turn if taken else None, waited_s

    def _to_bgr(self, arrival: Arrival) -> NDArray[np.uint8]:
        return to_bgr(arrival.message, max_pixels=self.max_image_pixels)

    def _queue_s(self, arrival: Arrival) -> float:
        """Return how long a frame waited, without its preprocessing time.

        Time lost because this machine is slower than the simulated platform is not counted.
        """
        now_s = self.clock()
        start_s, end_s = self._overrun
        overlap_s = min(now_s, end_s) - max(arrival.arrived_s, start_s)
        prepared_s = 0.0 if arrival.prepared is None else arrival.prepared.preprocess_s
        return max(now_s - arrival.arrived_s - prepared_s - max(overlap_s, 0.0), 0.0)

    def _simulate(
        self, real: Classified, model: FrameModel, *, threads: int, has_turn: bool
    ) -> tuple[Classified, float]:
        """Sleep until the simulated platform would finish; return its result and energy [J]."""
        kept, processor = self.classifier.active.kept, self.running.processor
        frame = model.frame(kept, processor=processor, threads=threads, has_turn=has_turn)
        remaining_s = frame.inference_s - real.inference_s
        if remaining_s > 0:
            self._stopped.wait(remaining_s)
        else:
            self.overruns += 1
            now_s = self.clock()
            self._overrun = now_s + remaining_s, now_s
        return replace(real, inference_s=frame.inference_s), frame.energy_j

    def _refuse(self, name: str, detail: str) -> None:
        self._refused += 1
        self.listener.on_refused(name, detail)
