"""One sub-network of a supernet: what it chose in each of its blocks, and its input size."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Value = int | float
"""One choice: a kernel size, a depth, a width, ... or a ratio, which need not be whole."""


class SubnetConfigError(ValueError):
    """A sub-network configuration that its search space does not contain."""


@dataclass(frozen=True)
class SubnetConfig:
    """The choices that make one sub-network (Once-for-All, ICLR 2020, section 3.1).

    A family of supernets uses some of the fields and leaves the others empty. A field holds one
    value per block, or per stage, at full depth: blocks that are not run have values too, which
    :meth:`SearchSpace.canonical` makes alike.
    """

    ks: tuple[Value, ...] = ()
    """Kernel size of each block."""
    e: tuple[Value, ...] = ()
    """Expand ratio of each block; in a Transformer the MLP ratio of each layer."""
    d: tuple[Value, ...] = ()
    """Depth of each stage: blocks that run, or blocks more than the least (ResNet50)."""
    r: int = 0
    """Side of the square input [pixel]; always to be given."""
    w: tuple[Value, ...] = ()
    """Width: of a Transformer the embedding; of a ResNet50 an index of its widths per stage."""
    h: tuple[Value, ...] = ()
    """Attention heads of each layer."""
    v: tuple[Value, ...] = ()
    """Variant: which one of several networks."""

    def __post_init__(self) -> None:
        """Make tuples of lists, so that a config read from a file equals a built one.

        Raises:
            SubnetConfigError: for a value that is no number, or an ``r`` that is no positive
                integer.
        """
        for field in CHOICE_FIELDS:
            values = getattr(self, field)
            if isinstance(values, (str, Mapping)) or not hasattr(values, '__iter__'):
                raise SubnetConfigError(f'{field} is {values!r}; it must be a list of numbers')
            object.__setattr__(self, field, tuple(_number(field, value) for value in values))
        r = _number('r', self.r)
        if not isinstance(r, int) or r < 1:
            raise SubnetConfigError(f'r is {r!r}; it must be an integer above 0')
        object.__setattr__(self, 'r', r)

    def to_dict(self) -> dict[str, Any]:
        """Return lists and numbers, without empty fields, as :meth:`from_dict` reads them."""
        choices = {field: list(getattr(self, field)) for field in CHOICE_FIELDS}
        return {field: values for field, values in choices.items() if values} | {'r': self.r}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SubnetConfig:
        """Read a config from a mapping that has ``r`` and some of the other fields.

        Raises:
            SubnetConfigError: for an unknown key, a missing ``r``, or a value that is no number.
        """
        known = {*CHOICE_FIELDS, 'r'}
        if not isinstance(values, Mapping) or 'r' not in values or not set(values) <= known:
            found = sorted(map(str, values)) if isinstance(values, Mapping) else values
            raise SubnetConfigError(
                f'a sub-network config has the key r and some of {", ".join(CHOICE_FIELDS)}; '
                f'got {found}'
            )
        return cls(**values)

    def digest(self) -> str:
        """Return 8 hex digits that differ between different configs."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


CHOICE_FIELDS = tuple(field.name for field in fields(SubnetConfig) if field.name != 'r')
"""The fields of a config but its resolution."""


def _number(field: str, value: object) -> Value:
    """Return an int where the value is whole, so that 4 and 4.0 are one choice."""
    if isinstance(value, bool) or not (hasattr(value, '__index__') or hasattr(value, '__float__')):
        raise SubnetConfigError(f'{field} holds {value!r}; it must be a number')
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise SubnetConfigError(f'{field} holds {value!r}; it must be finite')
    return int(number) if number.is_integer() else number
