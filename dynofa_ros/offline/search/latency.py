# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Latency of sub-networks on this machine: measured, and a model that ranks the others.

The paper sums a table of layer latencies and finds half of the measured network latency. This model
is fitted to whole networks instead. It still only ranks: the best sub-networks are measured again.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from dynofa_ros.offline.evaluation.selection import Candidate
from dynofa_ros.offline.profiling.engines import compile_blocks, measure_blocks
from dynofa_ros.offline.search.features import SubnetFeatures
from dynofa_ros.offline.search.gaussian_process import GaussianProcess
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import Model
from dynofa_ros.supernet.search_space import SearchSpace
from dynofa_ros.supernet.supernet import Supernet


class SubnetLatencyModel:
    """Gaussian process on log latency, so that the contributions of choices multiply."""

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
            raise ValueError(f'latency_s holds {wrong[0]}; expected a finite number above 0')
        self._features = SubnetFeatures(space)
        log_latency = np.log(np.array(latency_s, np.float64))
        self._process = GaussianProcess.fit(
            self._features(configs), log_latency, self._features.groups
        )

    def __call__(self, configs: Sequence[SubnetConfig]) -> npt.NDArray[np.float64]:
        """Return the predicted latency of each sub-network [s], (N,)."""
        log_latency, _ = self._process.predict(self._features(configs))
        return np.exp(log_latency)


def choose_timing_engine(name: str, net: Supernet, *, threads: int) -> Chosen:
    """Return the engine to time with; ``auto`` is the fastest for the largest sub-network.

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
    """Time sub-networks in turns on the engine's first processor.

    Returns the measurements of each sub-network, one per number of threads on a CPU and a single
    one otherwise; their ``subnet_id`` is the config's digest.

    Raises:
        EngineError: if the engine cannot run one of them.
    """
    where = [each for each in places(engine, threads) if each.processor == engine.processors[0]]
    with TemporaryDirectory() as folder:  # a cache, so that each network is exported only once
        timed = _networks(net, configs, CompiledCache(Path(folder)))
        blocks, failures = compile_blocks([(engine, place) for place in where], timed)
        if failures:
            raise EngineError('; '.join(failures))
        measured = measure_blocks(blocks, rounds=rounds)
    return [list(of_subnet) for of_subnet in zip(*measured, strict=True)]


def _networks(
    net: Supernet, configs: Sequence[SubnetConfig], cache: CompiledCache
) -> tuple[Network, ...]:
    """Return sub-networks for timing, in the order given; their accuracies are placeholders."""
    records = [
        Candidate.of(net, config, 0.0).record(config.digest(), accuracy=0.0) for config in configs
    ]
    return networks(Model('timed', net, (), tuple(records)), cache)


def fastest_latency_s(measured: Sequence[Sequence[Measurement]]) -> list[float]:
    """Return each sub-network's latency [s] at the number of threads that is fastest overall."""
    threads = fastest_threads(each for points in measured for each in points)
    return [next(e.latency_s for e in points if e.threads == threads) for points in measured]
