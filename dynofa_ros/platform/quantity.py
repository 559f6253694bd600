# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Numbers of a platform file, each with its source.

A quantity is written ``{value: 0.8, source: loudva}``: `source` is a key of the file's `sources`,
or the word `assumed`; `note` is optional. A bare number is refused, so that no guess passes for a
measurement. Python code states the value alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from dynofa_ros import config_file
from dynofa_ros.platform.checks import PlatformError

ASSUMED = 'assumed'
WRITTEN = "a quantity {value: ..., source: a key of sources, or 'assumed'}"


def _written_as_quantity(schema: dict[str, Any]) -> None:
    """Change the JSON schema of a number to that of a quantity."""
    value = dict(schema)
    schema.clear()
    schema |= {
        'title': config_file.QUANTITY,
        'type': 'object',
        'properties': {
            'value': value,
            'source': {'type': 'string', 'description': f"a key of sources, or '{ASSUMED}'"},
            'note': {},
        },
        'required': ['value', 'source'],
        'additionalProperties': False,
    }


def _take_value(quantity: Any, info: ValidationInfo) -> Any:
    """Return the value of a quantity of a file; `info.context` is the document, else None."""
    if info.context is None:
        return quantity
    if not isinstance(quantity, dict) or not {'value', 'source'} <= quantity.keys():
        raise PlatformError(field='', value=quantity, expected=WRITTEN)
    for extra in quantity.keys() - {'value', 'source', 'note'}:
        raise PlatformError(
            field=str(extra), value=quantity[extra], expected='only the keys value, source, note'
        )
    source, cited = quantity['source'], info.context.get('sources')
    # Without a mapping of sources, that is the fault to report.
    if source != ASSUMED and isinstance(cited, dict) and source not in [*cited]:
        expected = f'one of {", ".join([*sorted(map(str, cited)), ASSUMED])}'
        raise PlatformError(field='source', value=source, expected=expected)
    return quantity['value']


_READ, _SCHEMA = BeforeValidator(_take_value), Field(json_schema_extra=_written_as_quantity)


def quantity_sources(
    node: object, cited: dict[str, str], path: str = ''
) -> Iterator[tuple[str, str]]:
    """Yield the path of each quantity of a file, and its source in words."""
    if not isinstance(node, dict):
        return
    if {'value', 'source'} <= node.keys():
        source = str(node['source'])
        yield path, cited.get(source, source)
        return
    for key, each in node.items():
        yield from quantity_sources(each, cited, f'{path}.{key}' if path else str(key))


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    for before, after in itertools.pairwise(values):
        if after <= before:
            raise PlatformError(
                field='', value=after, expected=f'ascending numbers: above {before:g} here'
            )
    return values


Number = Annotated[config_file.Number, _READ, _SCHEMA]
Positive = Annotated[config_file.Positive, _READ, _SCHEMA]
NotNegative = Annotated[config_file.NotNegative, _READ, _SCHEMA]
Fraction = Annotated[config_file.Fraction, _READ, _SCHEMA]
PositiveCount = Annotated[config_file.PositiveCount, _READ, _SCHEMA]
Numbers = Annotated[tuple[config_file.Positive, ...], _READ, _SCHEMA]
Ascending = Annotated[
    tuple[config_file.Positive, ...],
    Field(min_length=1),
    AfterValidator(_ascending),
    _READ,
    _SCHEMA,
]
