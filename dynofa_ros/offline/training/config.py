# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Configuration of a training run: method, optimiser and schedule."""

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
    """The plan of one run, with defaults for convolutional supernets (see :func:`default_plan`)."""

    epochs: int = 10
    batch_size: int = 128
    method: str = 'sandwich'
    subnets_per_step: int = 3
    """Sandwich rule: 2 trains the largest and one other; 3 or more add smallest and random ones."""
    alone: SubnetConfig | None = None
    """The only sub-network to train, for method ``alone``."""
    optimizer: str = 'sgd'
    peak_learning_rate: float = 0.15
    weight_decay: float = 3e-4
    label_smoothing: float = 0.05
    gradient_clip: float = 5.0
    """Largest norm of the gradient of all parameters."""
    warmup: float = 0.1
    """Fraction of a phase in which the learning rate rises to its peak."""
    climb: float = 0.5
    """Fraction of a phase in which the resolution rises to the largest; 0 starts there."""
    precision: str = 'float32'
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        for field in ('epochs', 'batch_size', 'peak_learning_rate', 'gradient_clip'):
            self._check(field, getattr(self, field) > 0, 'a number above 0')
        self._check('weight_decay', self.weight_decay >= 0, '0 or above')
        for field in ('label_smoothing', 'warmup', 'climb'):
            self._check(field, 0 <= getattr(self, field) < 1, '0 or above and below 1')
        self._check('method', self.method in METHODS, ', '.join(METHODS))
        self._check('optimizer', self.optimizer in OPTIMIZERS, ', '.join(OPTIMIZERS))
        self._check('subnets_per_step', self.subnets_per_step >= 2, '2 or above')
        valid = (self.alone is not None) == (self.method == 'alone')
        self._check('alone', valid, 'a config with method alone, None with any other method')

    def _check(self, field: str, valid: bool, expected: str) -> None:
        if not valid:
            raise ValueError(f'{field} is {getattr(self, field)!r}; expected {expected}')

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, for a checkpoint or a file."""
        alone = None if self.alone is None else self.alone.to_dict()
        return asdict(self) | {'alone': alone}

    def steps_per_epoch(self, images: int) -> int:
        """Return the number of full batches in one pass over the images."""
        return images // self.batch_size

    def learning_rate(self, progress: float, scale: float = 1.0) -> float:
        """Return one cycle of linear warm-up and cosine decay; ``progress`` is 0..1 of a phase."""
        peak = self.peak_learning_rate * scale
        if progress < self.warmup:
            return peak * progress / self.warmup
        done = (progress - self.warmup) / (1 - self.warmup)
        return peak * 0.5 * (1 + math.cos(math.pi * done))

    def resolutions(self, progress: float, available: tuple[int, ...]) -> tuple[int, ...]:
        """Return the resolutions in use: the lowest first, all of them from ``climb`` on."""
        climbed = 1.0 if self.climb == 0 else min(1.0, progress / self.climb)
        return available[: 1 + int(climbed * (len(available) - 1) + 1e-9)]

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a new optimiser; vectors (biases and norms) have no weight decay."""
        weights = list(parameters)
        groups: list[dict[str, Any]] = [
            {'params': [w for w in weights if w.ndim > 1], 'weight_decay': self.weight_decay},
            {'params': [w for w in weights if w.ndim <= 1], 'weight_decay': 0.0},
        ]
        if self.optimizer == 'adamw':
            return torch.optim.AdamW(groups, lr=self.peak_learning_rate)
        if self.optimizer == 'muon':
            return Muon(groups, lr=self.peak_learning_rate)
        return torch.optim.SGD(groups, lr=self.peak_learning_rate, momentum=0.9, nesterov=True)


def default_plan(net: Supernet) -> dict[str, Any]:
    """Return the plan fields for which a supernet family deviates from the defaults."""
    if not isinstance(net, VisionTransformer):
        return {}
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
