# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Configuration of one sub-network: the choices of each block, and the input size."""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Value = int | float
"""One choice: a kernel size, a depth, a width, ... or a ratio, which can be fractional."""


class SubnetConfigError(ValueError):
    """A sub-network configuration that is not in its search space."""


@dataclass(frozen=True)
class SubnetConfig:
    """The choices that define one sub-network (Once-for-All, ICLR 2020, section 3.1).

    A family of supernets uses some of the fields and leaves the others empty. A field has one
    value per block or stage at full depth. Skipped blocks have values too, which
    :meth:`SearchSpace.canonical` sets to a fixed value.
    """

    ks: tuple[Value, ...] = ()
    """Kernel size of each block."""
    e: tuple[Value, ...] = ()
    """Expand ratio of each block; in a Transformer the MLP ratio of each layer."""
    d: tuple[Value, ...] = ()
    """Depth of each stage: number of blocks, or of blocks above the minimum (ResNet50)."""
    r: int = 0
    """Side of the square input [pixel]; required."""
    w: tuple[Value, ...] = ()
    """Width: the embedding of a Transformer; per stage an index into the widths of a ResNet50."""
    h: tuple[Value, ...] = ()
    """Attention heads of each layer."""
    v: tuple[Value, ...] = ()
    """Variant: index of one of several networks."""

    def __post_init__(self) -> None:
        """Convert lists to tuples, so that a config read from a file compares equal.

        Raises:
            SubnetConfigError: for a value that is not a number, or an ``r`` that is not a
                positive integer.
        """
        for field in CHOICE_FIELDS:
            values = getattr(self, field)
            if isinstance(values, (str, Mapping)) or not hasattr(values, '__iter__'):
                found = reprlib.repr(values)
                raise SubnetConfigError(f'{field} is {found}; expected a list of numbers')
            object.__setattr__(self, field, tuple(_number(field, value) for value in values))
        r = _number('r', self.r)
        if not isinstance(r, int) or r < 1:
            raise SubnetConfigError(f'r is {reprlib.repr(r)}; expected an integer above 0')
        object.__setattr__(self, 'r', r)

    def to_dict(self) -> dict[str, Any]:
        """Return lists and numbers, without empty fields, in the format of :meth:`from_dict`."""
        choices = {field: list(getattr(self, field)) for field in CHOICE_FIELDS}
        return {field: values for field, values in choices.items() if values} | {'r': self.r}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SubnetConfig:
        """Build a config from a mapping with ``r`` and some of the other fields.

        Raises:
            SubnetConfigError: for an unknown key, a missing ``r``, or a value that is not a number.
        """
        known = {*CHOICE_FIELDS, 'r'}
        if not isinstance(values, Mapping) or 'r' not in values or not set(values) <= known:
            found = reprlib.repr(
                sorted(map(str, values)) if isinstance(values, Mapping) else values
            )
            raise SubnetConfigError(
                f'sub-network config is {found}; expected the key r and some of '
                f'{", ".join(CHOICE_FIELDS)}'
            )
        return cls(**values)

    def digest(self) -> str:
        """Return 8 hex digits that identify the config."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


CHOICE_FIELDS = tuple(field.name for field in fields(SubnetConfig) if field.name != 'r')
"""All fields of a config except the resolution."""


def _number(field: str, value: object) -> Value:
    """Convert whole values to int, so that 4 and 4.0 are the same choice."""
    if isinstance(value, bool) or not (hasattr(value, '__index__') or hasattr(value, '__float__')):
        raise SubnetConfigError(f'{field} contains {reprlib.repr(value)}; expected a number')
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        found = reprlib.repr(value)
        raise SubnetConfigError(f'{field} contains {found}; expected a finite number')
    return int(number) if number.is_integer() else number
