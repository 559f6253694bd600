"""What a training run does: method, optimiser, schedule. With the same plan and data it repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from dynofa_ros.offline.training.muon import Muon
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer import VisionTransformer

METHODS = ('sandwich', 'progressive', 'alone')
OPTIMIZERS = ('sgd', 'adamw', 'muon')


@dataclass(frozen=True)
class TrainingPlan:
    """One run. The defaults suit convolutional supernets; see :func:`default_plan`."""

    epochs: int = 10
    batch_size: int = 128
    method: str = 'sandwich'
    subnets_per_step: int = 3
    """Sandwich rule: the largest, the smallest, and random ones; 2: the largest and one other."""
    alone: SubnetConfig | None = None
    """The only sub-network that is trained, with method ``alone``."""
    optimizer: str = 'sgd'
    peak_learning_rate: float = 0.15
    weight_decay: float = 3e-4
    label_smoothing: float = 0.05
    gradient_clip: float = 5.0
    """Largest norm of the gradient of all parameters."""
    warmup: float = 0.1
    """Part of a phase in which the learning rate climbs to its peak."""
    climb: float = 0.5
    """Part of a phase in which the resolution climbs to the largest; 0: it starts there."""
    precision: str = 'float32'
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for field in ('epochs', 'batch_size', 'peak_learning_rate', 'gradient_clip'):
            if not getattr(self, field) > 0:
                raise ValueError(f'{field} is {getattr(self, field)}; it must be above 0')
        if not self.weight_decay >= 0:
            raise ValueError(f'weight_decay is {self.weight_decay}; it must not be below 0')
        for field in ('label_smoothing', 'warmup', 'climb'):
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(f'{field} is {getattr(self, field)}; it must be in 0..1')
        for field, allowed in (('method', METHODS), ('optimizer', OPTIMIZERS)):
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f'{field} is {getattr(self, field)!r}; expected {", ".join(allowed)}'
                )
        if self.subnets_per_step < 2:
            raise ValueError(f'subnets_per_step is {self.subnets_per_step}; it must be at least 2')
        if (self.alone is None) != (self.method != 'alone'):
            raise ValueError(f'alone is {self.alone} and method is {self.method}')

    def to_dict(self) -> dict[str, Any]:
        """Return numbers and text, for a checkpoint or a file."""
        alone = None if self.alone is None else self.alone.to_dict()
        return asdict(self) | {'alone': alone}

    def steps_per_epoch(self, images: int) -> int:
        """Full batches in one pass over the images."""
        return images // self.batch_size

    def learning_rate(self, progress: float, scale: float = 1.0) -> float:
        """One cycle: linear warm-up, then a cosine to zero; ``progress`` of a phase in 0..1."""
        peak = self.peak_learning_rate * scale
        if progress < self.warmup:
            return peak * progress / self.warmup
        done = (progress - self.warmup) / (1 - self.warmup)
        return peak * 0.5 * (1 + math.cos(math.pi * done))

    def resolutions(self, progress: float, every: tuple[int, ...]) -> tuple[int, ...]:
        """Return those in use: the lowest at first, more in even steps, all from ``climb`` on."""
        climbed = 1.0 if self.climb == 0 else min(1.0, progress / self.climb)
        return every[: 1 + int(climbed * (len(every) - 1) + 1e-9)]

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a fresh optimiser; vectors (biases, norms) are not decayed."""
        everyone = list(parameters)
        groups: list[dict[str, Any]] = [
            {
                'params': [p for p in everyone if p.ndim > 1],
                'weight_decay': self.weight_decay,
            },
            {'params': [p for p in everyone if p.ndim <= 1], 'weight_decay': 0.0},
        ]
        if self.optimizer == 'adamw':
            return torch.optim.AdamW(groups, lr=self.peak_learning_rate)
        if self.optimizer == 'muon':
            return Muon(groups, lr=self.peak_learning_rate)
        return torch.optim.SGD(groups, lr=self.peak_learning_rate, momentum=0.9, nesterov=True)


def default_plan(net: Supernet) -> dict[str, Any]:
    """Return the fields of a plan in which a family differs from the defaults."""
    if isinstance(net, VisionTransformer):
        return {
            'subnets_per_step': 2,
            'optimizer': 'muon',
            'peak_learning_rate': 3e-3,
            'weight_decay': 0.05,
            'label_smoothing': 0.1,
            'gradient_clip': 1.0,
            'warmup': 0.05,
            'climb': 0.6,
        }
    return {}
