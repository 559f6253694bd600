"""How long sub-networks take on this machine: measured, and a model that ranks the others.

The paper adds up a table of layers and finds the sum to be half of what a network takes. Here the
model is fitted to whole networks, measured; all the same it only ranks, and what it ranks first
is measured again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from dynofa_ros.engine import (
    Chosen,
    CompiledCache,
    Engine,
    EngineError,
    Measurement,
    Network,
    choose_engine,
    networks,
)
from dynofa_ros.engine.measure import fastest_threads, places
from dynofa_ros.offline.profiling.engines import compile_blocks, measure_blocks
from dynofa_ros.offline.search.features import SubnetFeatures
from dynofa_ros.offline.search.gaussian_process import GaussianProcess
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.model import Model, SubnetRecord
from dynofa_ros.supernet.search_space import SearchSpace
from dynofa_ros.supernet.supernet import Supernet


class SubnetLatencyModel:
    """Latency as a product of what each choice contributes, and of what choices do together."""

    def __init__(
        self, space: SearchSpace, configs: Sequence[SubnetConfig], latency_s: Sequence[float]
    ) -> None:
        """Fit measured sub-networks.

        Raises:
            ValueError: for fewer than two sub-networks, or a latency that is not above 0.
        """
        if len(configs) < 2 or len(configs) != len(latency_s):
            raise ValueError(
                f'{len(configs)} sub-networks with {len(latency_s)} latencies; '
                'expected as many of each, 2 or more'
            )
        if wrong := [seconds for seconds in latency_s if not 0 < seconds < np.inf]:
            raise ValueError(f'latency_s holds {wrong[0]}; it must be above 0 and finite')
        self._features = SubnetFeatures(space)
        logarithms = np.log(np.array(latency_s, np.float64))
        self._process = GaussianProcess.fit(
            self._features(configs), logarithms, self._features.groups
        )

    def __call__(self, configs: Sequence[SubnetConfig]) -> npt.NDArray[np.float64]:
        """Return the latency that each is ranked by [s], (N,)."""
        logarithm, _ = self._process.predict(self._features(configs))
        return np.exp(logarithm)


def choose_timing_engine(name: str, net: Supernet, *, threads: int) -> Chosen:
    """Return the engine to time with; for ``auto`` the fastest here for the largest sub-network.

    Raises:
        ValueError: for an unknown name.
        EngineError: if the engine, or with ``auto`` every engine, cannot be used.
    """
    largest = _networks(net, [net.space.max_config()], CompiledCache(None))
    return choose_engine(name, largest, threads=threads)


def measure_latency(
    engine: Engine,
    net: Supernet,
    configs: Sequence[SubnetConfig],
    *,
    threads: Sequence[int],
    rounds: int,
) -> list[list[Measurement]]:
    """Time sub-networks in turns on the processor that the engine puts first.

    Returns for each its measurements, one for each number of threads (one, where it is no CPU);
    their ``subnet_id`` is the config's digest.

    Raises:
        EngineError: if the engine cannot run one of them.
    """
    where = [each for each in places(engine, threads) if each.processor == engine.processors[0]]
    with TemporaryDirectory() as folder:  # so that each is exported once for all of them
        timed = _networks(net, configs, CompiledCache(Path(folder)))
        blocks, unable = compile_blocks([(engine, place) for place in where], timed)
        if unable:
            raise EngineError('; '.join(unable))
        taken = measure_blocks(blocks, rounds=rounds)
    return [list(of_one) for of_one in zip(*taken, strict=True)]


def _networks(
    net: Supernet, configs: Sequence[SubnetConfig], cache: CompiledCache
) -> tuple[Network, ...]:
    """Return sub-networks to time, in the order given."""
    kept = []
    for config in configs:
        counted = cost(net.extract_subnet(config), config.r)
        accuracy = 0.0  # not looked at: only the timing of these is
        kept.append(SubnetRecord(config.digest(), config, accuracy, **asdict(counted)))
    return networks(Model('timed', net, (), tuple(kept)), cache)


def fastest_latency_s(measured: Sequence[Sequence[Measurement]]) -> list[float]:
    """Return each sub-network's latency [s] with the threads with which all are fastest."""
    threads = fastest_threads(each for points in measured for each in points)
    return [next(e.latency_s for e in points if e.threads == threads) for points in measured]


def named(measured: Sequence[Measurement], subnet_id: str) -> list[Measurement]:
    """Return measurements under the name of a kept sub-network."""
    return [replace(each, subnet_id=subnet_id) for each in measured]


def available_threads(wanted: int) -> int:
    """Return the number of threads to use at most; 0 stands for one for each core.

    Raises:
        ValueError: if it is below 0.
    """
    if wanted < 0:
        raise ValueError(f'threads is {wanted}; it must be 0 (one for each core) or above')
    return wanted or len(os.sched_getaffinity(0))
