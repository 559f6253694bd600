# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Choose an engine: the named one, or the fastest that works on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dynofa_ros.engine.engine import Engine, EngineError
from dynofa_ros.engine.measure import measure, places
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.onnxruntime_engine import OnnxRuntimeEngine
from dynofa_ros.engine.openvino_engine import OpenVinoEngine
from dynofa_ros.engine.resident_set import ResidentSet, ResidentSubnet
from dynofa_ros.engine.torch_engine import TorchEngine

AUTO = 'auto'
ENGINES: dict[str, Callable[[], Engine]] = {
    'openvino': OpenVinoEngine,
    'onnxruntime': OnnxRuntimeEngine,
    'torch': TorchEngine,
}
ROUNDS = 9


@dataclass(frozen=True)
class Chosen:
    """An engine and the reason for choosing it."""

    engine: Engine
    reason: str


def create_engine(name: str) -> Engine:
    """Return an engine by name.

    Raises:
        ValueError: for an unknown name, listing the known ones.
        EngineError: if it is not installed.
    """
    if name not in ENGINES:
        raise ValueError(f'engine is {name!r}; expected {", ".join((AUTO, *ENGINES))}')
    return ENGINES[name]()


def installed_engines() -> tuple[list[Engine], list[str]]:
    """Return the installed engines, and the errors of the others."""
    engines, errors = [], []
    for name in ENGINES:
        try:
            engines.append(create_engine(name))
        except EngineError as error:
            errors.append(str(error))
    return engines, errors


def choose_engine(
    name: str,
    networks: Sequence[Network],
    *,
    threads: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Chosen:
    """Return the engine of this name, or with ``auto`` the fastest for the largest sub-network.

    Each engine runs on its preferred processor. Engines are timed in turn, so that a drift of the
    machine affects all of them alike.

    Raises:
        ValueError: for an unknown name.
        EngineError: if the engine, or with ``auto`` every engine, cannot be used.
    """
    if name != AUTO:
        return Chosen(create_engine(name), 'chosen by parameter')
    largest = max(
        (each for each in networks if each.kept.precision == 'float32'),
        key=lambda each: each.kept.flops,
    )
    subnet_id = largest.kept.subnet_id
    engines, errors = installed_engines()
    residents: list[tuple[Engine, ResidentSubnet]] = []
    for engine in engines:
        place = places(engine, [threads])[0]
        try:
            residents.append((engine, ResidentSet([largest], engine).load(subnet_id, place)))
        except EngineError as error:
            errors.append(str(error))
    if not residents:
        raise EngineError(f'no engine works here: {"; ".join(errors)}')
    measured = measure([each for _, each in residents], rounds=ROUNDS, clock=clock)
    ranked = sorted(
        ((engine, timing) for (engine, _), timing in zip(residents, measured, strict=True)),
        key=lambda each: each[1].latency_s,
    )
    timings = ', '.join(
        f'{engine.name} {each.latency_s * 1e3:.2f} ms on {each.processor}'
        for engine, each in ranked
    )
    reason = f'fastest for {subnet_id}, threads: {threads}: {timings}'
    return Chosen(ranked[0][0], '; '.join((reason, *errors)))
