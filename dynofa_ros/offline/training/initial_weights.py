# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Where a run starts: the architecture, and weights of another training.

The body of a network is taken over for any classes. The head, which is the classifier, is taken
over only for the classes that it was trained on, otherwise it starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.offline.data.known_images import KnownImages, read_images
from dynofa_ros.supernet.architecture import (
    Architecture,
    architecture_of,
    load_architecture,
    resized,
)
from dynofa_ros.supernet.model import Model, load_model
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import published_architecture

DEFAULT_SUPERNET = 'ofa_mbv3_cifar10'


@dataclass(frozen=True)
class InitialWeights:
    """A checkpoint file, or a model."""

    source: str
    model: Model | None
    """None for a file."""
    images: KnownImages | None = None
    """That the weights depend on; None if they are unknown."""

    @classmethod
    def find(cls, source: str) -> InitialWeights:
        """Return the weights of a file, or of a model given by name or folder.

        Raises:
            ValueError: if there is neither, or the model is damaged.
        """
        file = Path(source)
        if not file.is_file():
            model = load_model(source, quantized=False)
            return cls(source, model, read_images(model, source))
        if file.name != 'weights.pt' or not (file.parent / 'model.yaml').is_file():
            return cls(source, None)
        folder = str(file.parent)
        return cls(source, None, read_images(load_model(folder, quantized=False), folder))

    def load(self, net: Supernet, labels: Sequence[str] = ()) -> str:
        """Load the weights into a network for ``labels``; return what was taken over.

        Without labels, a head of the same size is taken over.

        Raises:
            ValueError: if the body does not fit.
        """
        has_head = self._load(net, tuple(labels))
        if has_head:
            return f'all weights are those of {self.source}'
        return (
            f'the body is that of {self.source}; the head starts anew for '
            f'{net.spec.classes} classes'
        )

    def _load(self, net: Supernet, labels: tuple[str, ...]) -> bool:
        if self.model is None:
            return net.load_checkpoint(self.source, any_head=True)
        own, state = net.state_dict(), self.model.net.state_dict()
        head = set(net.head_keys())
        differing = [
            key
            for key in sorted(own.keys() | state.keys())
            if key not in head
            and (key not in own or key not in state or own[key].shape != state[key].shape)
        ]
        if differing:
            raise ValueError(
                f'supernet of initial weights {self.source} is {self.model.net.spec.name}; '
                f'expected {net.spec.name} of the same sizes ({len(differing)} weights differ, '
                f'the first is {differing[0]})'
            )
        fits = all(key in state and own[key].shape == state[key].shape for key in head)
        has_head = fits and labels in ((), self.model.labels)
        net.load_state_dict(
            own | {key: value for key, value in state.items() if has_head or key not in head}
        )
        return has_head


def choose_architecture(
    supernet: str | None,
    initial: InitialWeights | None,
    *,
    resolutions: Sequence[int] | None = None,
    width: float | None = None,
) -> tuple[str, Architecture]:
    """Return name and architecture of a supernet given by name or by a YAML file.

    If it is not given, it is that of the initial weights, otherwise the default. ``resolutions``
    [pixel] and the width multiplier ``width`` replace its own.

    Raises:
        ValueError: naming the supernet, file or value that is wrong.
    """
    if supernet is None and initial is not None and initial.model is not None:
        name = initial.model.net.spec.name
        architecture = architecture_of(initial.model.net)
    elif supernet is not None and supernet.endswith(('.yaml', '.yml')):
        name = Path(supernet).stem
        architecture = load_architecture(Path(supernet).expanduser())
    else:
        name = supernet or DEFAULT_SUPERNET
        architecture = published_architecture(name)
    return name, resized(architecture, resolutions=resolutions, width=width)
