"""The cheapest course of one clock over all frames, by dynamic programming.

A clock asked for is in force `delay_s` later, and another request in between takes its place. So
the times at which clocks come into force are at least `delay_s` apart, the first no earlier than
that after the start. Within these limits, and with changes where an image arrives, the course that
is found is the best: Bellman's recursion from the last frame to the first.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

# Requests that follow each other by less might overtake each other by rounding.
APART_S = 1e-6


def cheapest_course(
    cost: Sequence[Sequence[int]], times_s: Sequence[float], *, delay_s: float, start: int
) -> list[int]:
    """Return the index of the clock at each frame, of the least summed cost.

    `cost[frame][clock]`: of a frame that runs at a clock; whole numbers, so that the order of
    adding up changes nothing. `times_s`: when each frame's image arrives, ascending. `start`: the
    clock at time 0.
    """
    frames = len(times_s)
    if not frames:
        return []
    free = [
        max(frame + 1, bisect.bisect_left(times_s, time_s + delay_s + APART_S))
        for frame, time_s in enumerate(times_s)
    ]
    first = bisect.bisect_left(times_s, delay_s + APART_S) if delay_s > 0.0 else 0
    clocks = range(len(cost[0]))
    summed = _prefix_sums(cost)
    to_go = [[0] * len(clocks) for _ in range(frames + 1)]
    change: list[tuple[int, int]] = [(0, 0)] * frames  # cost to go, and to which clock
    for frame in range(frames - 1, -1, -1):
        until = free[frame]
        change[frame] = min(
            (summed[until][clock] - summed[frame][clock] + to_go[until][clock], clock)
            for clock in clocks
        )
        here, after = cost[frame], to_go[frame + 1]
        to_go[frame] = [min(here[clock] + after[clock], change[frame][0]) for clock in clocks]
    course = [start] * min(first, frames)
    while len(course) < frames:
        frame = len(course)
        clock = course[-1] if course else start
        if change[frame][0] < cost[frame][clock] + to_go[frame + 1][clock]:
            course += [change[frame][1]] * (free[frame] - frame)
        else:
            course.append(clock)
    return course


def _prefix_sums(cost: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the cost of all frames before each, by clock."""
    summed = [[0] * len(cost[0])]
    for row in cost:
        summed.append([before + each for before, each in zip(summed[-1], row, strict=True)])
    return summed
