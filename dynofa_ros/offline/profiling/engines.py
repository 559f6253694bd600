"""Measure each sub-network with each engine and number of threads, all of them in turns.

In one process the thread pools of engines get into each other's way: the first frame after one of
another engine takes up to half as long again (measured: 1.4 ms for 0.9 ms, and 1.7 ms for 1.2 ms),
the second is as fast as alone within 10 %. So the sub-networks of one engine in one place make a
block, which starts with a frame that does not count. Every round runs all blocks, so that drift of
the machine hits all of them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from dynofa_ros.engine import (
    AUTO,
    CPU,
    Engine,
    EngineError,
    Measurement,
    Network,
    Place,
    ResidentSet,
    ResidentSubnet,
    create_engine,
    measure,
)
from dynofa_ros.engine.choose import installed_engines
from dynofa_ros.offline.progress_report import Report
from dynofa_ros.platform.energy_meter import EnergyMeter, energy_above_idle_j, idle_power_w


@dataclass(frozen=True, eq=False)
class Block:
    """What one engine runs in one place."""

    engine: Engine
    place: Place
    residents: tuple[ResidentSubnet, ...]


def open_engines(names: Sequence[str]) -> tuple[list[Engine], list[str]]:
    """Return the engines of these names, and for ``auto`` why others cannot be used.

    Raises:
        ValueError: for an unknown name, or ``auto`` beside others.
        EngineError: for an engine that is named and not installed.
    """
    if AUTO not in names:
        return [create_engine(name) for name in dict.fromkeys(names)], []
    if set(names) != {AUTO}:
        raise ValueError(f'engines is {" ".join(names)}; expected auto alone, or names')
    return installed_engines()


def compile_blocks(
    wanted: Iterable[tuple[Engine, Place]],
    networks: Sequence[Network],
    report: Report = lambda done, text='': None,
) -> tuple[list[Block], list[str]]:
    """Compile and warm up everything; return also why some of it cannot run.

    ``report`` hears how many sub-networks are compiled, or refused.
    """
    blocks: list[Block] = []
    unable: dict[str, None] = {}  # each reason once, in order
    done = 0
    for engine, place in wanted:
        everyone = ResidentSet(networks, engine)
        residents = []
        for network in networks:
            try:
                residents.append(everyone.load(network.kept.subnet_id, place))
            except EngineError as error:
                unable[str(error)] = None
            done += 1
            report(done, f'{engine.name}, {place.processor}, threads: {place.threads}')
        if residents:
            blocks.append(Block(engine, place, tuple(residents)))
    return blocks, list(unable)


def measure_blocks(
    blocks: Sequence[Block],
    *,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], object] = lambda done: None,
) -> list[tuple[Measurement, ...]]:
    """Return the measurements of each block; ``progress`` hears of every round that is done.

    Raises:
        ValueError: if ``rounds`` is below 3.
    """
    in_turn = [each for block in blocks for each in (block.residents[0], *block.residents)]
    taken = iter(measure(in_turn, rounds=rounds, clock=clock, progress=progress))
    return [tuple(islice(taken, 1 + len(block.residents)))[1:] for block in blocks]


def measure_energy(
    blocks: Sequence[Block],
    meter: EnergyMeter,
    report: Report,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> list[dict[tuple[str, Place], float]]:
    """Return for each block what one frame of its sub-networks takes above idle [J].

    Apart from the timing, because one frame is too short for the counters. What runs elsewhere
    than on the CPU is left out: the meter does not see it.

    Raises:
        EnergyUnavailable: if a counter can no longer be read.
    """
    idle_w = idle_power_w(meter, clock=clock, sleep=sleep)
    energies: list[dict[tuple[str, Place], float]] = []
    done = 0
    for block in blocks:
        energies.append({})
        for each in block.residents if block.place.processor == CPU else ():
            side = each.kept.config.r
            frame = partial(each.run, np.zeros((1, 3, side, side), np.float32))
            energies[-1][each.key] = energy_above_idle_j(meter, frame, idle_w=idle_w, clock=clock)
            done += 1
            report(done, each.kept.subnet_id)
    return energies
