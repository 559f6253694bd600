# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The cheapest frequency schedule of one domain over all frames, by dynamic programming.

A requested frequency takes effect `delay_s` later, and a request in between replaces it. Changes
are therefore at least `delay_s` apart, and the first takes effect no earlier than `delay_s` after
the start. Among the schedules that change frequency only when an image arrives, Bellman's recursion
from the last frame to the first finds the optimum.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

# Requests that follow each other by less might overtake each other by rounding.
MIN_GAP_S = 1e-6


def cheapest_schedule(
    cost: Sequence[Sequence[int]], times_s: Sequence[float], *, delay_s: float, start: int
) -> list[int]:
    """Return the frequency index at each frame that minimises the total cost.

    `cost[frame][frequency]` is an integer, so that sums do not depend on the order of addition.
    `times_s` are the ascending arrival times of the images; `start` is the index at time 0.
    """
    frames = len(times_s)
    if not frames:
        return []
    # The first frame at which the frequency can change again after a change at each frame.
    free = [
        max(frame + 1, bisect.bisect_left(times_s, time_s + delay_s + MIN_GAP_S))
        for frame, time_s in enumerate(times_s)
    ]
    first = bisect.bisect_left(times_s, delay_s + MIN_GAP_S) if delay_s > 0.0 else 0
    frequencies = range(len(cost[0]))
    summed = _prefix_sums(cost)
    to_go = [[0] * len(frequencies) for _ in range(frames + 1)]
    change: list[tuple[int, int]] = [(0, 0)] * frames  # cost to go, and the new frequency
    for frame in range(frames - 1, -1, -1):
        until = free[frame]
        change[frame] = min(
            (summed[until][each] - summed[frame][each] + to_go[until][each], each)
            for each in frequencies
        )
        here, after = cost[frame], to_go[frame + 1]
        to_go[frame] = [min(here[each] + after[each], change[frame][0]) for each in frequencies]
    schedule = [start] * min(first, frames)
    while len(schedule) < frames:
        frame = len(schedule)
        current = schedule[-1] if schedule else start
        if change[frame][0] < cost[frame][current] + to_go[frame + 1][current]:
            schedule += [change[frame][1]] * (free[frame] - frame)
        else:
            schedule.append(current)
    return schedule


def _prefix_sums(cost: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the cost of all frames before each frame, by frequency."""
    summed = [[0] * len(cost[0])]
    for row in cost:
        summed.append([before + each for before, each in zip(summed[-1], row, strict=True)])
    return summed
