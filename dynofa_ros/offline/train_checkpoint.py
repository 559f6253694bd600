"""The checkpoint of a training run: written whole, and read by the same run alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from dynofa_ros.offline.labelled_images import Dataset
from dynofa_ros.offline.ranks import Ranks
from dynofa_ros.offline.train_plan import TrainingPlan
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet


@dataclass(frozen=True)
class TrainingIdentity:
    """What must be the same for a run to be the same, bit by bit."""

    plan: dict[str, Any]
    supernet: str
    data: str
    """Fingerprint of images and classes."""
    first_weights: str
    """Fingerprint of the weights that the run began with."""
    processes: int

    @classmethod
    def of(
        cls, net: Supernet, data: Dataset, plan: TrainingPlan, ranks: Ranks
    ) -> TrainingIdentity:
        """Return the identity of a run that has not begun; the network is on the CPU."""
        return cls(
            plan=plan.to_dict(),
            supernet=net.spec.name,
            data=f'{len(data)} images of fingerprint {data.fingerprint()}',
            first_weights=fingerprint(net.state_dict()),
            processes=ranks.count,
        )

    def differences(self, other: TrainingIdentity) -> list[str]:
        """Return what differs, each as ``name: value of this, not value of the other``."""
        pairs = [
            (f'plan, {name}', self.plan.get(name), other.plan.get(name))
            for name in {**other.plan, **self.plan}
        ]
        pairs += [
            (field.name.replace('_', ' '), getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
            if field.name != 'plan'
        ]
        return [f'{name}: {ours}, not {theirs}' for name, ours, theirs in pairs if ours != theirs]


def write_checkpoint(path: Path, identity: TrainingIdentity, state: dict[str, Any]) -> None:
    """Write the checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix('.partial')
    torch.save(state | {'identity': vars(identity)}, partial)
    partial.replace(path)


def read_checkpoint(path: Path, identity: TrainingIdentity) -> dict[str, Any]:
    """Return what :func:`write_checkpoint` wrote for the same run.

    Raises:
        ValueError: if the file is damaged, or naming what differs if it is of another run.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location='cpu')
        stored = TrainingIdentity(**state.pop('identity'))
    except Exception as error:  # torch.load raises whatever the damage makes of the file
        raise ValueError(f'{path} is damaged: {type(error).__name__}') from error
    if differences := stored.differences(identity):
        raise ValueError(
            f'{path} is of another run ({"; ".join(differences)}): give the same options, or '
            'another folder'
        )
    return state
