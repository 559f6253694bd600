# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a training run, which refuse to resume a different run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dynofa_ros.atomic_file import atomic_write
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.distributed import Ranks
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import architecture_changes


@dataclass(frozen=True)
class TrainingIdentity:
    """The properties that must match for a resumed run to be identical bit by bit."""

    plan: dict[str, Any]
    supernet: str
    data: str
    """Fingerprint of images and classes."""
    first_weights: str
    """Fingerprint of the weights at the start of the run."""
    processes: int
    sizes: str = ''
    """What differs from the published supernet of this name."""

    @classmethod
    def of(cls, net: Supernet, data: Dataset, plan: TrainingPlan, ranks: Ranks) -> TrainingIdentity:
        """Return the identity of a run that has not started; the network is on the CPU."""
        return cls(
            plan=plan.to_dict(),
            supernet=net.spec.name,
            data=f'{len(data)} images of fingerprint {data.fingerprint()}',
            first_weights=fingerprint(net.state_dict()),
            processes=ranks.world_size,
            sizes=_changed_sizes(net),
        )

    def differences(self, other: TrainingIdentity) -> list[str]:
        """Return the differences, each as ``name: own value, not other value``."""
        ours, theirs = self._flat(), other._flat()
        return [
            f'{name}: {ours.get(name)}, not {theirs.get(name)}'
            for name in theirs | ours
            if ours.get(name) != theirs.get(name)
        ]

    def _flat(self) -> dict[str, Any]:
        plan = {f'plan, {name}': value for name, value in self.plan.items()}
        others = {name.replace('_', ' '): v for name, v in vars(self).items() if name != 'plan'}
        return plan | others


def _changed_sizes(net: Supernet) -> str:
    changes = architecture_changes(net)
    return ', '.join(f'{name.replace("_", " ")} {value}' for name, value in changes.items())


def write_checkpoint(path: Path, identity: TrainingIdentity, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically.

    Raises:
        ValueError: if it cannot be written.
    """
    with atomic_write(path, what='checkpoint') as partial:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Through a Python stream, a full disk is an OSError that names the reason.
        with partial.open('wb') as stream:
            torch.save(state | {'identity': vars(identity)}, stream)


def read_checkpoint(path: Path, identity: TrainingIdentity) -> dict[str, Any]:
    """Return the state that :func:`write_checkpoint` wrote for the same run.

    Raises:
        ValueError: if the file is damaged, or naming the differences if it is of another run.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location='cpu')
        differences = TrainingIdentity(**state.pop('identity')).differences(identity)
    except Exception as error:  # the exception of torch.load depends on the kind of damage
        raise ValueError(f'{path} is damaged: {type(error).__name__}') from error
    if differences:
        raise ValueError(
            f'{path} is of another run ({"; ".join(differences)}); expected the same options, or '
            'another output folder'
        )
    return state
