"""The processes of one training run: alone, or as many as torchrun started on some machines.

Gradients are averaged by one all-reduce per step over those there are, not by torch's
DistributedDataParallel: a step runs several sub-networks backwards, each with other parameters,
which DistributedDataParallel would search and reduce anew for each. All ranks draw the same
sub-networks, so that the same parameters have gradients everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(hours=2)
"""How long ranks wait for the first, which alone measures and writes."""


@dataclass(frozen=True)
class Ranks:
    """One process among ``count``; ``local_rank`` numbers those on the same machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient there is by its mean over all ranks."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        parts = torch.split(flat, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of a tensor over all ranks."""
        if self.count > 1:
            dist.all_reduce(values)
            values /= self.count
        return values

    def from_first(self, value: Any) -> Any:
        """Return what the first rank has, whatever the others give."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def check_alike(self, value: object, *, what: str) -> None:
        """Compare what all ranks have.

        Raises:
            ValueError: on every rank, if they differ.
        """
        if self.count == 1:
            return
        everyone: list[Any] = [None] * self.count
        dist.all_gather_object(everyone, value)
        if any(each != everyone[0] for each in everyone):
            listed = ', '.join(f'rank {i}: {each}' for i, each in enumerate(everyone))
            raise ValueError(f'{what} differ between processes: {listed}')

    def leave(self) -> None:
        """End the exchange with the other ranks, once."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join_ranks(device: torch.device) -> Ranks:
    """Join the processes that torchrun started, if any: gloo on a CPU, NCCL on GPUs."""
    if 'WORLD_SIZE' not in os.environ or int(os.environ['WORLD_SIZE']) == 1:
        return Ranks()
    backend = 'nccl' if device.type == 'cuda' else 'gloo'
    if device.type == 'cuda':
        torch.cuda.set_device(device)
    dist.init_process_group(backend, timeout=PATIENCE)
    return Ranks(
        rank=dist.get_rank(),
        count=dist.get_world_size(),
        local_rank=local_rank(),
        local_count=int(os.environ.get('LOCAL_WORLD_SIZE', '1')),
    )


def local_rank() -> int:
    """Return the number of this process on its machine, as torchrun says."""
    return int(os.environ.get('LOCAL_RANK', '0'))
