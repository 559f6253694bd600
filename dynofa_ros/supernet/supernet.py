"""What every family of supernets has in common: a space, an active sub-network, statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import (
    BatchNormMode,
    BatchStatistics,
    ElasticBatchNorm,
    Statistics,
    StoredStatistics,
)
from dynofa_ros.supernet.checkpoint import load_weights
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import SearchSpace


class SupernetSpec(Protocol):
    """Sizes of a supernet. ``mean`` and ``std`` normalise RGB in 0..1."""

    @property
    def name(self) -> str:
        """Name under which :func:`~dynofa_ros.supernet.create_supernet` knows it."""

    @property
    def space(self) -> SearchSpace:
        """The sub-networks it holds."""

    @property
    def classes(self) -> int:
        """Length of the logits."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Mean of each channel."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Standard deviation of each channel."""


class Supernet(nn.Module, ABC):
    """One set of weights for many sub-networks. ``net(x)`` runs the active one, first the largest.

    What runs is handed down with each call and never switched in a layer, so threads that run
    two sub-networks of one supernet do not disturb each other.
    """

    def __init__(self, spec: SupernetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.space = spec.space
        self.statistics: dict[SubnetConfig, Statistics] = {}
        self._active = self.space.max_config()

    @abstractmethod
    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""

    @abstractmethod
    def extract_subnet(self, config: SubnetConfig) -> nn.Module:
        """Return a sub-network as a plain network with weights of its own, in evaluation mode.

        Its output equals ``net(x, config)`` in evaluation mode up to float32 rounding.

        Raises:
            SubnetConfigError: if the config is not of the supernet's space.
        """

    @property
    def active_subnet(self) -> SubnetConfig:
        """The sub-network that ``net(x)`` runs."""
        return self._active

    def set_active_subnet(self, config: SubnetConfig) -> None:
        """Choose the sub-network that ``net(x)`` runs from now on.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        self._active = self.space.canonical(config)

    def forward(
        self, x: Tensor, config: SubnetConfig | None = None, mode: BatchNormMode | None = None
    ) -> Tensor:
        """Run a sub-network (the active one unless given) on (N, 3, r, r) float32.

        Returns logits, (N, classes). In evaluation mode batch norm uses the sub-network's own
        calibrated statistics where there are any, else the supernet's shared ones.

        Raises:
            SubnetConfigError: if the config is not of the supernet's space.
        """
        config = self._active if config is None else self.space.canonical(config)
        return self.run(x, config, self.mode(config) if mode is None else mode)

    @property
    def shares_batch_norm(self) -> bool:
        """Whether sub-networks share batch norm layers, and so need statistics of their own."""
        return any(isinstance(module, ElasticBatchNorm) for module in self.modules())

    def mode(self, config: SubnetConfig) -> BatchNormMode:
        """Return what a pass of this sub-network normalises with."""
        return BatchStatistics() if self.training else self.stored(config)

    def stored(self, config: SubnetConfig) -> StoredStatistics:
        """Return the sub-network's own statistics, in front of the supernet's shared ones."""
        return StoredStatistics(self.statistics.get(config))

    def set_statistics(self, config: SubnetConfig, statistics: Statistics) -> None:
        """Give a sub-network batch norm statistics of its own."""
        self.statistics[self.space.canonical(config)] = statistics

    def weights_of(self, config: SubnetConfig) -> nn.Module:
        """Return the module that holds all weights of a sub-network: here the whole supernet."""
        return self

    def official_key(self, key: str) -> str | None:
        """Return the plain name of a weight in the family's official checkpoints, if any."""
        return None

    def load_checkpoint(self, path: str | Path) -> None:
        """Load weights from a file that holds ``{'state_dict': ...}``, of any float type.

        The keys are the network's own, or those of an official Once-for-All checkpoint of any
        generation; its batch norm statistics are those of the largest sub-network.

        Raises:
            CheckpointError: for a file that is no checkpoint, or naming the keys that are missing,
                unknown or of another shape.
        """
        load_weights(self, path, self.official_key)
        self.statistics.clear()

    def name_batch_norms(self) -> None:
        """Tell each batch norm layer its name, under which its statistics are kept."""
        for name, module in self.named_modules():
            if isinstance(module, ElasticBatchNorm):
                module.name = name
