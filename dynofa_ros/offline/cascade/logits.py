# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run the kept sub-networks on labelled images, as the perception node does; divide the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dynofa_ros.engine import CPU, Engine, Network, Place, ResidentSet
from dynofa_ros.offline.console import reporting
from dynofa_ros.offline.data.dataset import Dataset

Logits = npt.NDArray[np.float32]
"""Of all images, (images, classes)."""
Classes = npt.NDArray[np.int64]
Index = npt.NDArray[np.int64]


def engine_logits(
    networks: Sequence[Network], engine: Engine, data: Dataset, *, threads: int
) -> Mapping[str, Logits]:
    """Return the logits of each sub-network on all images, on the CPU, by its name.

    Raises:
        EngineError: if the engine cannot run one.
        ValueError: naming an image that cannot be decoded, or a sub-network with a logit that is
            NaN or infinite.
    """
    residents = ResidentSet(networks, engine)
    found = {}
    with reporting('images', len(networks) * len(data)) as report:
        for number, network in enumerate(networks):
            name = network.kept.subnet_id
            resident = residents.load(name, Place(CPU, threads))
            rows = []
            for index in range(len(data)):
                rows.append(resident.run(resident.preprocess(data.image(index))).copy())
                report(number * len(data) + index + 1, name)
            found[name] = np.stack(rows).astype(np.float32)
            if not np.isfinite(found[name]).all():
                raise ValueError(f'{name} gives NaN or infinity; expected finite logits')
    return found


def divided(classes: Classes, share: float, *, seed: int) -> tuple[Index, Index]:
    """Return the images that choose, a share of each class, and those that measure.

    Both are sorted. Classes of a single image, and the odd ones of others, are drawn together, so
    that the share holds for the whole.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    # Every image's place within its class, in random order: a stratum is a slice of equal places.
    place = np.empty(len(classes))
    for each in np.unique(classes):
        members = order[classes[order] == each]
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    ranked = np.argsort(place, kind='stable')
    count = round(share * len(classes))
    return np.sort(ranked[:count]), np.sort(ranked[count:])
