# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Train a supernet in a run that can be stopped at any step and resumed exactly.

All randomness of a step follows from the seed and the step's number, so a run that was killed and
resumed ends with the same bits. The resolution grows during training, which makes early steps
cheap.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.data.loader import TrainingBatches
from dynofa_ros.offline.training.channel_sorting import sort_channels
from dynofa_ros.offline.training.checkpoint import (
    TrainingIdentity,
    read_checkpoint,
    write_checkpoint,
)
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.distributed import Ranks
from dynofa_ros.offline.training.hardware import Precision
from dynofa_ros.offline.training.losses import TrainingStep, training_step
from dynofa_ros.offline.training.phases import Phase, phases
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet


class TrainingError(ValueError):
    """A run that cannot continue."""


@dataclass(frozen=True)
class Progress:
    """The state of a run after one step."""

    step: int
    steps: int
    steps_per_epoch: int
    phase: str
    loss: float
    """Of the network trained on labels, on its batch; ``accuracy`` is its top-1 there."""
    accuracy: float
    learning_rate: float
    resolution: int
    """The largest in use [pixel]."""
    seconds_per_step: float

    @property
    def remaining_s(self) -> float:
        """Estimated time to the end of the run [s]."""
        return (self.steps - self.step) * self.seconds_per_step

    @property
    def ends_epoch(self) -> bool:
        """Whether the step completes a pass over the images."""
        return self.step % self.steps_per_epoch == 0


