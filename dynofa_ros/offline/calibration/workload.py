# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The workload of a calibration: sub-networks of a model, run by the fastest engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from dynofa_ros.engine import CPU, Engine, Network, Place, default_cache, networks
from dynofa_ros.offline.profiling.engines import Block, compile_blocks, measure_blocks, open_engines
from dynofa_ros.supernet.model import load_model

ROUNDS = 5
"""Timed frames per engine to choose the fastest."""


@dataclass(frozen=True)
class Task:
    """A compiled sub-network on a number of threads."""

    subnet_id: str
    flops: int
    layers: int
    threads: int
    run: Callable[[], object]
    """Runs one frame."""


class Workload(Protocol):
    """Sub-networks of one model."""

    @property
    def name(self) -> str:
        """Description of the workload."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of processors it can run on: cpu, gpu."""
        ...

    def on(self, kind: str, cores: tuple[int, ...]) -> AbstractContextManager[tuple[Task, ...]]:
        """Return the tasks for a processor, those with the fewest threads first.

        `cores`: cores for the CPU threads. Raises ValueError if nothing runs there.
        """
        ...


class EngineWorkload:
    """Three sub-networks of a model: the smallest, the largest, and one between."""

    def __init__(self, model: str, engine: str = 'auto') -> None:
        """Load the model; it is compiled once the processor is known.

        Raises:
            ValueError: for an unknown model or engine.
        """
        loaded = load_model(model, quantized=False)
        self._engines, self._unavailable = open_engines([engine])
        self._networks = _spread(
            sorted(networks(loaded, default_cache()), key=lambda each: each.kept.flops)
        )
        self._used: dict[str, str] = {}
        self._model = loaded.name

    @property
    def name(self) -> str:
        """The model, and the engine on each processor used so far."""
        used = ', '.join(f'{engine} on {kind}' for kind, engine in self._used.items())
        return f'{self._model}, {used}' if used else self._model

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of processors that any of the engines supports."""
        return tuple({kind: None for each in self._engines for kind in each.processors})

    @contextmanager
    def on(self, kind: str, cores: tuple[int, ...]) -> Iterator[tuple[Task, ...]]:
        """Compile the sub-networks; threads that the engine starts in this context use `cores`.

        On the CPU each runs on one thread and on all.

        Raises:
            ValueError: if no engine runs them there, with the reasons.
        """
        before = os.sched_getaffinity(0)
        if kind == CPU:
            os.sched_setaffinity(0, cores)
        try:
            threads = len(cores) if kind == CPU else 1
            engine = self._fastest(kind, threads)
            self._used[kind] = f'{engine.name} {engine.version}'
            wanted = [(engine, Place(kind, count)) for count in sorted({1, threads})]
            blocks, reasons = compile_blocks(wanted, self._networks)
            if len(blocks) < len(wanted):
                raise ValueError(f'{engine.name} on {kind}: {"; ".join(reasons)}')
            yield tuple(task for block in blocks for task in _tasks(block))
        finally:
            os.sched_setaffinity(0, before)

    def _fastest(self, kind: str, threads: int) -> Engine:
        """Return the engine that runs the largest sub-network fastest."""
        wanted = [(each, Place(kind, threads)) for each in self._engines if kind in each.processors]
        if len(wanted) == 1:
            return wanted[0][0]  # `on` reports what it cannot run
        blocks, reasons = compile_blocks(wanted, [self._networks[-1]])
        if not blocks:
            raise ValueError(
                f'processor is {kind!r}; no engine runs there: '
                f'{"; ".join([*reasons, *self._unavailable])}'
            )
        latencies_s = [each[0].latency_s for each in measure_blocks(blocks, rounds=ROUNDS)]
        return blocks[latencies_s.index(min(latencies_s))].engine


def _spread(ascending: Sequence[Network]) -> tuple[Network, ...]:
    """Return both ends, and the network closest to their mean in operations per layer."""
    if len(ascending) < 3:
        return tuple(ascending)
    first, *between, last = ascending
    middle = min(between, key=lambda each: abs(_ratio(each) - (_ratio(first) + _ratio(last)) / 2))
    return (first, middle, last)


def _ratio(network: Network) -> float:
    return network.kept.flops / network.kept.layers


def _tasks(block: Block) -> Iterator[Task]:
    rng = np.random.default_rng(0)
    for each in block.residents:
        side = each.kept.config.r
        image = rng.standard_normal((1, 3, side, side), np.float32)
        yield Task(
            subnet_id=each.kept.subnet_id,
            flops=each.kept.flops,
            layers=each.kept.layers,
            threads=block.place.threads,
            run=partial(each.run, image),
        )
