# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Split off images by class, such that the same images are split off wherever they lie.

Images are drawn in the order of a hash of their content and the seed, so neither the order of files
nor their names matter, and copies of an image stay together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dynofa_ros.offline.data.dataset import Dataset, digest_of

Amount = int | float
"""A number of images (int), or a fraction of every class (float, above 0 and below 1)."""


def parse_amount(text: str | None) -> Amount | None:
    """Return the amount of the option ``--held-out``: ``250`` or ``0.1``; None if it is not given.

    Raises:
        ValueError: if it is neither a fraction between 0 and 1 nor a number of images.
    """
    if text is None:
        return None
    try:
        amount: Amount = int(text) if text.strip().isdecimal() else float(text)
    except ValueError:
        amount = float('nan')
    if not (amount >= 1 if isinstance(amount, int) else 0 < amount < 1):
        raise ValueError(
            f'held-out is {text[:40]!r}; expected a fraction above 0 and below 1, or a number of '
            'images'
        )
    return amount


def stratified_split(
    data: Dataset, amount: Amount, *, seed: int, most: int | None = None, what: str = 'held-out'
) -> tuple[Dataset, Dataset]:
    """Split off a part of every class; return the rest and that part, both in the data's order.

    A fraction takes one image or more of each class that has two; a number is shared among classes
    in proportion to their size. Every class keeps an image. ``most`` limits what a fraction takes.

    Raises:
        ValueError: if the classes have too few images for the number.
    """
    drawn = stratified_indices(data.classes, data.digests, amount, seed=seed, most=most, what=what)
    mask = torch.zeros(len(data), dtype=torch.bool)
    mask[drawn] = True
    # A copy of a drawn image follows it, also if it is in another class.
    mask |= torch.isin(data.digests, data.digests[mask])
    return data.subset((~mask).nonzero()[:, 0]), data.subset(mask.nonzero()[:, 0])


def stratified_indices(
    classes: Tensor,
    digests: Tensor,
    amount: Amount,
    *,
    seed: int,
    most: int | None = None,
    what: str = 'held-out',
) -> Tensor:
    """Return the indices of the images to split off, sorted; see :func:`stratified_split`."""
    prefix = seed.to_bytes(8, 'little', signed=True)
    ranks = [digest_of(prefix + each.tobytes()) for each in digests.numpy()]
    order = np.argsort(np.array(ranks, np.int64), kind='stable')
    of_class = [order[classes.numpy()[order] == index] for index in range(int(classes.max()) + 1)]
    spare = [max(0, len(each) - 1) for each in of_class]
    if isinstance(amount, float):
        counts = [
            min(left, max(1, round(amount * len(each))))
            for left, each in zip(spare, of_class, strict=True)
        ]
        if most is not None and sum(counts) > most:
            counts = proportional(most, [len(each) for each in of_class], spare)
    else:
        if not 0 < amount <= sum(spare):
            raise ValueError(f'{what} is {amount} images; expected 1 to {sum(spare)}')
        counts = proportional(amount, [len(each) for each in of_class], spare)
    drawn = [each[:count] for each, count in zip(of_class, counts, strict=True)]
    return torch.from_numpy(np.sort(np.concatenate(drawn)))


def proportional(total: int, sizes: Sequence[int], limits: Sequence[int]) -> list[int]:
    """Return a share of ``total`` for each size, in proportion and at most its limit.

    Remainders go to the largest fractions first, then to whatever has room.
    """
    exact = [total * size / max(1, sum(sizes)) for size in sizes]
    counts = [min(limit, int(each)) for limit, each in zip(limits, exact, strict=True)]
    by_fraction = sorted(range(len(sizes)), key=lambda i: counts[i] - exact[i])
    while (missing := total - sum(counts)) > 0:
        room = [index for index in by_fraction if counts[index] < limits[index]]
        if not room:
            break
        for index in room[:missing]:
            counts[index] += 1
    return counts
