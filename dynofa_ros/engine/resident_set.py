"""Every kept sub-network, compiled and warm, so that a switch is a look-up between two frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import nn

from dynofa_ros.engine.preprocess import Input, Preprocessor
from dynofa_ros.supernet.model import KeptSubnet, Model


class Runner(Protocol):
    """One compiled sub-network: (1, 3, r, r) float32 to logits, (classes,) float32."""

    def __call__(self, x: Input) -> Input:
        """Run one image."""
        ...


class Engine(Protocol):
    """Compiles extracted sub-networks and runs them."""

    name: str

    def compile(self, static: nn.Module) -> Runner:
        """Make an extracted sub-network ready to run."""
        ...

    def set_threads(self, threads: int) -> None:
        """Use this many CPU threads from now on."""
        ...


@dataclass(frozen=True)
class Resident:
    """A kept sub-network with what it takes to run it on a camera image."""

    kept: KeptSubnet
    preprocess: Preprocessor
    run: Runner


class ResidentSet:
    """The compiled sub-networks of one model on one engine, by name, cheapest first."""

    def __init__(self, model: Model, engine: Engine) -> None:
        self._residents: dict[str, Resident] = {}
        spec = model.net.spec
        for kept in model.kept:
            run = engine.compile(model.net.extract_subnet(kept.config))
            preprocess = Preprocessor(kept.config.r, spec.mean, spec.std)
            run(np.zeros((1, 3, kept.config.r, kept.config.r), np.float32))
            self._residents[kept.subnet_id] = Resident(kept, preprocess, run)

    def __iter__(self) -> Iterator[Resident]:
        return iter(self._residents.values())

    def __len__(self) -> int:
        return len(self._residents)

    def __getitem__(self, subnet_id: str) -> Resident:
        """Return a sub-network by name.

        Raises:
            ValueError: if it is not resident, listing those that are.
        """
        try:
            return self._residents[subnet_id]
        except KeyError:
            known = ', '.join(self._residents)
            raise ValueError(f'sub-network is {subnet_id!r}; resident: {known}') from None
