# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Base class of all supernets: search space, active sub-network, batch norm statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import (
    BatchNormMode,
    BatchStatistics,
    ElasticBatchNorm,
    Statistics,
    StoredStatistics,
    check_statistics,
)
from dynofa_ros.supernet.checkpoint import load_weights
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class SupernetSpec:
    """Sizes of a supernet; classes, mean and standard deviation default to those of ImageNet."""

    name: str
    """Name for :func:`~dynofa_ros.supernet.create_supernet`."""
    space: SearchSpace
    classes: int = 1000
    """Length of the logits."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Mean and standard deviation of RGB in 0..1, by which input images are normalised."""


class Supernet(nn.Module, ABC):
    """One set of weights for many sub-networks; ``net(x)`` runs the active one.

    Initially the largest sub-network is active. Layers receive the configuration as an
    argument and store no choice, so several threads can run different sub-networks at once.
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
            SubnetConfigError: if the config is not in the search space.
        """

    @property
    def active_subnet(self) -> SubnetConfig:
        """The sub-network that ``net(x)`` runs."""
        return self._active

    def set_active_subnet(self, config: SubnetConfig) -> None:
        """Set the sub-network that ``net(x)`` runs.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        self._active = self.space.canonical(config)

    def forward(
        self, x: Tensor, config: SubnetConfig | None = None, mode: BatchNormMode | None = None
    ) -> Tensor:
        """Run a sub-network, by default the active one, on (N, 3, r, r) float32.

        Returns logits, (N, classes). In evaluation mode, batch norm uses the calibrated statistics
        of the sub-network, or the shared ones of the supernet if it has none.

        Raises:
            SubnetConfigError: if the config is not in the search space.
        """
        config = self._active if config is None else self.space.canonical(config)
        return self.run(x, config, self.mode(config) if mode is None else mode)

    @property
    def shares_batch_norm(self) -> bool:
        """Whether sub-networks share batch norm layers and therefore need calibrated statistics."""
        return any(isinstance(module, ElasticBatchNorm) for module in self.modules())

    def mode(self, config: SubnetConfig) -> BatchNormMode:
        """Return the batch norm mode of a forward pass of this sub-network."""
        return BatchStatistics() if self.training else self.stored(config)

    def stored(self, config: SubnetConfig) -> StoredStatistics:
        """Return the statistics of the sub-network, which take precedence over the shared ones."""
        return StoredStatistics(self.statistics.get(config))

    def set_statistics(self, config: SubnetConfig, statistics: Statistics) -> None:
        """Set the batch norm statistics of a sub-network.

        Raises:
            ValueError: naming a layer that does not exist, or whose statistics are of another
                shape or not finite, or whose variance is negative.
        """
        layers = {
            each.name: each.running_mean.numel()
            for each in self.modules()
            if isinstance(each, ElasticBatchNorm)
        }
        for name, pair in statistics.items():
            check_statistics(name, pair, layers.get(name, 0))
        self.statistics[self.space.canonical(config)] = statistics

    def weights_of(self, config: SubnetConfig) -> nn.Module:
        """Return the module that holds all weights of a sub-network, by default the supernet."""
        return self

    def official_key(self, key: str) -> str | None:
        """Return the plain name of a weight in the official checkpoints; None if there are none."""
        return None

    def head_keys(self) -> tuple[str, ...]:
        """Return the keys of the weights whose number is that of the classes."""
        return tuple(key for key in self.state_dict() if 'classifier' in key.split('.'))

    def load_checkpoint(self, path: str | Path, *, any_head: bool = False) -> bool:
        """Load weights of any float type from a file that holds ``{'state_dict': ...}``.

        The keys are those of the network or of an official Once-for-All checkpoint of any
        generation, whose batch norm statistics are those of the largest sub-network. With
        ``any_head``, the classifier stays as it is if the file has none, or one for another number
        of classes. Return whether it was loaded too.

        Raises:
            CheckpointError: for a file that is not a checkpoint, or naming the keys that are
                missing, unknown or of another shape.
        """
        head = self.head_keys() if any_head else ()
        has_head = load_weights(self, path, self.official_key, head=head)
        self.statistics.clear()
        return has_head

    def name_batch_norms(self) -> None:
        """Set the name of each batch norm layer, the key of its statistics."""
        for name, module in self.named_modules():
            if isinstance(module, ElasticBatchNorm):
                module.name = name
