"""Muon: momentum, with the update of each weight matrix made orthogonal; AdamW for all else.

After Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). PyTorch's
own takes no convolution kernels and computes in bfloat16, which most CPUs can only emulate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

MATRIX_RATE = 20 / 3
"""Learning rate of the matrices, as a multiple of that of all else (assumed)."""
LEAST_SIDE = 16
"""Classifiers of few classes, and other matrices with a shorter side, are left to AdamW."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def is_matrix(weight: Tensor) -> bool:
    """Whether a weight is a matrix, or a kernel as (out, in * k * k), with long enough sides."""
    return weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) >= LEAST_SIDE


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return about U V^T of a matrix U S V^T, by a quintic Newton-Schulz iteration.

    Singular values come out between about 0.7 and 1.2, which is enough and far quicker than
    taking the matrix apart. Coefficients are those of the original.
    """
    a, b, c = NEWTON_SCHULZ
    wide: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum for matrices, AdamW for all else; decoupled weight decay.

    Takes parameters or groups as every optimiser does. ``lr`` is that of AdamW.
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
                    self._orthogonal_step(weight, group)
                else:
                    self._adamw_step(weight, group)

    def _orthogonal_step(self, weight: nn.Parameter, group: dict[str, Any]) -> None:
        assert weight.grad is not None
        state, rate = self.state[weight], group['lr'] * MATRIX_RATE
        if not state:
            state['velocity'] = torch.zeros_like(weight)
        state['velocity'].lerp_(weight.grad, 1 - group['momentum'])
        ahead = weight.grad.lerp(state['velocity'], group['momentum']).flatten(1)
        scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
        weight.mul_(1 - rate * group['weight_decay'])
        weight.add_(orthogonalised(ahead).reshape(weight.shape), alpha=-rate * scale)

    def _adamw_step(self, weight: nn.Parameter, group: dict[str, Any]) -> None:
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state['step'] = torch.zeros(())
            state['mean'], state['square'] = torch.zeros_like(weight), torch.zeros_like(weight)
        adamw(
            [weight],
            [weight.grad],
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
