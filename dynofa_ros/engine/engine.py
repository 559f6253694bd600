# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Interface of an engine: it compiles a sub-network for a processor and runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Input

CPU, GPU = 'cpu', 'gpu'
"""The processors that an engine can have on this machine."""


class EngineError(ValueError):
    """An engine is not installed or cannot run a sub-network."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a sub-network runs: processor and number of CPU threads."""

    processor: str
    threads: int


class Runner(Protocol):
    """One compiled sub-network: (1, 3, r, r) float32 to logits, (classes,) float32."""

    def __call__(self, x: Input) -> Input:
        """Run one image; the result is valid until the next call."""
        ...


class Engine(Protocol):
    """Compiles and runs sub-networks."""

    name: str
    """torch, openvino or onnxruntime."""
    version: str
    """Version of the library."""
    processors: tuple[str, ...]
    """Usable processors, fastest kind first."""

    def precision(self, network: Network, processor: str) -> str:
        """Return the precision in which a sub-network would run: float32, float16 or int8.

        Raises:
            EngineError: if the engine cannot run it.
        """
        ...

    def compile(self, network: Network, place: Place) -> Runner:
        """Compile a sub-network.

        Raises:
            EngineError: if the engine cannot run it on this processor.
        """
        ...


def check_processor(engine: Engine, place: Place) -> None:
    """Raise EngineError if the engine cannot use the processor on this machine."""
    if place.processor not in engine.processors:
        raise EngineError(
            f'processor of {engine.name} is {place.processor!r}; '
            f'expected {", ".join(engine.processors)}'
        )
