# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Muon: momentum with orthogonalised updates for weight matrices, AdamW for all other parameters.

After Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). It is our
own because PyTorch's refuses convolution kernels and computes in bfloat16, which most CPUs emulate,
and timm's would bring torchvision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

MATRIX_RATE = 20 / 3
"""Learning rate of matrices, as a multiple of that of all other parameters (assumed)."""
MIN_SIDE = 16
"""Matrices with a shorter side, such as classifiers of few classes, are left to AdamW."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the original implementation."""


def is_matrix(weight: Tensor) -> bool:
    """Whether a weight is a large enough matrix; a kernel counts as (out, in * k * k)."""
    return weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) >= MIN_SIDE


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return approximately U V^T of a matrix U S V^T, by a quintic Newton-Schulz iteration.

    Singular values end up between about 0.7 and 1.2, which suffices and is far faster than an SVD.
    """
    a, b, c = NEWTON_SCHULZ
    wide: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum for matrices, AdamW for the rest; decoupled weight decay.

    ``lr`` is the learning rate of AdamW.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {'lr': lr, 'momentum': momentum, 'weight_decay': weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; ``closure`` is not called."""
        for group in self.param_groups:
            for weight in group['params']:
                if weight.grad is None:
                    continue
                if is_matrix(weight):
                    self._orthogonal_step(weight, weight.grad, group)
                else:
                    self._adamw_step(weight, weight.grad, group)

    def _orthogonal_step(
        self, weight: nn.Parameter, gradient: Tensor, group: dict[str, Any]
    ) -> None:
        state, rate = self.state[weight], group['lr'] * MATRIX_RATE
        if not state:
            state['velocity'] = torch.zeros_like(weight)
        state['velocity'].lerp_(gradient, 1 - group['momentum'])
        ahead = gradient.lerp(state['velocity'], group['momentum']).flatten(1)
        scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
        weight.mul_(1 - rate * group['weight_decay'])
        weight.add_(orthogonalised(ahead).reshape(weight.shape), alpha=-rate * scale)

    def _adamw_step(self, weight: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state['step'] = torch.zeros(())
            state['mean'], state['square'] = torch.zeros_like(weight), torch.zeros_like(weight)
        adamw(
            [weight],
            [gradient],
            [state['mean']],
            [state['square']],
            [],
            [state['step']],
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=group['lr'],
            weight_decay=group['weight_decay'],
            eps=1e-8,
            maximize=False,
        )
