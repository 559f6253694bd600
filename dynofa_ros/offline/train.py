"""Train a supernet from scratch: sandwich rule with in-place distillation.

Each step trains the largest sub-network on the labels, and the smallest and a random one on the
largest one's outputs (Universally Slimmable Networks, arXiv 1903.05134; BigNAS,
arXiv 2003.11142). Resolution grows while training, so that early steps are cheap.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.offline.batches import augment, generator, network_input
from dynofa_ros.offline.dataset import Dataset
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet


@dataclass(frozen=True)
class TrainingPlan:
    """What a training run does; with the same plan and data, every run does the same."""

    epochs: int = 10
    batch_size: int = 128
    peak_learning_rate: float = 0.15
    weight_decay: float = 3e-4
    label_smoothing: float = 0.05
    warmup: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for field in ('epochs', 'batch_size', 'peak_learning_rate'):
            if not getattr(self, field) > 0:
                raise ValueError(f'{field} is {getattr(self, field)}; it must be above 0')
        if not self.weight_decay >= 0:
            raise ValueError(f'weight_decay is {self.weight_decay}; it must not be below 0')
        for field in ('label_smoothing', 'warmup'):
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(f'{field} is {getattr(self, field)}; it must be in 0..1')

    def steps_per_epoch(self, images: int) -> int:
        """Full batches in one pass over the images."""
        return images // self.batch_size

    def learning_rate(self, progress: float) -> float:
        """Linear warm-up, then a cosine to zero; ``progress`` in 0..1."""
        if progress < self.warmup:
            return self.peak_learning_rate * progress / self.warmup
        done = (progress - self.warmup) / (1 - self.warmup)
        return self.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class Progress:
    """Where a run stands, after one step."""

    step: int
    steps: int
    loss: float
    accuracy: float
    seconds_per_step: float

    @property
    def remaining_s(self) -> float:
        """Estimate of the time to the end [s]."""
        return (self.steps - self.step) * self.seconds_per_step


class Trainer:
    """One training run, which can be stopped at any step and resumed exactly."""

    def __init__(
        self, net: Supernet, data: Dataset, plan: TrainingPlan, checkpoint: Path
    ) -> None:
        if plan.batch_size > len(data):
            raise ValueError(f'batch_size is {plan.batch_size}; there are {len(data)} images')
        self.net, self.data, self.plan, self.checkpoint = net, data, plan, checkpoint
        self.steps = plan.epochs * plan.steps_per_epoch(len(data))
        self.step = 0
        groups: list[dict[str, Any]] = [
            {
                'params': [p for p in net.parameters() if p.ndim > 1],
                'weight_decay': plan.weight_decay,
            },
            {'params': [p for p in net.parameters() if p.ndim <= 1]},
        ]
        self.optimizer = torch.optim.SGD(
            groups,
            lr=plan.peak_learning_rate,
            momentum=0.9,
            nesterov=True,
        )

    def resume(self) -> bool:
        """Continue from the checkpoint, if there is one; return whether there was.

        Raises:
            ValueError: if the checkpoint is damaged, or belongs to another plan.
        """
        if not self.checkpoint.exists():
            return False
        try:
            state = torch.load(self.checkpoint, weights_only=True)
        except Exception as error:  # torch.load raises whatever the damage makes of the file
            raise ValueError(f'{self.checkpoint} is damaged: {type(error).__name__}') from error
        if state['plan'] != asdict(self.plan):
            raise ValueError(
                f'{self.checkpoint} was made with {state["plan"]}, not {asdict(self.plan)}; '
                'give the same options, or another folder'
            )
        self.net.load_state_dict(state['net'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.step = state['step']
        return True

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_suffix('.partial')
        state: dict[str, Any] = {
            'plan': asdict(self.plan),
            'net': self.net.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'step': self.step,
        }
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def run(self) -> Iterator[Progress]:
        """Train to the end, yielding after each step."""
        self.net.train()
        pace: float | None = None
        while self.step < self.steps:
            start = time.monotonic()
            loss, accuracy = self._one_step()
            self.step += 1
            seconds = time.monotonic() - start
            pace = seconds if pace is None else 0.98 * pace + 0.02 * seconds
            yield Progress(self.step, self.steps, loss, accuracy, pace)

    def _one_step(self) -> tuple[float, float]:
        progress = self.step / self.steps
        for group in self.optimizer.param_groups:
            group['lr'] = self.plan.learning_rate(progress)
        images, classes = self._batch()
        self.optimizer.zero_grad(set_to_none=True)
        loss, accuracy = self._sandwich(images, classes, progress)
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        return loss, accuracy

    def _batch(self) -> tuple[Tensor, Tensor]:
        per_epoch = self.plan.steps_per_epoch(len(self.data))
        epoch, position = divmod(self.step, per_epoch)
        order = torch.randperm(len(self.data), generator=generator(self.plan.seed, 0, epoch))
        size = self.plan.batch_size
        index = order[position * size : (position + 1) * size]
        rng = generator(self.plan.seed, 1, self.step)
        return augment(self.data.images[index], rng), self.data.classes[index]

    def _sandwich(self, images: Tensor, classes: Tensor, progress: float) -> tuple[float, float]:
        space, spec = self.net.space, self.net.spec
        rng = Random(self.plan.seed * 1_000_003 + self.step)
        resolutions = sorted(space.resolutions)
        # The last third of the run is at full resolution, the rest climbs to it in even steps.
        climb = min(1.0, progress * 1.5)
        allowed = resolutions[: 1 + min(int(climb * len(resolutions)), len(resolutions) - 1)]

        def logits(config: SubnetConfig, resolution: int) -> Tensor:
            x = network_input(images, resolution, spec.mean, spec.std)
            outputs: Tensor = self.net(x, config)
            return outputs

        teacher = logits(space.max_config(), allowed[-1])
        loss = F.cross_entropy(teacher, classes, label_smoothing=self.plan.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        soft = teacher.detach().softmax(1)
        for config in (space.min_config(), space.canonical(space.sample(rng))):
            student = logits(config, rng.choice(allowed))
            F.cross_entropy(student, soft).backward()  # type: ignore[no-untyped-call]
        accuracy = (teacher.argmax(1) == classes).float().mean()
        return loss.item(), accuracy.item()


def train(
    trainer: Trainer,
    *,
    log: Path,
    report: Callable[[Progress], None],
    save_every_s: float = 60.0,
) -> None:
    """Run to the end, with a checkpoint every ``save_every_s`` seconds and a log line per 20 steps.

    The log holds one JSON object a line: step, loss and accuracy of the largest sub-network on
    the training batch, averaged over the steps since the line before.
    """
    saved = time.monotonic()
    window: list[Progress] = []
    for progress in trainer.run():
        window.append(progress)
        if len(window) == 20 or progress.step == progress.steps:
            row = {
                'step': progress.step,
                'loss': sum(p.loss for p in window) / len(window),
                'accuracy': sum(p.accuracy for p in window) / len(window),
            }
            with log.open('a') as file:
                file.write(json.dumps(row) + '\n')
            window.clear()
        if time.monotonic() - saved > save_every_s or progress.step == progress.steps:
            trainer.save()
            saved = time.monotonic()
        report(progress)
