# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Time several functions alternately, so that disturbances of the machine affect all of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

from machine import benchmark_parser, count


def alternation_parser(doc: str | None, *, rounds: int, images: int) -> argparse.ArgumentParser:
    """Return a parser with the options of a benchmark of inference, with these defaults."""
    parser = benchmark_parser(doc)
    parser.add_argument('--rounds', type=count, default=rounds, help='rounds of the alternation')
    parser.add_argument('--block', type=count, default=5, help='timed runs per round')
    parser.add_argument('--images', type=count, default=images, help='images to compare logits on')
    parser.add_argument('--seed', type=int, default=0, help='of weights and images')
    parser.add_argument('--quick', action='store_true', help='a trial: two sub-networks, one round')
    return parser


def alternate(
    functions: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    block: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of ``rounds`` x ``block`` calls of each function.

    In each round every function is called once untimed and then ``block`` times. The compared
    libraries have their own thread pools, whose idle threads spin for some milliseconds after their
    last work: with strict alternation each side would pay for the other's threads and cold caches.
    A robot runs one engine, not two. A first round warms up.

    Raises:
        ValueError: if ``rounds`` or ``block`` is below 1.
    """
    if rounds < 1 or block < 1:
        raise ValueError(f'rounds is {rounds} and block is {block}; expected integers above 0')
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(-1, rounds):
        for name, call in functions.items():
            call()
            for _ in range(block):
                start = clock()
                call()
                took = clock() - start
                if turn >= 0:
                    seconds[name].append(took)
    return seconds
