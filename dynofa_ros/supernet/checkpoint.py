"""Load a file of weights into a supernet, whatever generation of names it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from dynofa_ros.supernet.official_keys import plain_key

_NAMED = 3
"""How many keys an error spells out."""


class CheckpointError(ValueError):
    """A file of weights that cannot be read, or does not fit the supernet."""


def load_weights(
    net: nn.Module, path: str | Path, official_key: Callable[[str], str | None]
) -> None:
    """Load ``{'state_dict': ...}``, of any float type, into a network; all of it or nothing.

    ``official_key`` gives the plain name that the official checkpoints have for one of the
    network's own keys, or None where there are none.

    Raises:
        CheckpointError: for a file that is no checkpoint, or naming the keys that are missing,
            unknown or of another shape.
    """
    stored = _read(Path(path))
    expected = net.state_dict()
    names = {key: key for key in expected}
    if not expected.keys() & stored.keys():
        official = {key: official_key(key) for key in expected}
        names = {key: name for key, name in official.items() if name is not None} or names
        stored = _plain(stored, path)
    missing = [name for key, name in names.items() if name not in stored]
    unknown = sorted(stored.keys() - set(names.values()))
    misshapen = [
        f'{name} is {_shape(stored[name])}, not {_shape(expected[key])}'
        for key, name in names.items()
        if name in stored and stored[name].shape != expected[key].shape
    ]
    if missing or unknown or misshapen:
        raise CheckpointError(
            f'{path} does not fit: '
            + '; '.join(
                f'{len(keys)} {what} ({_some(keys)})'
                for what, keys in (
                    ('missing', missing),
                    ('unknown', unknown),
                    ('of another shape', misshapen),
                )
                if keys
            )
        )
    net.load_state_dict({key: stored[name].float() for key, name in names.items()})


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        document = torch.load(path, weights_only=True, map_location='cpu')
    except OSError as error:
        raise CheckpointError(f'{path} cannot be read: {error.strerror}') from error
    except Exception as error:  # torch.load raises whatever the damage makes of the file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f'{path} is no checkpoint: {reason}') from error
    if not isinstance(document, Mapping) or not isinstance(document.get('state_dict'), Mapping):
        found = _some(document) if isinstance(document, Mapping) else type(document).__name__
        raise CheckpointError(f"{path} must hold {{'state_dict': ...}}; it holds {found}")
    state: Mapping[str, Tensor] = document['state_dict']
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f'{path}: {key} is of type {type(value).__name__}, not a tensor')
    return state


def _plain(state: Mapping[str, Tensor], path: str | Path) -> Mapping[str, Tensor]:
    """Return the weights by their plain official keys, without the counters of batch norm."""
    plain: dict[str, Tensor] = {}
    for key, value in state.items():
        name = plain_key(key)
        if name in plain:
            raise CheckpointError(f'{path} has {name} twice, under an old and a new name')
        if not name.endswith('.num_batches_tracked'):
            plain[name] = value
    return plain


def _some(keys: Iterable[object]) -> str:
    names = [str(key) for key in keys]
    return ', '.join(names[:_NAMED]) + (', ...' if len(names) > _NAMED else '')


def _shape(value: Tensor) -> str:
    return 'x'.join(map(str, value.shape)) or 'a single number'