class Trainer:
    """One training run. Every rank has its own, with the same network and data."""

    def __init__(
        self,
        net: Supernet,
        data: Dataset,
        plan: TrainingPlan,
        checkpoint: Path,
        *,
        ranks: Ranks | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Prepare a run and move the network to the device.

        Raises:
            ValueError: if the batch is larger than the data or not divisible among the ranks, or
                if the ranks have different data, options or weights.
        """
        self.ranks, self.device = ranks or Ranks(), device or torch.device('cpu')
        if plan.batch_size > len(data):
            raise ValueError(
                f'batch_size is {plan.batch_size}; expected at most {len(data)} images'
            )
        if plan.batch_size % self.ranks.world_size:
            raise ValueError(
                f'batch_size is {plan.batch_size}; expected a multiple of the '
                f'{self.ranks.world_size} processes'
            )
        self.identity = TrainingIdentity.of(net, data, plan, self.ranks)
        self.ranks.check_equal(self.identity, what='data, options or weights')
        self.net, self.plan, self.checkpoint = net.to(self.device), plan, checkpoint
        self.steps_per_epoch = plan.steps_per_epoch(len(data))
        self.steps = plan.epochs * self.steps_per_epoch
        self.step = 0
        self.phases = phases(plan, net.space, self.steps)
        self.teacher: Supernet | None = None
        self.precision = Precision(plan.precision, '')
        self.parameters = list(net.parameters())
        self.optimizer = plan.make_optimizer(self.parameters)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision.scales_loss)
        self._batches = TrainingBatches(
            data,
            batch_size=plan.batch_size,
            seed=plan.seed,
            side=max(net.space.resolutions),
            ranks=self.ranks,
            device=self.device,
        )

    def resume(self) -> bool:
        """Continue from the first rank's checkpoint; return whether there was one.

        Raises:
            ValueError: if the checkpoint is damaged or belongs to another run.
        """
        # An error of the first rank is broadcast too, or the other ranks would wait forever.
        state: dict[str, Any] | ValueError | None = None
        if self.ranks.is_first and self.checkpoint.exists():
            try:
                state = read_checkpoint(self.checkpoint, self.identity)
            except ValueError as error:
                state = error
        state = self.ranks.broadcast(state)
        if isinstance(state, ValueError):
            raise state
        if state is None:
            return False
        self.step = state['step']
        self.net.load_state_dict(state['net'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.scaler.load_state_dict(state['scaler'])
        if state['teacher'] is not None:
            self.teacher = _frozen_copy(self.net)
            self.teacher.load_state_dict(state['teacher'])
        return True

    def save(self) -> None:
        """Write the checkpoint atomically, if this is the first rank.

        Raises:
            ValueError: if it cannot be written.
        """
        if not self.ranks.is_first:
            return
        state = {
            'net': self.net.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'scaler': self.scaler.state_dict(),
            'teacher': None if self.teacher is None else self.teacher.state_dict(),
            'step': self.step,
        }
        write_checkpoint(self.checkpoint, self.identity, state)

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Train and yield after each step, until the end or until ``stop`` is true on any rank.

        Raises:
            TrainingError: if the loss is not finite.
            ValueError: if the ranks have different weights at the end of an epoch.
        """
        self.net.train()
        mean_s: float | None = None
        while self.step < self.steps:
            start_s = time.monotonic()
            loss, accuracy, stopping = self._train_step(stop())
            step_s = time.monotonic() - start_s
            mean_s = step_s if mean_s is None else 0.98 * mean_s + 0.02 * step_s
            phase = self._phase(self.step)
            progress = Progress(
                step=self.step + 1,
                steps=self.steps,
                steps_per_epoch=self.steps_per_epoch,
                phase=phase.name,
                loss=loss,
                accuracy=accuracy,
                learning_rate=self.optimizer.param_groups[0]['lr'],
                resolution=self._resolutions(phase)[-1],
                seconds_per_step=mean_s,
            )
            self.step += 1
            if progress.ends_epoch and self.ranks.world_size > 1:
                weights = {name: value.cpu() for name, value in self.net.state_dict().items()}
                self.ranks.check_equal(fingerprint(weights), what='weights')
            yield progress
            if stopping:
                return

    def _train_step(self, stop: bool) -> tuple[float, float, bool]:
        """Return loss, top-1 and whether any rank stops, equal on all ranks."""
        phase = self._phase(self.step)
        if self.step == phase.start > 0:
            self._start_phase(phase)
        for group in self.optimizer.param_groups:
            group['lr'] = self.plan.learning_rate(phase.progress(self.step), phase.rate_scale)
        images, classes = self._batches.at(self.step)
        # Dropout draws from PyTorch's global generator.
        torch.manual_seed(hash((self.plan.seed, self.step, self.ranks.rank)))
        self.optimizer.zero_grad(set_to_none=True)
        step = TrainingStep(
            net=self.net,
            teacher=self.teacher,
            images=images,
            classes=classes,
            resolutions=self._resolutions(phase),
            rng=Random(self.plan.seed * 1_000_003 + self.step),
            precision=self.precision,
            label_smoothing=self.plan.label_smoothing,
            backward=self._backward,
        )
        loss, accuracy = training_step(step, phase, self.plan)
        figures = torch.stack([loss, accuracy, torch.tensor(float(stop), device=self.device)])
        mean_loss, mean_accuracy, stopping = self.ranks.mean(figures).tolist()
        if not mean_loss < float('inf'):
            raise TrainingError(
                f'the loss is {mean_loss} at step {self.step}; expected a finite number: lower the '
                'peak learning rate or the gradient clip'
            )
        self.ranks.average_gradients(self.parameters)
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.parameters, self.plan.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return mean_loss, mean_accuracy, stopping > 0

    def _backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def _phase(self, step: int) -> Phase:
        return next(phase for phase in self.phases if step < phase.end)

    def _resolutions(self, phase: Phase) -> tuple[int, ...]:
        available = self.net.space.resolutions
        if phase is not self.phases[0]:
            return available
        return self.plan.resolutions(phase.progress(self.step), available)

    def _start_phase(self, phase: Phase) -> None:
        """Start a later phase of progressive shrinking with a teacher and a new optimiser."""
        if phase is self.phases[1]:
            self.teacher = _frozen_copy(self.net)
        if phase.sorts_channels:
            sort_channels(self.net, phase.space.allowed('e')[1:])
        self.optimizer = self.plan.make_optimizer(self.parameters)


def _frozen_copy(net: Supernet) -> Supernet:
    """Return a copy without gradients, in training mode to normalise with batch statistics."""
    return copy.deepcopy(net).requires_grad_(False).train()


def train(
    trainer: Trainer,
    *,
    on_step: Callable[[Progress], None],
    stop: Callable[[], bool] = lambda: False,
    save_every_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Run with a checkpoint every ``save_every_s`` seconds; return whether the run is complete.

    ``on_step`` is called after each step. ``stop`` is polled before each step; once it is true the
    run saves and ends early.
    """
    saved_s = clock()
    for progress in trainer.run(stop):
        on_step(progress)
        if clock() - saved_s > save_every_s:
            trainer.save()
            saved_s = clock()
    trainer.save()
    return trainer.step == trainer.steps
