"""Time several things in turn, so that what the machine does meanwhile hits all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def take_turns(
    works: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    block: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of ``rounds`` x ``block`` runs of each.

    A turn is one run that is not timed, then ``block`` that are. The libraries that are compared
    bring thread pools of their own, and idle threads spin for some milliseconds after their last
    work: in strict alternation each side would pay for the other's threads and refill the caches
    that the other emptied. A robot runs one engine, not two. The first round warms up.

    Raises:
        ValueError: if ``rounds`` or ``block`` is below 1.
    """
    if rounds < 1 or block < 1:
        raise ValueError(f'rounds is {rounds} and block {block}; both must be above 0')
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(-1, rounds):
        for name, work in works.items():
            work()
            for _ in range(block):
                start = clock()
                work()
                took = clock() - start
                if turn >= 0:
                    seconds[name].append(took)
    return seconds
