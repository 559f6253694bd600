# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""How sure each sub-network of a model is of the same images, and where it is right.

The file ``scores.npz`` of a model folder, written by `dynofa cascade`. From this joint distribution
follow the escalation rate and the accuracy of any cascade of these sub-networks. The images trained
nothing and chose no threshold. The arrays:

- ``subnet_ids``, (sub-networks,) text;
- ``score``, (images, sub-networks) uint16: the calibrated score of the best class, times 65,535;
- ``correct``, (images, sub-networks) bool: whether that class is the true one;
- ``fingerprint``, (sub-networks,) text: of the weights and temperature that gave the scores.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dynofa_ros.atomic_file import atomic_write

SCORES = 'scores.npz'
"""Name of the file in a model folder."""
FULL_SCALE = 65_535
"""The integer that stands for a score of 1."""
MOST_BYTES = 64 * 2**20
"""Largest content that is read, unpacked."""

Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Thresholds(Protocol):
    """A cascade: its sub-networks, and below which score each but the last escalates."""

    @property
    def stages(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def thresholds(self) -> Sequence[float]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of the best class, 0..1, and whether it is right; both (images, sub-networks)."""

    subnet_ids: tuple[str, ...]
    score: Scores
    correct: Flags
    fingerprint: tuple[str, ...] = field(default=(), kw_only=True)
    """Of the weights and temperature of each sub-network; empty: unknown."""

    def __post_init__(self) -> None:
        """Raise ValueError for arrays that do not fit together, or a score outside 0..1."""
        count = len(self.subnet_ids)
        if not count or len(set(self.subnet_ids)) < count:
            raise ValueError(f'subnet_ids is {list(self.subnet_ids)}; expected each name once')
        if self.score.ndim != 2 or self.score.shape[1] != count or not len(self.score):
            raise ValueError(
                f'shape of score is {self.score.shape}; expected (images, {count}), one column '
                'for each sub-network'
            )
        if self.correct.shape != self.score.shape:
            raise ValueError(
                f'shape of correct is {self.correct.shape}; expected {self.score.shape} of score'
            )
        if not ((self.score >= 0) & (self.score <= 1)).all():
            raise ValueError('score has values outside of 0..1 or NaN; expected 0 to 1')
        if self.fingerprint and len(self.fingerprint) != count:
            raise ValueError(f'fingerprint holds {len(self.fingerprint)} values; expected {count}')

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.score)

    def column(self, subnet_id: str) -> int:
        """Return the column of a sub-network.

        Raises:
            ValueError: if the table lacks it.
        """
        try:
            return self.subnet_ids.index(subnet_id)
        except ValueError:
            known = ', '.join(self.subnet_ids)
            raise ValueError(f'sub-network is {subnet_id!r}; expected one of {known}') from None

    def escalates(self, cascade: Thresholds) -> Flags:
        """Return which images each stage but the last escalates, (images, stages - 1).

        An image that was answered before a stage does not reach it, and is not escalated there.
        The middle stage of three is compared by its own temperature, not by that of the cascade.

        Raises:
            ValueError: if the table lacks a stage.
        """
        columns = [self.column(each) for each in cascade.stages[:-1]]
        unsure = self.score[:, columns] < np.asarray(cascade.thresholds)
        escalated: Flags = np.logical_and.accumulate(unsure, axis=1)
        return escalated

    def answers(self, cascade: Thresholds) -> Flags:
        """Return whether the answer of a cascade is right, (images,); raises as `escalates`."""
        columns = [self.column(each) for each in cascade.stages]
        stage = self.escalates(cascade).sum(axis=1)
        right: Flags = self.correct[np.arange(len(self)), np.take(columns, stage)]
        return right

    def check(self, fingerprints: Mapping[str, str]) -> None:
        """Check that the scores are of these weights and temperatures; others are not checked.

        Raises:
            ValueError: naming the sub-network whose scores are of other weights.
        """
        for subnet_id, found in zip(self.subnet_ids, self.fingerprint, strict=False):
            expected = fingerprints.get(subnet_id, found)
            if found != expected:
                raise ValueError(
                    f'fingerprint of the scores of {subnet_id} is {found}; expected {expected}: '
                    'they are of other weights or another temperature'
                )

    def save(self, file: Path) -> None:
        """Write the file atomically; raises ValueError as `atomic_write` does."""
        with atomic_write(file, what='table of scores') as partial:
            partial.write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            subnet_ids=np.array(self.subnet_ids),
            score=np.round(self.score * FULL_SCALE).astype(np.uint16),
            correct=self.correct,
            fingerprint=np.array(self.fingerprint or [''] * len(self.subnet_ids)),
        )
        return content.getvalue()

    @classmethod
    def load(cls, file: Path) -> ScoreTable:
        """Read a file.

        Raises:
            ValueError: naming the file, if it is missing, damaged or does not fit together.
        """
        arrays = _read(file)
        try:
            fingerprint = tuple(map(str, _typed(arrays, 'fingerprint', 'U')))
            return cls(
                tuple(map(str, _typed(arrays, 'subnet_ids', 'U'))),
                _typed(arrays, 'score', 'u') / FULL_SCALE,
                _typed(arrays, 'correct', 'b'),
                fingerprint=fingerprint if any(fingerprint) else (),
            )
        except ValueError as error:
            raise ValueError(f'{file}: {error}') from error


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(file) as archive:
            # A member never unpacks to more than it states.
            if (size := sum(each.file_size for each in archive.infolist())) > MOST_BYTES:
                raise ValueError(f'it has {size} bytes unpacked, above {MOST_BYTES}')
        with np.load(file, allow_pickle=False) as arrays:
            return {name: np.atleast_1d(arrays[name]) for name in arrays.files}
    except FileNotFoundError:
        raise ValueError(f'{file} does not exist') from None
    except Exception as error:  # zipfile and numpy raise whatever the damage makes of the file
        raise ValueError(f'{file} is damaged: {type(error).__name__} {error}') from error


def _typed(arrays: Mapping[str, npt.NDArray[Any]], name: str, kind: str) -> npt.NDArray[Any]:
    if name not in arrays:
        raise ValueError(f'{name} is missing; expected an array of this name')
    array = arrays[name]
    kinds = {'U': 'text', 'u': 'uint16', 'b': 'bool'}
    if array.dtype.kind != kind or (kind == 'u' and array.dtype != np.uint16):
        raise ValueError(f'type of {name} is {array.dtype}; expected {kinds[kind]}')
    if kind == 'U' and array.ndim != 1:
        raise ValueError(f'shape of {name} is {array.shape}; expected one dimension')
    return array
