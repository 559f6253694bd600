# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One training step of each method: the sub-networks that run, and the targets they learn from.

A step accumulates gradients and returns loss and top-1 on the batch; the trainer then updates the
weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from dynofa_ros.offline.data.loader import network_input
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.hardware import Precision
from dynofa_ros.offline.training.phases import Phase
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet

SMALLEST_PROBABILITY = 1 / 3
"""Probability that the only sub-network next to the largest is the smallest (assumed)."""


@dataclass(frozen=True)
class TrainingStep:
    """The inputs of one step."""

    net: Supernet
    teacher: Supernet | None
    """The largest network as trained by the first phase of progressive shrinking."""
    images: Tensor
    classes: Tensor
    resolutions: tuple[int, ...]
    """Those in use at this point of the run, ascending."""
    rng: Random
    precision: Precision
    label_smoothing: float
    backward: Callable[[Tensor], None]

    def logits(self, net: Supernet, config: SubnetConfig, resolution: int) -> Tensor:
        """Run a sub-network on the batch; return (N, classes) float32."""
        x = network_input(self.images, resolution, net.spec.mean, net.spec.std)
        with self.precision.autocast(self.images.device):
            outputs: Tensor = net(x, replace(config, r=resolution))
        return outputs.float()

    def label_loss(self, logits: Tensor) -> Tensor:
        """Return the cross entropy with the smoothed labels."""
        return F.cross_entropy(logits, self.classes, label_smoothing=self.label_smoothing)

    def top1(self, logits: Tensor) -> Tensor:
        """Return the fraction of the batch that is classified correctly."""
        return (logits.argmax(1) == self.classes).float().mean()


def training_step(step: TrainingStep, phase: Phase, plan: TrainingPlan) -> tuple[Tensor, Tensor]:
    """Accumulate gradients; return loss and top-1 of the network that is trained on labels."""
    if plan.method == 'sandwich':
        return _sandwich(step, plan.subnets_per_step)
    if plan.alone is not None:
        return _alone(step, plan.alone)
    if step.teacher is None:
        return _alone(step, step.net.space.max_config())
    return _distil(step, step.teacher, phase)


def _alone(step: TrainingStep, config: SubnetConfig) -> tuple[Tensor, Tensor]:
    """Train one sub-network on the labels, at no more than its own resolution."""
    logits = step.logits(step.net, config, min(step.resolutions[-1], config.r))
    loss = step.label_loss(logits)
    step.backward(loss)
    return loss.detach(), step.top1(logits)


def _sandwich(step: TrainingStep, count: int) -> tuple[Tensor, Tensor]:
    """Sandwich rule with in-place distillation.

    The largest sub-network learns from the labels, the smallest and random ones learn from its
    outputs (Universally Slimmable Networks, arXiv 1903.05134; BigNAS, arXiv 2003.11142). With two
    sub-networks per step, the second is the smallest one time in three, otherwise random.
    """
    space, rng = step.net.space, step.rng
    largest = step.logits(step.net, space.max_config(), step.resolutions[-1])
    loss = step.label_loss(largest)
    step.backward(loss)
    soft_labels = largest.detach().softmax(1)
    if count > 2 or rng.random() < SMALLEST_PROBABILITY:
        students = [space.min_config()]
    else:
        students = [space.sample(rng)]
    students += [space.sample(rng) for _ in range(count - 2)]
    for config in students:
        logits = step.logits(step.net, config, rng.choice(step.resolutions))
        step.backward(F.cross_entropy(logits, soft_labels))
    return loss.detach(), step.top1(largest)


def _distil(step: TrainingStep, teacher: Supernet, phase: Phase) -> tuple[Tensor, Tensor]:
    """Progressive shrinking: random sub-networks learn from labels and from the frozen largest.

    Both losses have equal weight, at one resolution per batch (arXiv 1908.09791, section 4.1 and
    the published training code).
    """
    resolution = step.rng.choice(step.resolutions)
    with torch.no_grad():
        soft_labels = step.logits(teacher, teacher.space.max_config(), resolution).softmax(1)
    losses, top1s = [], []
    for _ in range(phase.subnets_per_step):
        logits = step.logits(step.net, phase.space.sample(step.rng), resolution)
        loss = step.label_loss(logits)
        step.backward(loss + F.cross_entropy(logits, soft_labels))
        losses.append(loss.detach())
        top1s.append(step.top1(logits))
    return torch.stack(losses).mean(), torch.stack(top1s).mean()
