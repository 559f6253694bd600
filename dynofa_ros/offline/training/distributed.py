# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The processes of one training run: a single one, or as many as torchrun started.

Gradients are averaged by one all-reduce per step instead of DistributedDataParallel, which would
search and reduce anew for each of the several sub-networks of a step. All ranks sample the same
sub-networks, so the same parameters have gradients everywhere.
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

TIMEOUT = timedelta(hours=2)
"""How long ranks wait for the first one, which alone measures and writes."""


@dataclass(frozen=True)
class Ranks:
    """One process among ``world_size``; local ranks count those on the same machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def log(self, line: str) -> None:
        """Print a line on the first rank only."""
        if self.is_first:
            print(line, flush=True)

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every existing gradient by its mean over all ranks."""
        if self.world_size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.world_size
        parts = torch.split(flat, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of a tensor over all ranks."""
        if self.world_size > 1:
            dist.all_reduce(values)
            values /= self.world_size
        return values

    def broadcast(self, value: Any) -> Any:
        """Return the first rank's value on every rank."""
        if self.world_size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def check_equal(self, value: object, *, what: str) -> None:
        """Compare a value between all ranks.

        Raises:
            ValueError: on every rank, if the values differ.
        """
        if self.world_size == 1:
            return
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value)
        if any(each != values[0] for each in values):
            listed = ', '.join(f'rank {i}: {each}' for i, each in enumerate(values))
            raise ValueError(f'{what} differ between processes: {listed}')

    def leave(self) -> None:
        """Leave the process group; further calls do nothing."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join_ranks(device: torch.device) -> Ranks:
    """Join the processes that torchrun started, if any: gloo on a CPU, NCCL on GPUs."""
    if 'WORLD_SIZE' not in os.environ or int(os.environ['WORLD_SIZE']) == 1:
        return Ranks()
    if device.type == 'cuda':
        torch.cuda.set_device(device)
    dist.init_process_group('nccl' if device.type == 'cuda' else 'gloo', timeout=TIMEOUT)
    return Ranks(
        rank=dist.get_rank(),
        world_size=dist.get_world_size(),
        local_rank=local_rank(),
        local_world_size=int(os.environ.get('LOCAL_WORLD_SIZE', '1')),
    )


def local_rank() -> int:
    """Return torchrun's number of this process on its machine."""
    return int(os.environ.get('LOCAL_RANK', '0'))
