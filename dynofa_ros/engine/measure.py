# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measure the latency of resident sub-networks on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dynofa_ros.engine.engine import CPU, Engine, Place
from dynofa_ros.engine.resident_set import ResidentSubnet

MIN_ROUNDS = 3
"""Fewest rounds with a median and a spread."""


@dataclass(frozen=True)
class Measurement:
    """Inference latency of one sub-network, without pre- and postprocessing."""

    subnet_id: str
    processor: str
    threads: int
    precision: str
    latency_s: float
    """Median."""
    latency_std_s: float
    """1.4826 x median absolute deviation: the standard deviation of a normal distribution."""
    latency_p95_s: float
    """95th percentile."""
    memory_bytes: int


def thread_counts(most: int) -> tuple[int, ...]:
    """Return the thread counts to measure: 1, 2, 4 ... and ``most``.

    A small network is often fastest on one thread, especially on a busy machine.
    """
    powers = [1 << i for i in range(most.bit_length())]
    return tuple(sorted({count for count in powers if count < most} | {most}))


def places(engine: Engine, threads: Iterable[int]) -> list[Place]:
    """Return the places to measure for an engine; thread counts apply only to the CPU."""
    accelerators = [Place(each, 1) for each in engine.processors if each != CPU]
    return [*accelerators, *(Place(CPU, each) for each in threads if CPU in engine.processors)]


class Timed(Protocol):
    """A latency on a number of CPU threads: a `Measurement`, or an operating point."""

    @property
    def threads(self) -> int: ...  # noqa: D102
    @property
    def latency_s(self) -> float: ...  # noqa: D102


def fastest_threads(measurements: Iterable[Timed]) -> int:
    """Return the thread count with the least total latency of all sub-networks."""
    total_s: dict[int, float] = {}
    for each in measurements:
        total_s[each.threads] = total_s.get(each.threads, 0.0) + each.latency_s
    return min(total_s, key=lambda threads: total_s[threads])


def measure(
    residents: Sequence[ResidentSubnet],
    *,
    rounds: int = 15,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], object] = lambda done: None,
) -> tuple[Measurement, ...]:
    """Time every resident ``rounds`` times, after a warm-up.

    They are timed in turn, so that a drift of the machine affects all of them alike.
    ``progress`` receives the number of completed rounds.

    Raises:
        ValueError: if ``rounds`` is below 3.
    """
    if rounds < MIN_ROUNDS:
        raise ValueError(f'rounds is {rounds}; expected at least {MIN_ROUNDS}')
    noise = np.random.default_rng(0)
    inputs = [
        noise.standard_normal((1, 3, each.kept.config.r, each.kept.config.r), np.float32)
        for each in residents
    ]
    seconds = np.empty((rounds, len(residents)))
    for row in range(-1, rounds):  # the round before the first is the warm-up
        for column, (each, x) in enumerate(zip(residents, inputs, strict=True)):
            start = clock()
            each.run(x)
            if row >= 0:
                seconds[row, column] = clock() - start
        progress(row + 1)
    return tuple(_measurement(each, seconds[:, column]) for column, each in enumerate(residents))


def _measurement(resident: ResidentSubnet, seconds: npt.NDArray[np.float64]) -> Measurement:
    median_s = float(np.median(seconds))
    return Measurement(
        subnet_id=resident.kept.subnet_id,
        processor=resident.place.processor,
        threads=resident.place.threads,
        precision=resident.precision,
        latency_s=median_s,
        latency_std_s=1.4826 * float(np.median(np.abs(seconds - median_s))),
        latency_p95_s=float(np.quantile(seconds, 0.95)),
        memory_bytes=resident.memory_bytes,
    )
