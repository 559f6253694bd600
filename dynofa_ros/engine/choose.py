"""Choose an engine: the one that is named, or the fastest that works on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from dynofa_ros.engine.engine import Engine, EngineError, Place, Runner
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.onnxruntime_engine import OnnxRuntimeEngine
from dynofa_ros.engine.openvino_engine import OpenVinoEngine
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
        raise ValueError(f'engine is {name!r}; allowed: {", ".join((AUTO, *ENGINES))}')
    return ENGINES[name]()


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
    engines: dict[str, Engine] = {}
    runners: dict[str, Runner] = {}
    unusable = []
    for each in ENGINES:
        try:
            engine = create_engine(each)
            place = Place(engine.processors[0], threads)
            runners[each] = engine.compile(dearest, place)
            engines[each] = engine
        except EngineError as error:
            unusable.append(str(error))
    if not engines:
        raise EngineError(f'no engine works here: {"; ".join(unusable)}')
    seconds = _time_in_turns(runners, dearest, clock)
    fastest = min(seconds, key=lambda each: seconds[each])
    took = ', '.join(
        f'{each} {seconds[each] * 1e3:.2f} ms on {engines[each].processors[0]}'
        for each in sorted(seconds, key=lambda each: seconds[each])
    )
    reason = f'fastest for {dearest.kept.subnet_id}, threads: {threads}: {took}'
    return Chosen(engines[fastest], '; '.join((reason, *unusable)))


def _time_in_turns(
    runners: dict[str, Runner], network: Network, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds of each, after a warm-up."""
    image = np.zeros(network.shape, np.float32)
    seconds: dict[str, list[float]] = {each: [] for each in runners}
    for turn in range(-1, ROUNDS):
        for each, run in runners.items():
            start = clock()
            run(image)
            if turn >= 0:
                seconds[each].append(clock() - start)
    return {each: median(values) for each, values in seconds.items()}
