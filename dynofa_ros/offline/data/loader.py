# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Batches for training and evaluation: order, augmentation, resolution, normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dynofa_ros.engine.preprocess import Input, Preprocessor
from dynofa_ros.offline.data.augmentation import DRAWS
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.training.distributed import Ranks
from dynofa_ros.supernet.supernet import Supernet


def generator(*numbers: int) -> torch.Generator:
    """Return a generator seeded by these numbers alone.

    A training step draws from ``generator(seed, 1, step)``, so a resumed run repeats exactly.
    """
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(seed)


def network_input(
    images: Tensor, resolution: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Resize and normalise (N, 3, H, W) in 0..255 to (N, 3, r, r) float32, channels last."""
    x = images.float()
    if x.shape[-1] != resolution or x.shape[-2] != resolution:
        x = F.interpolate(
            x, size=(resolution, resolution), mode='bilinear', antialias=True, align_corners=False
        )
    offset = torch.tensor(mean, device=x.device).view(3, 1, 1)
    scale = torch.tensor(std, device=x.device).view(3, 1, 1)
    x = x / (255 * scale) - offset / scale
    return x.contiguous(memory_format=torch.channels_last)


class TrainingBatches:
    """The augmented batch of any step of a run; a batch depends on its step alone.

    Every epoch is shuffled anew. Each rank takes its share of every batch, so that all ranks
    together see the batches of a single process. Encoded images are prefetched by one batch.
    """

    def __init__(
        self,
        data: Dataset,
        *,
        batch_size: int,
        seed: int,
        side: int,
        ranks: Ranks,
        device: torch.device,
    ) -> None:
        self._data, self._batch_size, self._seed = data, batch_size, seed
        self._side, self._ranks, self._device = side, ranks, device
        self._per_epoch = len(data) // batch_size
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        self._workers = ThreadPoolExecutor(max_workers=1) if data.decodes else None
        self._prefetched: tuple[int, Future[Tensor]] | None = None

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return this rank's images, (N, 3, S, S) in 0..255, and classes, (N,)."""
        index, draws = self._sampled(step)
        classes = self._data.classes[index].to(self._device)
        if self._workers is None:
            return self._images(index, draws), classes
        if self._prefetched is not None and self._prefetched[0] == step:
            images = self._prefetched[1].result()
        else:
            images = self._images(index, draws)
        following = self._workers.submit(self._images, *self._sampled(step + 1))
        self._prefetched = step + 1, following
        return images, classes

    def _images(self, index: Tensor, draws: Tensor) -> Tensor:
        return self._data.training_batch(index, draws, self._side, self._device)

    def _sampled(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the indices of this rank's images and their augmentation numbers."""
        epoch, position = divmod(step, self._per_epoch)
        if self._order[0] != epoch:
            rng = generator(self._seed, 0, epoch)
            self._order = epoch, torch.randperm(len(self._data), generator=rng)
        size = self._batch_size
        index = self._order[1][position * size : (position + 1) * size]
        draws = torch.rand(size, DRAWS, generator=generator(self._seed, 1, step))
        share = slice(self._ranks.rank, None, self._ranks.world_size)
        return index[share], draws[share]


def input_batches(
    net: Supernet,
    data: Dataset,
    resolution: int,
    *,
    size: int = 128,
    threads: int = 1,
) -> Iterator[Tensor]:
    """Yield all images in order as (N, 3, r, r) float32, preprocessed as the perception node does.

    With more than one thread, the next batch is prepared while the caller uses this one.

    Raises:
        ValueError: if an image cannot be decoded.
    """

    def prepare(index: int) -> Input:
        # A preprocessor reuses its output buffer, so every image needs its own preprocessor.
        return Preprocessor(resolution, net.spec.mean, net.spec.std)(data.image(index))[0]

    ranges = [range(s, min(s + size, len(data))) for s in range(0, len(data), size)]
    if threads == 1:
        for indices in ranges:
            yield _stacked([prepare(index) for index in indices])
        return
    with ThreadPoolExecutor(threads) as workers:
        pending: list[Future[Input]] = []
        for following in (*ranges, range(0)):
            current, pending = pending, [workers.submit(prepare, index) for index in following]
            if current:
                yield _stacked([each.result() for each in current])


def _stacked(inputs: list[Input]) -> Tensor:
    return torch.from_numpy(np.stack(inputs)).contiguous(memory_format=torch.channels_last)
