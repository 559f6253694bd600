"""Fingerprints: short texts that change when what a sub-network computes does."""

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
    """Return 16 hex digits of the weights and the config that statistics were measured with."""
    return hashlib.sha256(f'{weights} {config.digest()}'.encode()).hexdigest()[:16]


def subnet_fingerprints(net: Supernet, configs: Iterable[SubnetConfig]) -> dict[SubnetConfig, str]:
    """Return for each config 16 hex digits of all that decides what the sub-network computes.

    These are the weights, its own batch norm statistics and the config.
    """
    of_weights: dict[nn.Module, str] = {}  # many sub-networks share weights: hash them once
    found = {}
    for config in configs:
        canonical = net.space.canonical(config)
        module = net.weights_of(canonical)
        if module not in of_weights:
            of_weights[module] = fingerprint(module.state_dict())
        statistics = {
            f'{name} {what}': value
            for name, pair in net.statistics.get(canonical, {}).items()
            for what, value in zip(('mean', 'var'), pair, strict=True)
        }
        text = f'{of_weights[module]} {canonical.digest()} {fingerprint(statistics)}'
        found[config] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found
