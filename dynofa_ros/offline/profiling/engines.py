# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measure each sub-network with each engine and number of threads, interleaved.

In one process the thread pools of engines disturb each other: the first frame after one of another
engine takes up to 50 % longer (measured: 1.4 ms for 0.9 ms, and 1.7 ms for 1.2 ms); the second is
within 10 % of its usual time. The sub-networks of one engine in one place therefore form a block,
which starts with an untimed frame. Every round runs all blocks, so that drift affects them alike.
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
from dynofa_ros.offline.console import Report
from dynofa_ros.platform.energy_meter import EnergyMeter, energy_above_idle_j, idle_power_w


@dataclass(frozen=True, eq=False)
class Block:
    """The sub-networks that one engine runs in one place."""

    engine: Engine
    place: Place
    residents: tuple[ResidentSubnet, ...]


def open_engines(names: Sequence[str]) -> tuple[list[Engine], list[str]]:
    """Return the named engines; for ``auto`` all installed ones and why others are unavailable.

    Raises:
        ValueError: for an unknown name, or ``auto`` together with others.
        EngineError: for a named engine that is not installed.
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
    """Compile and warm up all networks; return the blocks, and why networks are missing.

    ``report`` receives the number of sub-networks compiled or rejected.
    """
    blocks: list[Block] = []
    reasons: dict[str, None] = {}  # unique, in order
    done = 0
    for engine, place in wanted:
        loaded = ResidentSet(networks, engine)
        residents = []
        for network in networks:
            try:
                residents.append(loaded.load(network.kept.subnet_id, place))
            except EngineError as error:
                reasons[str(error)] = None
            done += 1
            report(done, f'{engine.name}, {place.processor}, threads: {place.threads}')
        if residents:
            blocks.append(Block(engine, place, tuple(residents)))
    return blocks, list(reasons)


def measure_blocks(
    blocks: Sequence[Block],
    *,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], object] = lambda done: None,
) -> list[tuple[Measurement, ...]]:
    """Return the measurements of each block; ``progress`` receives the number of rounds done.

    Raises:
        ValueError: if ``rounds`` is below 3.
    """
    order = [each for block in blocks for each in (block.residents[0], *block.residents)]
    measured = iter(measure(order, rounds=rounds, clock=clock, progress=progress))
    return [tuple(islice(measured, 1 + len(block.residents)))[1:] for block in blocks]


def measure_energy(
    blocks: Sequence[Block],
    meter: EnergyMeter,
    report: Report,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> list[dict[tuple[str, Place], float]]:
    """Return for each block the energy above idle of one frame of its sub-networks [J].

    Measured apart from latency, because one frame is too short for the counters. Sub-networks that
    do not run on the CPU are left out: the meter does not cover them.

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
