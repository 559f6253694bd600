"""Measure how long each resident sub-network takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine.resident_set import Engine, Resident


@dataclass(frozen=True)
class Measurement:
    """Latency of one sub-network's inference, without pre- and postprocessing."""

    subnet_id: str
    threads: int
    latency_s: float
    """Median."""
    latency_std_s: float
    """Spread: 1.4826 x median absolute deviation, which equals sigma for a normal spread."""


def thread_counts(most: int) -> tuple[int, ...]:
    """Return the numbers of threads worth measuring: 1, 2, 4 ... and ``most``.

    A small network is often fastest on one thread, and on a busy machine it is far faster.
    """
    powers = [1 << i for i in range(most.bit_length())]
    return tuple(sorted({count for count in powers if count < most} | {most}))


def fastest_threads(measurements: Iterable[Measurement]) -> int:
    """Return the number of threads with which all sub-networks together are fastest."""
    total_s: dict[int, float] = {}
    for each in measurements:
        total_s[each.threads] = total_s.get(each.threads, 0.0) + each.latency_s
    return min(total_s, key=lambda threads: total_s[threads])


def measure(
    residents: Iterable[Resident],
    engine: Engine,
    *,
    threads: Sequence[int],
    rounds: int = 15,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Measurement, ...]:
    """Time every sub-network ``rounds`` times with each number of threads.

    Sub-networks take turns, so that drift of the machine hits all of them alike.

    Raises:
        ValueError: if ``rounds`` is below 3.
    """
    if rounds < 3:
        raise ValueError(f'rounds is {rounds}; a median and a spread need at least 3')
    everyone = tuple(residents)
    return tuple(
        each
        for count in threads
        for each in _measure(everyone, engine, threads=count, rounds=rounds, clock=clock)
    )


def _measure(
    everyone: Sequence[Resident],
    engine: Engine,
    *,
    threads: int,
    rounds: int,
    clock: Callable[[], float],
) -> Iterator[Measurement]:
    engine.set_threads(threads)
    noise = np.random.default_rng(0)
    inputs = [
        noise.standard_normal((1, 3, each.kept.config.r, each.kept.config.r), np.float32)
        for each in everyone
    ]
    seconds = np.empty((rounds, len(everyone)))
    for row in range(-1, rounds):  # the round before the first is the warm-up
        for column, (each, x) in enumerate(zip(everyone, inputs, strict=True)):
            start = clock()
            each.run(x)
            if row >= 0:
                seconds[row, column] = clock() - start
    median = np.median(seconds, axis=0)
    spread = 1.4826 * np.median(np.abs(seconds - median), axis=0)
    for each, m, s in zip(everyone, median, spread, strict=True):
        yield Measurement(each.kept.subnet_id, threads, float(m), float(s))
