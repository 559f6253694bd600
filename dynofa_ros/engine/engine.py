"""What an engine is: it compiles a sub-network for a place, and runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Input

CPU, GPU = 'cpu', 'gpu'
"""The processors that an engine may have on this machine."""


class EngineError(ValueError):
    """An engine that is not installed, or cannot run a sub-network; the text says why."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a sub-network runs: a processor of this machine, and how many CPU threads."""

    processor: str
    threads: int


class Runner(Protocol):
    """One compiled sub-network: (1, 3, r, r) float32 to logits, (classes,) float32."""

    def __call__(self, x: Input) -> Input:
        """Run one image; the result is valid until the next call."""
        ...


class Engine(Protocol):
    """Compiles sub-networks and runs them."""

    name: str
    """torch, openvino or onnxruntime."""
    version: str
    """Of the library, and what else makes compiled sub-networks different."""
    processors: tuple[str, ...]
    """Those that it can use here, fastest kind first."""

    def precision(self, network: Network, processor: str) -> str:
        """Return what a sub-network would be computed in: float32, float16 or int8.

        Raises:
            EngineError: if the engine cannot run it, saying why.
        """
        ...

    def compile(self, network: Network, place: Place) -> Runner:
        """Make a sub-network ready to run.

        Raises:
            EngineError: if the engine cannot run it there, saying why.
        """
        ...
