"""One step of each training method: which sub-networks run, and what they learn from.

A method adds gradients and returns loss and top-1 on the batch; the optimiser's step follows.
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
from dynofa_ros.offline.training.phases import Phase
from dynofa_ros.offline.training.precision import Precision
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet

SMALLEST_SHARE = 1 / 3
"""How often the only sub-network beside the largest is the smallest (assumed)."""


@dataclass(frozen=True)
class TrainingStep:
    """What one step has to work with."""

    net: Supernet
    teacher: Supernet | None
    """The largest network as the first phase of progressive shrinking left it."""
    images: Tensor
    classes: Tensor
    resolutions: tuple[int, ...]
    """Those in use at this time of the run, ascending."""
    rng: Random
    precision: Precision
    label_smoothing: float
    backward: Callable[[Tensor], None]

    def logits(self, net: Supernet, config: SubnetConfig, resolution: int) -> Tensor:
        """Run a sub-network on the batch at a resolution; return (N, classes) float32."""
        spec = net.spec
        x = network_input(self.images, resolution, spec.mean, spec.std)
        with self.precision.autocast(self.images.device):
            outputs: Tensor = net(x, replace(config, r=resolution))
        return outputs.float()

    def on_labels(self, logits: Tensor) -> Tensor:
        """Return the cross entropy with the smoothed labels."""
        return F.cross_entropy(logits, self.classes, label_smoothing=self.label_smoothing)

    def top1(self, logits: Tensor) -> Tensor:
        """Return the fraction of the batch that is named right."""
        return (logits.argmax(1) == self.classes).float().mean()


def training_step(step: TrainingStep, phase: Phase, plan: TrainingPlan) -> tuple[Tensor, Tensor]:
    """Add the gradients of one step; return loss and top-1 of the network trained on labels."""
    if plan.method == 'sandwich':
        return _sandwich(step, plan.subnets_per_step)
    if plan.alone is not None:
        return _alone(step, plan.alone)
    if step.teacher is None:
        return _alone(step, step.net.space.max_config())
    return _distil(step, step.teacher, phase)


def _alone(step: TrainingStep, config: SubnetConfig) -> tuple[Tensor, Tensor]:
    """Train one sub-network on the labels, at most at its own resolution."""
    logits = step.logits(step.net, config, min(step.resolutions[-1], config.r))
    loss = step.on_labels(logits)
    step.backward(loss)
    return loss.detach(), step.top1(logits)


def _sandwich(step: TrainingStep, count: int) -> tuple[Tensor, Tensor]:
    """Sandwich rule with in-place distillation.

    The largest sub-network learns from the labels, the smallest and random ones from its outputs
    (Universally Slimmable Networks, arXiv 1903.05134; BigNAS, arXiv 2003.11142). With two
    sub-networks a step, the second is the smallest one time in three, else random.
    """
    space, rng = step.net.space, step.rng
    largest = step.logits(step.net, space.max_config(), step.resolutions[-1])
    loss = step.on_labels(largest)
    step.backward(loss)
    soft = largest.detach().softmax(1)
    if count > 2 or rng.random() < SMALLEST_SHARE:
        students = [space.min_config()]
    else:
        students = [space.sample(rng)]
    students += [space.sample(rng) for _ in range(count - 2)]
    for config in students:
        logits = step.logits(step.net, config, rng.choice(step.resolutions))
        step.backward(F.cross_entropy(logits, soft))
    return loss.detach(), step.top1(largest)


def _distil(step: TrainingStep, teacher: Supernet, phase: Phase) -> tuple[Tensor, Tensor]:
    """Progressive shrinking: random sub-networks learn from labels and from the frozen largest.

    Both losses count alike, at a resolution that the batch has in common (arXiv 1908.09791,
    section 4.1 and its training program).
    """
    resolution = step.rng.choice(step.resolutions)
    with torch.no_grad():
        soft = step.logits(teacher, teacher.space.max_config(), resolution).softmax(1)
    losses, top1s = [], []
    for _ in range(phase.subnets_per_step):
        logits = step.logits(step.net, phase.space.sample(step.rng), resolution)
        loss = step.on_labels(logits)
        step.backward(loss + F.cross_entropy(logits, soft))
        losses.append(loss.detach())
        top1s.append(step.top1(logits))
    return torch.stack(losses).mean(), torch.stack(top1s).mean()
