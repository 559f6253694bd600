# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The cascades of a model folder, and what ties them to its weights.

A cascade runs sub-networks one after another, a later one only where the earlier ones are unsure
(IDK cascades, arXiv 1706.00885). Its thresholds hold for the scores of its stages, so it belongs to
their weights, temperatures and labels. `dynofa cascade` writes them into ``model.yaml``.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from dynofa_ros.config_file import ConfigError, Fraction, Positive, PositiveCount, Text, checked
from dynofa_ros.supernet.quantized import SUFFIX
from dynofa_ros.supernet.subnet_record import ModelError, SubnetRecord

REMEDY = 'run dynofa cascade again'


def _fraction_or_nan(value: float) -> float:
    if not (math.isnan(value) or 0 <= value <= 1):
        raise ConfigError(field='', value=value, expected='0 to 1, or .nan for unknown')
    return value


KnownFraction = Annotated[float, Strict(), AfterValidator(_fraction_or_nan)]
"""A fraction 0..1; NaN: unknown."""
Stages = Annotated[tuple[Text, ...], Field(min_length=2, max_length=3)]
Later = Field(min_length=1, max_length=2)


@checked(ModelError.of, kw_only=True)
class CascadeRecord:
    """A cascade; shares and accuracies are of images that chose no threshold."""

    cascade_id: Text
    stages: Stages
    """Sub-networks, the first to run first, by ascending operations."""
    thresholds: Annotated[tuple[Fraction, ...], Later]
    """Of each stage but the last: a lower score of its best class escalates."""
    temperatures: Annotated[tuple[Positive, ...], Later]
    """Of each stage after the first, for the images that reach it."""
    reached: Annotated[tuple[Fraction, ...], Later]
    """Share of the images that reach each stage after the first."""
    accuracy: Fraction
    """Top-1."""
    answer_accuracy: Annotated[tuple[KnownFraction, ...], Field(min_length=2, max_length=3)]
    """Top-1 of each stage on the images that it answers; NaN: none."""
    early_accuracy: Annotated[tuple[KnownFraction, ...], Later]
    """Top-1 of each stage but the last on the images that it escalates; NaN: none."""
    flops: PositiveCount
    """Mean of an image."""
    images: PositiveCount
    """On which the shares and accuracies were measured."""
    fingerprint: Text
    """See :func:`cascade_fingerprint`."""

    def __post_init__(self) -> None:
        """Raise ModelError for lists that do not fit together."""
        later = len(self.stages) - 1
        for name, count in (
            ('thresholds', later),
            ('temperatures', later),
            ('reached', later),
            ('answer_accuracy', later + 1),
            ('early_accuracy', later),
        ):
            if (found := len(getattr(self, name))) != count:
                raise self.error(f'{name} holds {found} values; expected {count}')
        if len(set(self.stages)) < len(self.stages):
            raise self.error(f'stages is {", ".join(self.stages)}; expected each sub-network once')
        if any(less > more for more, less in itertools.pairwise(self.reached)):
            raise self.error(f'reached is {list(self.reached)}; expected descending shares')

    def error(self, text: str) -> ModelError:
        """Return an error that names this cascade."""
        return ModelError(f'cascade {self.cascade_id}: {text}')


def score_fingerprints(
    keys: Mapping[str, str], kept: Iterable[SubnetRecord], labels: Sequence[str]
) -> dict[str, str]:
    """Return 16 hex digits of all that the scores of each sub-network depend on, by its name.

    ``keys`` are those of `engine.Network`: of the weights, or of the file of an int8 sub-network.
    """
    of_labels = _digest('\0'.join(labels))
    return {
        each.subnet_id: _digest(f'{keys[each.subnet_id]} {each.temperature!r} {of_labels}')
        for each in kept
    }


def cascade_fingerprint(
    scores: Mapping[str, str],
    *,
    stages: Sequence[str],
    thresholds: Sequence[float],
    temperatures: Sequence[float],
) -> str:
    """Return 16 hex digits of a cascade, given those of the scores of its stages."""
    of_stages = [scores[stage] for stage in stages]
    numbers = [*map(float, thresholds), *map(float, temperatures)]
    return _digest(f'{of_stages} {numbers}')


def checked_cascades(
    file: Path,
    records: Sequence[CascadeRecord],
    kept: Sequence[SubnetRecord],
    left_out: Mapping[str, str],
    scores: Mapping[str, str],
) -> tuple[tuple[CascadeRecord, ...], dict[str, str]]:
    """Return the cascades that can run, and a remedy for each one with a stage that is left out.

    ``scores`` are the :func:`score_fingerprints`. A stage is left out if its weights are not
    installed, or if it is an int8 version that the folder does not have.

    Raises:
        ModelError: naming the file and a cascade whose stages are unknown or not in ascending
            order of operations, or which belongs to other weights, temperatures or labels.
    """
    known = {each.subnet_id: each for each in kept}
    names = [*known, *(each.cascade_id for each in records)]
    usable, remedies = [], {}
    for each in records:
        try:
            if names.count(each.cascade_id) > 1:
                raise each.error('the name is given twice; expected each name once')
            if remedy := _left_out(each, known, left_out):
                remedies[each.cascade_id] = remedy
                continue
            _check(each, [known[stage] for stage in each.stages], scores)
        except ModelError as error:
            raise ModelError(f'{file}: {error}') from error
        usable.append(each)
    return tuple(usable), remedies


def _left_out(
    record: CascadeRecord, known: Mapping[str, SubnetRecord], left_out: Mapping[str, str]
) -> str:
    """Return why a stage is left out; an empty text if none is."""
    for stage in record.stages:
        source = stage.removesuffix(SUFFIX)
        if source in left_out:
            return f'its stage {stage} is left out: {left_out[source]}'
        if stage not in known:
            if source == stage or source not in known:
                raise record.error(f'stage is {stage!r}; expected one of {", ".join(known)}')
            return f'its stage {stage} is not in the folder int8: run dynofa quantize'
    return ''


def _check(
    record: CascadeRecord, stages: Sequence[SubnetRecord], scores: Mapping[str, str]
) -> None:
    for first, later in itertools.pairwise(stages):
        if later.flops <= first.flops:
            raise record.error(
                f'stages is {", ".join(record.stages)}; expected ascending operations, but '
                f'{later.subnet_id} has {later.flops} FLOPs after {first.flops}'
            )
    expected = cascade_fingerprint(
        scores,
        stages=record.stages,
        thresholds=record.thresholds,
        temperatures=record.temperatures,
    )
    if record.fingerprint != expected:
        raise record.error(
            f'fingerprint is {record.fingerprint}; expected {expected}: it was made with other '
            f'weights, thresholds, temperatures or labels; {REMEDY}, or remove it'
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
