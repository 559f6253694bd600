# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Rows of measured accuracies: a sub-network and its top-1 as a fraction."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dynofa_ros.supernet.config import CHOICE_FIELDS, SubnetConfig, SubnetConfigError
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace

Row = Mapping[str, Any] | tuple[SubnetConfig, float]
"""A mapping with the fields of a config and ``top1`` or ``accuracy``, or a pair."""

ACCURACY_KEYS = ('top1', 'accuracy')


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Read a table with one JSON mapping per line.

    Raises:
        ValueError: naming the file, and the line that is not a mapping.
    """
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f'table {file} cannot be read: {error}') from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'table {file}, line {number} is not valid JSON: {error}') from error
        if not isinstance(row, dict):
            raise ValueError(
                f'table {file}, line {number} is {reprlib.repr(row)}; expected a mapping'
            )
        rows.append(row)
    return rows


def config_of(row: SubnetConfig | Mapping[str, Any]) -> SubnetConfig:
    """Return a row's config, ignoring keys of a mapping that do not belong to a config.

    Raises:
        SubnetConfigError: for a value of another type, or a mapping without a valid config.
    """
    if isinstance(row, SubnetConfig):
        return row
    if not isinstance(row, Mapping):
        raise SubnetConfigError(f'sub-network is {row!r}; expected a SubnetConfig or a mapping')
    return SubnetConfig.from_dict({k: v for k, v in row.items() if k in (*CHOICE_FIELDS, 'r')})


def parse_rows(rows: Iterable[Row]) -> tuple[list[SubnetConfig], list[float]]:
    """Return the configs and accuracies of at least two rows.

    Raises:
        ValueError: naming the row, the field, the value and what is allowed.
    """
    configs: list[SubnetConfig] = []
    accuracies: list[float] = []
    for number, row in enumerate(rows):
        try:
            config, accuracy = _parse(row)
        except ValueError as error:
            raise ValueError(f'row {number}: {error}') from None
        for field in CHOICE_FIELDS:
            found = len(getattr(config, field))
            if configs and found != len(getattr(configs[0], field)):
                raise ValueError(
                    f'row {number}: {field} has {found} values; '
                    f'expected {len(getattr(configs[0], field))}, as in row 0'
                )
        configs.append(config)
        accuracies.append(accuracy)
    if len(configs) < 2:
        raise ValueError(f'rows holds {len(configs)} sub-networks; expected 2 or more')
    return configs, accuracies


def _parse(row: Row) -> tuple[SubnetConfig, float]:
    if isinstance(row, Mapping):
        present = [key for key in ACCURACY_KEYS if key in row]
        if len(present) != 1:
            found = ' and '.join(present) or 'no key'
            raise ValueError(
                f'accuracy is given by {found}; expected one of {", ".join(ACCURACY_KEYS)}'
            )
        name, config, accuracy = present[0], config_of(row), row[present[0]]
    else:
        try:
            config, accuracy = row
        except (TypeError, ValueError):
            text = f'it is {row!r}; expected a mapping or a (config, accuracy) pair'
            raise ValueError(text) from None
        name, config = 'accuracy', config_of(config)
    try:
        fraction = float(accuracy)
    except (TypeError, ValueError, OverflowError):
        fraction = math.nan
    if isinstance(accuracy, (bool, str)) or not 0 <= fraction <= 1:
        raise ValueError(
            f'{name} is {reprlib.repr(accuracy)}; expected a fraction, 0 to 1 (not percent)'
        )
    return config, fraction


def space_of(configs: Iterable[SubnetConfig]) -> SearchSpace:
    """Return the smallest space that contains these configs.

    If a field has the same number of entries for every entry of ``d``, as in the MobileNet-like
    spaces, they are assumed to be the blocks of that stage, which run up to its depth.
    """
    configs = list(configs)
    first = configs[0]
    depths = [int(max(config.d[stage] for config in configs)) for stage in range(len(first.d))]
    fields: dict[str, tuple[ElasticDimension, ...]] = {}
    for field in CHOICE_FIELDS:
        entries = len(getattr(first, field))
        values = tuple(sorted({value for config in configs for value in getattr(config, field)}))
        blocks, rest = divmod(entries, len(depths) or 1)
        gated = field != 'd' and bool(depths) and not rest and blocks >= max(depths)
        fields[field] = tuple(
            ElasticDimension(values, (i // blocks, i % blocks) if gated else None)
            for i in range(entries)
        )
    return SearchSpace(resolutions=tuple(sorted({config.r for config in configs})), **fields)
