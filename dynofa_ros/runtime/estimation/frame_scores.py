# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""How far the last frames were from their prediction, in standard deviations: the tail to expect.

Latency need not be normally distributed: frames overlap with those of another camera, or a few are
far slower than all others. So a quantile is taken from the scores of the last frames (the order
statistic of split conformal prediction: Vovk et al., Algorithmic Learning in a Random World, 2005,
with standardised residuals). The next frame is above the one of rank k of n with a probability of
1 - k / (n + 1), whatever the distribution, if all are exchangeable.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

# 5 % of 200 are 10 frames, so that the quantile hardly depends on single ones.
FRAMES = 199
# Frames of the window by which the quantile is higher, because latencies are hardly exchangeable.
SPARE = 1
_NORMAL = tuple(NormalDist().inv_cdf((index + 1) / (FRAMES + 1)) for index in range(FRAMES))
_NORMAL_Z = lru_cache(maxsize=64)(NormalDist().inv_cdf)


class FrameScores:
    """The scores of the last `FRAMES` frames; before that, those of a normal distribution."""

    def __init__(self) -> None:
        # Frames replace the normal scores from both ends of the distribution alike.
        self._ascending = list(_NORMAL)
        self._in_order = deque(_NORMAL[(index * 76) % FRAMES] for index in range(FRAMES))

    def add(self, score: float) -> None:
        """Append the score of a frame; the oldest leaves."""
        oldest = self._in_order.popleft()
        del self._ascending[bisect_left(self._ascending, oldest)]
        self._in_order.append(score)
        insort(self._ascending, score)

    def ascending(self) -> tuple[float, ...]:
        """Return the scores, the lowest first."""
        return tuple(self._ascending)


def score_quantile(scores: Sequence[float], probability: float) -> float:
    """Return the score that the next frame does not exceed with this probability.

    `scores` ascend. Beyond what so many can tell, and without any, the normal quantile counts, or
    the highest score if that is higher.
    """
    rank = math.ceil(probability * (len(scores) + 1)) + SPARE
    if 1 <= rank <= len(scores):
        return scores[rank - 1]
    return max((_NORMAL_Z(probability), *scores[-1:]))
