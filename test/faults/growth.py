# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a node keeps: growth of its memory, threads, descriptors and DDS entities over a soak.

A sample is taken after each fault, once all nodes work again and the camera rests. The samples of
the time after the warm-up are divided into quarters; the growth is that of the median from the
first quarter to the last. A median ignores the sample in which a departed node is still known; a
leak grows through all quarters, and a late allocation ends in one.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from processes import NODES

QUARTERS = 4
MEMORY = 'resident bytes'
MEMORY_GROWTH = 0.01
"""Goal: resident memory grows by less than this; threads, descriptors and entities not at all."""

Sample = Mapping[str, Mapping[str, float]]
"""Figures of each node by name."""


def sample(rig: Any) -> dict[str, dict[str, float]]:
    """Return the process id and the figures of each node, and the time [monotonic s]."""
    return {
        name: {
            'time_s': time.monotonic(),
            'process': rig.processes.pid(name),
            **rig.processes.usage(name),
            'DDS entities': rig.listener.entities(name),
        }
        for name in NODES
    }


def growth(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return how much each figure of each node grew, and whether that meets the goal.

    Raises:
        ValueError: there is not a sample for each quarter.
    """
    if len(samples) < QUARTERS:
        raise ValueError(f'number of samples is {len(samples)}; expected at least {QUARTERS}')
    rows = []
    for node in samples[0]:
        lived = len({each[node]['process'] for each in samples}) == 1
        for figure in samples[0][node]:
            if figure in ('time_s', 'process'):
                continue
            medians = quarters([each[node][figure] for each in samples])
            grown = medians[-1] / medians[0] - 1 if medians[0] else float(medians[-1] > 0)
            met = grown < MEMORY_GROWTH if figure == MEMORY else grown <= 0
            rows.append(
                {
                    'node': node if lived else f'{node} (restarted)',
                    'figure': figure,
                    'medians': medians,
                    'growth': grown,
                    'met': lived and met,
                }
            )
    return rows


def quarters(values: Sequence[float]) -> list[float]:
    """Return the median of each quarter of a series."""
    ends = [len(values) * index // QUARTERS for index in range(QUARTERS + 1)]
    return [float(statistics.median(values[start:end])) for start, end in itertools.pairwise(ends)]
