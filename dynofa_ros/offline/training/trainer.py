"""Train a supernet: one run, which can be stopped at any step and resumed exactly.

All randomness of a step follows from the seed and the number of the step, so that a run which was
killed and resumed ends with the same bits. Resolution grows while training, so that early steps
are cheap.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.data.loader import TrainingBatches
from dynofa_ros.offline.training.channel_sorting import sort_channels
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.distributed import Ranks
from dynofa_ros.offline.training.losses import TrainingStep, training_step
from dynofa_ros.offline.training.phases import Phase, phases
from dynofa_ros.offline.training.precision import Precision
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet


@dataclass(frozen=True)
class TrainingIdentity:
    """What must be the same for a run to be the same, bit by bit."""

    plan: dict[str, Any]
    supernet: str
    data: str
    """Fingerprint of images and classes."""
    first_weights: str
    """Fingerprint of the weights that the run began with."""
    processes: int

    @classmethod
    def of(cls, net: Supernet, data: Dataset, plan: TrainingPlan, ranks: Ranks) -> TrainingIdentity:
        """Return the identity of a run that has not begun; the network is on the CPU."""
        return cls(
            plan=plan.to_dict(),
            supernet=net.spec.name,
            data=f'{len(data)} images of fingerprint {data.fingerprint()}',
            first_weights=fingerprint(net.state_dict()),
            processes=ranks.count,
        )

    def differences(self, other: TrainingIdentity) -> list[str]:
        """Return what differs, each as ``name: value of this, not value of the other``."""
        pairs = [
            (f'plan, {name}', self.plan.get(name), other.plan.get(name))
            for name in {**other.plan, **self.plan}
        ]
        pairs += [
            (field.name.replace('_', ' '), getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
            if field.name != 'plan'
        ]
        return [f'{name}: {ours}, not {theirs}' for name, ours, theirs in pairs if ours != theirs]


def write_checkpoint(path: Path, identity: TrainingIdentity, state: dict[str, Any]) -> None:
    """Write the checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix('.partial')
    torch.save(state | {'identity': vars(identity)}, partial)
    partial.replace(path)


def read_checkpoint(path: Path, identity: TrainingIdentity) -> dict[str, Any]:
    """Return what :func:`write_checkpoint` wrote for the same run.

    Raises:
        ValueError: if the file is damaged, or naming what differs if it is of another run.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location='cpu')
        stored = TrainingIdentity(**state.pop('identity'))
    except Exception as error:  # torch.load raises whatever the damage makes of the file
        raise ValueError(f'{path} is damaged: {type(error).__name__}') from error
    if differences := stored.differences(identity):
        raise ValueError(
            f'{path} is of another run ({"; ".join(differences)}): give the same options, or '
            'another folder'
        )
    return state


class TrainingError(ValueError):
    """A run that cannot go on."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, after one step."""

    step: int
    steps: int
    steps_per_epoch: int
    phase: str
    loss: float
    """Of the network that learns from the labels, on its batch; ``accuracy`` is its top-1."""
    accuracy: float
    learning_rate: float
    resolution: int
    """The largest in use [pixel]."""
    seconds_per_step: float

    @property
    def remaining_s(self) -> float:
        """Estimate of the time to the end [s]."""
        return (self.steps - self.step) * self.seconds_per_step

    @property
    def ends_epoch(self) -> bool:
        """Whether every image has been seen once more."""
        return self.step % self.steps_per_epoch == 0


