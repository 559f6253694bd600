"""What a calibration runs: real sub-networks of a model, by the engine that is fastest here."""

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
"""Frames by which the engine is chosen."""


@dataclass(frozen=True)
class Task:
    """A sub-network, ready to run on a number of threads."""

    subnet_id: str
    flops: int
    layers: int
    threads: int
    run: Callable[[], object]
    """One frame."""


class Workload(Protocol):
    """Sub-networks of one model."""

    @property
    def name(self) -> str:
        """What runs, in words."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of processors that it can run on: cpu, gpu."""
        ...

    def on(self, kind: str, cores: tuple[int, ...]) -> AbstractContextManager[tuple[Task, ...]]:
        """Return the tasks for a processor, those of the fewest threads first.

        `cores`: that the CPU threads may use. Raises ValueError if nothing runs there.
        """
        ...


class EngineWorkload:
    """Three sub-networks of a model: the cheapest, the dearest, and one between."""

    def __init__(self, model: str, engine: str = 'auto') -> None:
        """Load the model; what runs is compiled when it is known where.

        Raises:
            ValueError: for a model or an engine that there is not.
        """
        loaded = load_model(model, quantized=False)
        self._engines, self._unable = open_engines([engine])
        everyone = sorted(networks(loaded, default_cache()), key=lambda each: each.kept.flops)
        self._networks = _spread(everyone)
        self._used: dict[str, str] = {}
        self._model = loaded.name

    @property
    def name(self) -> str:
        """The model, and on each processor that was used the engine."""
        used = ', '.join(f'{engine} on {kind}' for kind, engine in self._used.items())
        return f'{self._model}, {used}' if used else self._model

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that any of the engines can use."""
        return tuple({kind: None for each in self._engines for kind in each.processors})

    @contextmanager
    def on(self, kind: str, cores: tuple[int, ...]) -> Iterator[tuple[Task, ...]]:
        """Compile the sub-networks; threads that the engine makes meanwhile stay on `cores`.

        On the CPU each runs on one thread and on all.

        Raises:
            ValueError: if no engine runs them there, saying why.
        """
        before = os.sched_getaffinity(0)
        if kind == CPU:
            os.sched_setaffinity(0, cores)
        try:
            most = len(cores) if kind == CPU else 1
            engine = self._fastest(kind, most)
            self._used[kind] = f'{engine.name} {engine.version}'
            wanted = [(engine, Place(kind, count)) for count in sorted({1, most})]
            blocks, unable = compile_blocks(wanted, self._networks)
            if len(blocks) < len(wanted):
                raise ValueError(f'{engine.name} on {kind}: {"; ".join(unable)}')
            yield tuple(task for block in blocks for task in _tasks(block))
        finally:
            os.sched_setaffinity(0, before)

    def _fastest(self, kind: str, threads: int) -> Engine:
        """Return the engine on which the dearest sub-network is fastest."""
        wanted = [(each, Place(kind, threads)) for each in self._engines if kind in each.processors]
        if len(wanted) == 1:
            return wanted[0][0]  # compile_blocks says what it cannot run
        blocks, unable = compile_blocks(wanted, [self._networks[-1]])
        if not blocks:
            reasons = '; '.join([*unable, *self._unable])
            raise ValueError(f'processor is {kind!r}; no engine runs there: {reasons}')
        measured = measure_blocks(blocks, rounds=ROUNDS)
        latencies_s = [each[0].latency_s for each in measured]
        return blocks[latencies_s.index(min(latencies_s))].engine


def _spread(everyone: Sequence[Network]) -> tuple[Network, ...]:
    """Return the ends and the one whose operations per layer are nearest to their middle."""
    if len(everyone) < 3:
        return tuple(everyone)
    low, high = (each.kept.flops / each.kept.layers for each in (everyone[0], everyone[-1]))
    middle = min(
        everyone[1:-1], key=lambda each: abs(each.kept.flops / each.kept.layers - (low + high) / 2)
    )
    return (everyone[0], middle, everyone[-1])


def _tasks(block: Block) -> Iterator[Task]:
    noise = np.random.default_rng(0)
    for each in block.residents:
        side = each.kept.config.r
        image = noise.standard_normal((1, 3, side, side), np.float32)
        yield Task(
            subnet_id=each.kept.subnet_id,
            flops=each.kept.flops,
            layers=each.kept.layers,
            threads=block.place.threads,
            run=partial(each.run, image),
        )
