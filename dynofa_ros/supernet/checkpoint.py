# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Load a file of weights with own or official key names into a supernet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from dynofa_ros.supernet.official_keys import plain_key

_LISTED_KEYS = 3
"""Number of keys that an error message lists."""


class CheckpointError(ValueError):
    """A file of weights that cannot be read or does not fit the supernet."""


def load_weights(
    net: nn.Module,
    path: str | Path,
    official_key: Callable[[str], str | None],
    *,
    head: Collection[str] = (),
) -> bool:
    """Load ``{'state_dict': ...}`` of any float type into a network, completely or not at all.

    ``official_key`` maps a key of the network to its plain name in the official checkpoints, or
    to None if there are none. The weights with the keys ``head`` stay as they are where the file
    has none, or those of other classes. Return whether they were loaded too.

    Raises:
        CheckpointError: for a file that is not a checkpoint, or naming the keys that are missing,
            unknown, of another shape or not finite.
    """
    stored = _read(Path(path))
    expected = net.state_dict()
    names = {key: key for key in expected}
    if not expected.keys() & stored.keys():
        official = {key: official_key(key) for key in expected}
        names = {key: name for key, name in official.items() if name is not None} or names
        stored = _plain(stored, path)
    found = {key: stored.get(names[key]) for key in head if key in names}
    has_head = all(v is not None and v.shape == expected[key].shape for key, v in found.items())
    if not has_head:
        stored = {name: v for name, v in stored.items() if name not in {names[k] for k in found}}
        names = {key: name for key, name in names.items() if key not in found}
    missing = [name for key, name in names.items() if name not in stored]
    unknown = sorted(stored.keys() - set(names.values()))
    mismatched = [
        f'shape of {name} is {_shape(stored[name])}; expected {_shape(expected[key])}'
        for key, name in names.items()
        if name in stored and stored[name].shape != expected[key].shape
    ]
    problems = {'missing': missing, 'unknown': unknown, 'of another shape': mismatched}
    if any(problems.values()):
        raise CheckpointError(
            f'{path} does not fit: '
            + '; '.join(
                f'{len(keys)} {problem} ({_some(keys)})'
                for problem, keys in problems.items()
                if keys
            )
        )
    weights = {key: stored[name].float() for key, name in names.items()}
    if problem := not_finite(weights):
        raise CheckpointError(f'{path}: {problem}')
    net.load_state_dict(net.state_dict() | weights)
    return has_head


def not_finite(values: Mapping[str, Tensor]) -> str:
    """Return which values hold NaN or infinity; empty if none does.

    A network with such a value classifies everything as its first class.
    """
    keys = [key for key, value in values.items() if not bool(value.isfinite().all())]
    return f'{_some(keys)} hold NaN or infinity; expected finite numbers' if keys else ''


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.exists() and not path.is_file():
        raise CheckpointError(f'{path} is not a regular file; expected a checkpoint')
    try:
        document = torch.load(path, weights_only=True, map_location='cpu')
    except OSError as error:
        raise CheckpointError(f'{path} cannot be read: {error.strerror}') from error
    except Exception as error:  # a damaged file makes torch.load raise arbitrary errors
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f'{path} is not a checkpoint: {reason}') from error
    if not isinstance(document, Mapping) or not isinstance(document.get('state_dict'), Mapping):
        found = _some(document) if isinstance(document, Mapping) else type(document).__name__
        raise CheckpointError(f"{path}: content is {found}; expected {{'state_dict': ...}}")
    state: Mapping[str, Tensor] = document['state_dict']
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f'{path}: type of {key} is {type(value).__name__}; expected a tensor'
            )
    return state


def _plain(state: Mapping[str, Tensor], path: str | Path) -> Mapping[str, Tensor]:
    """Return the weights by plain official key, without the counters of batch norm."""
    plain: dict[str, Tensor] = {}
    for key, value in state.items():
        name = plain_key(key)
        if name in plain:
            raise CheckpointError(f'{path} contains {name} twice, with an old and a new key')
        if not name.endswith('.num_batches_tracked'):
            plain[name] = value
    return plain


def _some(keys: Iterable[object]) -> str:
    names = [str(key) for key in keys]
    return ', '.join(names[:_LISTED_KEYS]) + (', ...' if len(names) > _LISTED_KEYS else '')


def _shape(value: Tensor) -> str:
    return 'x'.join(map(str, value.shape)) or 'a single number'