class Trainer:
    """One training run. Each rank makes one, of the same network and the same data."""

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
        """Prepare a run of the network, which moves to the device.

        Raises:
            ValueError: if the batch is larger than the data or not to be shared among the ranks,
                or if the ranks do not have the same data.
        """
        self.ranks, self.device = ranks or Ranks(), device or torch.device('cpu')
        if plan.batch_size > len(data):
            raise ValueError(f'batch_size is {plan.batch_size}; there are {len(data)} images')
        if plan.batch_size % self.ranks.count:
            raise ValueError(
                f'batch_size is {plan.batch_size}; it must be a multiple of the '
                f'{self.ranks.count} processes'
            )
        self.identity = TrainingIdentity.of(net, data, plan, self.ranks)
        self.ranks.check_alike(self.identity, what='data, options or weights')
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
        """Continue from the first rank's checkpoint, if it has one; return whether there was.

        Raises:
            ValueError: if the checkpoint is damaged, or belongs to another run.
        """
        # A failure of the first rank is every rank's, or the others would wait for it.
        state: dict[str, Any] | ValueError | None = None
        if self.ranks.is_first and self.checkpoint.exists():
            try:
                state = read_checkpoint(self.checkpoint, self.identity)
            except ValueError as error:
                state = error
        state = self.ranks.from_first(state)
        if isinstance(state, ValueError):
            raise state
        if state is None:
            return False
        self.step = state['step']
        self.net.load_state_dict(state['net'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.scaler.load_state_dict(state['scaler'])
        if state['teacher'] is not None:
            self.teacher = _frozen(self.net)
            self.teacher.load_state_dict(state['teacher'])
        return True

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, if this is the first rank."""
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
        """Train to the end, yielding after each step, or until any rank's ``stop`` says so.

        Raises:
            TrainingError: if the loss is no longer a number, or the ranks have different weights.
        """
        self.net.train()
        pace: float | None = None
        while self.step < self.steps:
            start = time.monotonic()
            loss, accuracy, stopping = self._one_step(stop())
            seconds = time.monotonic() - start
            pace = seconds if pace is None else 0.98 * pace + 0.02 * seconds
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
                seconds_per_step=pace,
            )
            self.step += 1
            if progress.ends_epoch:
                self._check_ranks()
            yield progress
            if stopping:
                return

    def _one_step(self, stop: bool) -> tuple[float, float, bool]:
        phase = self._phase(self.step)
        if self.step == phase.start > 0:
            self._enter(phase)
        for group in self.optimizer.param_groups:
            group['lr'] = self.plan.learning_rate(phase.progress(self.step), phase.rate_scale)
        images, classes = self._batches.at(self.step)
        # Dropout draws from the generator that PyTorch has for all.
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
        told = torch.stack([loss, accuracy, torch.tensor(float(stop), device=self.device)])
        mean_loss, mean_accuracy, stopping = self.ranks.mean(told).tolist()
        if not mean_loss < float('inf'):
            raise TrainingError(
                f'the loss is {mean_loss} at step {self.step}: lower the peak learning rate, or '
                'clip gradients at a smaller norm'
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
        every = self.net.space.resolutions
        if phase is not self.phases[0]:
            return every
        return self.plan.resolutions(phase.progress(self.step), every)

    def _enter(self, phase: Phase) -> None:
        """Begin a later phase of progressive shrinking: a teacher, sorted channels, no momentum."""
        if phase is self.phases[1]:
            self.teacher = _frozen(self.net)
        if phase.sorts_channels:
            sort_channels(self.net, phase.space.allowed('e')[1:])
        self.optimizer = self.plan.make_optimizer(self.parameters)

    def _check_ranks(self) -> None:
        if self.ranks.count == 1:
            return
        weights = {name: value.cpu() for name, value in self.net.state_dict().items()}
        self.ranks.check_alike(fingerprint(weights), what='weights')


def _frozen(net: Supernet) -> Supernet:
    """Return a copy that is not trained; it normalises with the batch, as while it was trained."""
    return copy.deepcopy(net).requires_grad_(False).train()


def train(
    trainer: Trainer,
    *,
    log: Callable[[Progress], None],
    report: Callable[[Progress], None],
    stop: Callable[[], bool] = lambda: False,
    save_every_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Run to the end with a checkpoint every ``save_every_s`` seconds; return whether it got there.

    ``stop`` is asked before each step; where it says so the run is saved and ends early.
    ``log`` and ``report`` get every step.
    """
    saved_s = clock()
    for progress in trainer.run(stop):
        log(progress)
        report(progress)
        if clock() - saved_s > save_every_s:
            trainer.save()
            saved_s = clock()
    trainer.save()
    return trainer.step == trainer.steps
