"""Choose an engine: the one that is named, or the fastest that works on this machine."""

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
    """An engine, and why it was chosen, in words."""

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
    """Return the engines that are installed, and why the others are not to be had."""
    engines, reasons = [], []
    for name in ENGINES:
        try:
            engines.append(create_engine(name))
        except EngineError as error:
            reasons.append(str(error))
    return engines, reasons


def choose_engine(
    name: str,
    networks: Sequence[Network],
    *,
    threads: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Chosen:
    """Return the engine of this name; for ``auto`` time the dearest sub-network on each.

    Each engine runs it on the processor it puts first. Engines take turns, so that drift of the
    machine hits all alike.

    Raises:
        ValueError: for an unknown name.
        EngineError: if the engine, or with ``auto`` every engine, cannot be used; it says why.
    """
    if name != AUTO:
        return Chosen(create_engine(name), 'chosen by parameter')
    dearest = max(
        (each for each in networks if each.kept.precision == 'float32'),
        key=lambda each: each.kept.flops,
    )
    engines, unusable = installed_engines()
    residents: dict[str, ResidentSubnet] = {}
    for engine in engines:
        place = places(engine, [threads])[0]
        try:
            everyone = ResidentSet([dearest], engine)
            residents[engine.name] = everyone.load(dearest.kept.subnet_id, place)
        except EngineError as error:
            unusable.append(str(error))
    if not residents:
        raise EngineError(f'no engine works here: {"; ".join(unusable)}')
    taken = measure(tuple(residents.values()), rounds=ROUNDS, clock=clock)
    ranked = sorted(zip(residents, taken, strict=True), key=lambda each: each[1].latency_s)
    took = ', '.join(
        f'{name} {each.latency_s * 1e3:.2f} ms on {each.processor}' for name, each in ranked
    )
    reason = f'fastest for {dearest.kept.subnet_id}, threads: {threads}: {took}'
    fastest = next(each for each in engines if each.name == ranked[0][0])
    return Chosen(fastest, '; '.join((reason, *unusable)))
