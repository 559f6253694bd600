# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Compare engines with the dynamic eager forward pass of one network: logits first, then time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from networks import eager_runner, images
from turns import alternate

from dynofa_ros.engine import CPU, Engine, Network, Place
from dynofa_ros.engine.torch_engine import relative_error

EAGER, PRODUCT = 'eager', 'matrix product'


@dataclass(frozen=True)
class Row:
    """Medians of one network, by engine."""

    network: str
    flops: int
    """2 per multiply-add."""
    eager_s: float
    eager_threads: int
    """One or all: whichever makes eager PyTorch faster. Its many small operations gain little from
    a second thread, and lose if waking a thread takes long."""
    engine_s: Mapping[str, float]
    speedup: Mapping[str, float]
    relative_error: Mapping[str, float]
    """Largest difference of logits from the dynamic network, relative to the largest logit."""
    eager_alone_s: float
    engine_alone_s: float
    """Time of the chosen engine without the other side in between."""


class Comparison:
    """Compares networks one by one; the first engine is the chosen one."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        *,
        threads: int,
        rounds: int,
        block: int,
        images_each: int,
        seed: int,
    ) -> None:
        self._engines, self._place = engines, Place(CPU, threads)
        self._rounds, self._block, self._images_each = rounds, block, images_each
        self._generator = torch.Generator().manual_seed(seed)

    def measure(self, network: Network) -> Row:
        """Compare the logits of a network in every engine, then time it.

        Raises:
            EngineError: if an engine cannot run it.
        """
        calls, errors, eager_threads = self._calls(network)
        seconds = self._medians(calls)
        chosen = next(iter(self._engines))
        alone = {name: self._medians({name: calls[name]})[name] for name in (EAGER, chosen)}
        eager_s = seconds.pop(EAGER)
        return Row(
            network=network.kept.subnet_id,
            flops=network.kept.flops,
            eager_s=eager_s,
            eager_threads=eager_threads,
            engine_s=seconds,
            speedup={name: eager_s / each for name, each in seconds.items()},
            relative_error=errors,
            eager_alone_s=alone[EAGER],
            engine_alone_s=alone[chosen],
        )

    def matrix_product(self, network: Network, side: int) -> dict[str, Any]:
        """Time a float32 matrix product alternately with a network in each engine.

        Returns the rates of both, in operations per second (2 per multiply-add), and their ratio.
        """
        a, b = torch.randn(2, side, side, generator=self._generator)
        calls, _, _ = self._calls(network)
        del calls[EAGER]
        product = partial(torch.mm, a, b, out=torch.empty(side, side))
        calls[PRODUCT] = with_threads(self._place.threads, product)
        seconds = self._medians(calls)
        product_s = seconds.pop(PRODUCT)
        product_rate = 2 * side**3 / product_s
        rates = {name: network.kept.flops / each for name, each in seconds.items()}
        return {
            'side': side,
            'latency_s': product_s,
            'flops_per_s': product_rate,
            'network': network.kept.subnet_id,
            'engine_s': seconds,
            'engine_flops_per_s': rates,
            'share': {name: rate / product_rate for name, rate in rates.items()},
        }

    def _medians(self, calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
        seconds = alternate(calls, rounds=self._rounds, block=self._block)
        return {name: statistics.median(each) for name, each in seconds.items()}

    def _calls(
        self, network: Network
    ) -> tuple[dict[str, Callable[[], object]], dict[str, float], int]:
        """Return the calls to time, each engine's largest relative error, and eager's threads.

        A NaN error stays NaN.
        """
        config = network.kept.config
        eager = eager_runner(network.net, config, CPU)
        made = images(self._images_each, config.r, self._generator).numpy()
        inputs = [made[i : i + 1] for i in range(len(made))]
        at = {
            count: with_threads(count, partial(eager, inputs[0]))
            for count in (1, self._place.threads)
        }
        medians = self._medians({str(count): call for count, call in at.items()})
        best = min(at, key=lambda count: medians[str(count)])
        calls: dict[str, Callable[[], object]] = {EAGER: at[best]}
        errors = {}
        for name, engine in self._engines.items():
            run = engine.compile(network, self._place)
            errors[name] = float(np.max([relative_error(run(x), eager(x)) for x in inputs]))
            calls[name] = partial(run, inputs[0])
        return calls, errors, best


def with_threads(threads: int, call: Callable[[], object]) -> Callable[[], object]:
    """Return a PyTorch function that runs on a number of threads, whatever ran before it."""

    def run() -> object:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        return call()

    return run
