"""One sub-network of a supernet: kernel sizes, expand ratios, depths and input resolution."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class SubnetConfigError(ValueError):
    """A sub-network configuration that its search space does not contain."""


@dataclass(frozen=True)
class SubnetConfig:
    """The choices that make one sub-network (Once-for-All, ICLR 2020, section 3.1).

    ``ks`` and ``e`` hold one kernel size and one expand ratio per block, all stages at their
    full depth; ``d`` one depth per stage; ``r`` the side of the square input in pixels.
    Blocks beyond a stage's depth are not run; :meth:`SearchSpace.canonical` makes them alike.
    """

    ks: tuple[int, ...]
    e: tuple[int, ...]
    d: tuple[int, ...]
    r: int

    def __post_init__(self) -> None:
        """Make tuples of lists, so that a config read from a file equals a built one."""
        for field in ('ks', 'e', 'd'):
            value = getattr(self, field)
            if isinstance(value, str) or not hasattr(value, '__iter__'):
                raise SubnetConfigError(f'{field} is {value!r}; it must be a list of integers')
            object.__setattr__(self, field, tuple(_integer(field, item) for item in value))
        object.__setattr__(self, 'r', _integer('r', self.r))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and integers, as :meth:`from_dict` reads them."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SubnetConfig:
        """Read a config from a mapping with exactly the keys ks, e, d and r.

        Raises:
            SubnetConfigError: for a missing or unknown key, or a value that is no integer.
        """
        if not isinstance(values, Mapping) or set(values) != {'ks', 'e', 'd', 'r'}:
            found = sorted(values) if isinstance(values, Mapping) else values
            raise SubnetConfigError(f'a sub-network config has the keys ks, e, d, r; got {found}')
        return cls(**values)

    def digest(self) -> str:
        """Return 8 hex digits that differ between different configs."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _integer(field: str, value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, '__index__'):
        raise SubnetConfigError(f'{field} holds {value!r}; it must be an integer')
    return int(value.__index__())
