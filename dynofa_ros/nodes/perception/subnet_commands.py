# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Apply commands: switch between compiled sub-networks and cascades, or compile one first.

A command takes effect between two frames. The state acknowledges it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace

from dynofa_ros.engine import Classifier, Loader, Mailbox
from dynofa_ros.nodes.perception.frame_picker import FramePicker
from dynofa_ros.nodes.perception.platform_view import PlatformView
from dynofa_ros.nodes.perception.stages import Stages, StageSet
from dynofa_ros.nodes.perception.worker_types import (
    Arrival,
    Listener,
    Loaded,
    Running,
    SubnetRequest,
    pin,
)
from dynofa_ros.runtime import Profile
from dynofa_ros.runtime.checks import check_range
from dynofa_ros.runtime.ranges import DURATION_S


class LoadingError(ValueError):
    """A sub-network that is not resident yet; it is being compiled."""


@dataclass
class SubnetCommands:
    """What is commanded, and its envelope; every method runs in the worker's thread.

    ``active`` are the stages of ``running``. ``processors`` maps each processor to its number of
    CPU threads.
    """

    classifier: Classifier
    compiled: StageSet
    active: Stages
    """The commanded sub-network or cascade."""
    loader: Loader
    mailbox: Mailbox[Arrival, SubnetRequest | Loaded]
    listener: Listener
    processors: dict[str, int]
    running: Running
    profile: InitVar[Profile]
    view: PlatformView = field(default_factory=lambda: PlatformView(clock=time.monotonic))
    """Clock and contention of each processor; the node's thread updates it."""
    clock: Callable[[], float] = time.monotonic
    pinned: str = ''
    """Sub-network that commands must not switch away from; empty: none."""
    picker: FramePicker = field(init=False)
    """Picks what each frame runs within the commanded envelope."""
    _pending: SubnetRequest | None = None
    """The command whose sub-network is being compiled; a refused command does not replace a pin."""

    def __post_init__(self, profile: Profile) -> None:
        self.picker = FramePicker(
            profile,
            self.compiled,
            self.view,
            start=(self.running.subnet_id, self.running.processor, self.running.threads),
            clock=self.clock,
        )
        self.running = replace(self.running, envelope=self.picker.points)

    def loaded(self, loaded: Loaded) -> None:
        """Execute the command that was waiting for its sub-network, unless a newer one came."""
        command = loaded.command
        self._refresh()  # compiling it may have evicted others
        if command is not self._pending:
            return
        self._pending = None
        if command.sequence is None and command.subnet_id != self.pinned:
            return  # the pin was released meanwhile
        if not (error := loaded.error):
            self.execute(command)
            return
        if len(self.compiled.subnet_ids(command.subnet_id)) > 1:
            error = f'cascade {command.subnet_id}: {error}'
        self.listener.on_refused('subnet_command', error)
        self._acknowledge(command, self.running, error, applied=False)
        if command.sequence is not None and self.pinned not in ('', self.running.subnet_id):
            self.execute(pin(self.pinned))  # which the command has replaced

    def _refresh(self) -> None:
        """Publish which points of the envelope are resident, if that has changed."""
        self.picker.refresh()
        if self.picker.points != self.running.envelope:
            self.running = replace(self.running, envelope=self.picker.points)
            self.listener.on_running(self.running)

    def execute(self, command: SubnetRequest) -> None:
        """Apply a command, and publish the state that acknowledges it."""
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
        decided = self.picker.key(command.subnet_id, processor, threads)
        envelope = self.picker.envelope_of(command, decided)
        switch_s = self._switch(command, processor, threads)
        deadline_s = command.deadline_s if managed else old.deadline_s
        if self.pinned:
            envelope = envelope.restricted(lambda key: key[0] == self.pinned)
        self.picker.command(replace(envelope, deadline_s=deadline_s))
        new = replace(
            old,
            subnet_id=command.subnet_id,
            processor=processor,
            threads=threads,
            precision=self.active.residents[-1].precision,
            deadline_s=deadline_s,
            envelope=self.picker.points,
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

    def _switch(self, command: SubnetRequest, processor: str, threads: int) -> float:
        """Switch from the next frame on; return the duration of the switch [s].

        Raises:
            ValueError: for an unknown name; LoadingError if a stage must be compiled first.
        """
        start_s = self.clock()
        stages = self.compiled.find(command.subnet_id, processor, threads)
        if stages is None:
            place = self.compiled.place(processor, threads)
            self.loader.load(
                self.compiled.subnet_ids(command.subnet_id),
                place,
                lambda error: self.mailbox.put_command(Loaded(command, error)),
            )
            raise LoadingError(
                f'compiling {command.subnet_id} for {place.processor}, {place.threads} threads; '
                f'{self.running.subnet_id} runs until then'
            )
        self.compiled.residents.use(*stages.residents)
        self.active, self.classifier.active = stages, stages.first
        return self.clock() - start_s
