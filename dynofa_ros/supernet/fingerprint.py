# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fingerprints: short digests of everything that determines the output of a sub-network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Return 16 hex digits that change when any weight does."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def statistics_fingerprint(weights: str, config: SubnetConfig) -> str:
    """Return 16 hex digits of the weights and config with which statistics were measured."""
    return hashlib.sha256(f'{weights} {config.digest()}'.encode()).hexdigest()[:16]


def subnet_fingerprints(net: Supernet, configs: Iterable[SubnetConfig]) -> dict[SubnetConfig, str]:
    """Return 16 hex digits of weights, batch norm statistics and config for each config."""
    of_weights: dict[nn.Module, str] = {}  # sub-networks share weights: hash each module once
    found = {}
    for config in configs:
        canonical = net.space.canonical(config)
        module = net.weights_of(canonical)
        if module not in of_weights:
            of_weights[module] = fingerprint(module.state_dict())
        statistics = {
            f'{layer} {name}': value
            for layer, pair in net.statistics.get(canonical, {}).items()
            for name, value in zip(('mean', 'var'), pair, strict=True)
        }
        text = f'{of_weights[module]} {canonical.digest()} {fingerprint(statistics)}'
        found[config] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found
