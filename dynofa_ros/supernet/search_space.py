# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The set of sub-networks that one supernet holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from dynofa_ros.supernet.config import CHOICE_FIELDS, SubnetConfig, SubnetConfigError, Value

OFA_RESOLUTIONS = tuple(range(128, 225, 4))
"""Sides of the input [pixel] of the ImageNet supernets (Once-for-All, section 4.1)."""


@dataclass(frozen=True)
class ElasticDimension:
    """Allowed values of one entry of a config field."""

    allowed: tuple[Value, ...]
    runs_above: tuple[int, int] | None = None
    """``(i, least)`` if the entry belongs to a block that runs only where ``d[i] > least``."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: if there are none or they are not ascending.
        """
        _check_ascending('allowed', self.allowed)


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Allowed values of each entry of each field of a :class:`SubnetConfig`."""

    ks: tuple[ElasticDimension, ...] = ()
    e: tuple[ElasticDimension, ...] = ()
    d: tuple[ElasticDimension, ...] = ()
    w: tuple[ElasticDimension, ...] = ()
    h: tuple[ElasticDimension, ...] = ()
    v: tuple[ElasticDimension, ...] = ()
    resolutions: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the resolutions and the depth entries to which choices refer.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        _check_ascending('resolutions', self.resolutions)
        if self.resolutions[0] < 1:
            raise ValueError(f'resolutions is {self.resolutions}; expected values above 0')
        for field in CHOICE_FIELDS:
            for index, choice in enumerate(self.choices(field)):
                if choice.runs_above is not None and not 0 <= choice.runs_above[0] < len(self.d):
                    raise ValueError(
                        f'runs_above of {field}[{index}] is {choice.runs_above}; expected the '
                        f'index of one of {len(self.d)} entries of d'
                    )

    def choices(self, field: str) -> tuple[ElasticDimension, ...]:
        """Return the allowed values of each entry of a field."""
        chosen: tuple[ElasticDimension, ...] = getattr(self, field)
        return chosen

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields, other than the resolution, that have entries in this space."""
        return tuple(field for field in CHOICE_FIELDS if self.choices(field))

    def allowed(self, field: str) -> tuple[Value, ...]:
        """Return all values that some entry of a field allows, ascending; also for ``r``."""
        if field == 'r':
            return self.resolutions
        return tuple(sorted({value for each in self.choices(field) for value in each.allowed}))

    @property
    def size(self) -> int:
        """Number of different networks; configs that run the same network count once."""
        always = len(self.resolutions)
        per_depth = [dict.fromkeys(choice.allowed, 1) for choice in self.d]
        for choice in (c for field in self.fields if field != 'd' for c in self.choices(field)):
            if choice.runs_above is None:
                always *= len(choice.allowed)
                continue
            stage, least = choice.runs_above
            for depth in per_depth[stage]:
                per_depth[stage][depth] *= len(choice.allowed) if depth > least else 1
        return always * math.prod(sum(counts.values()) for counts in per_depth)

    def max_config(self) -> SubnetConfig:
        """Return the largest sub-network."""
        return self._config({f: tuple(c.allowed[-1] for c in self.choices(f)) for f in self.fields})

    def min_config(self) -> SubnetConfig:
        """Return the smallest sub-network."""
        smallest = {f: tuple(c.allowed[0] for c in self.choices(f)) for f in self.fields}
        return replace(self._config(smallest), r=self.resolutions[0])

    def uniform(self, **values: Value) -> SubnetConfig:
        """Return the sub-network with the same value in all entries of a field.

        An entry that does not allow it takes the next lower value, or its lowest.

        Raises:
            SubnetConfigError: for a field that is missing or has no choices, or a value that no
                entry allows.
        """
        if set(values) != {*self.fields, 'r'}:
            raise SubnetConfigError(
                f'fields are {", ".join(sorted(values)) or "none"}; expected '
                f'{", ".join((*self.fields, "r"))}'
            )
        for field, value in values.items():
            if value not in self.allowed(field):
                raise SubnetConfigError(
                    f'{field} is {value}; expected {_listed(self.allowed(field))}'
                )
        entries = {
            field: tuple(_at_most(values[field], c.allowed) for c in self.choices(field))
            for field in self.fields
        }
        return SubnetConfig(r=int(values['r']), **entries)

    def config(self, *, r: int, **values: Sequence[Value]) -> SubnetConfig:
        """Return a config of this space.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        config = SubnetConfig.from_dict({**values, 'r': r})
        self.validate(config)
        return config

    def sample(self, rng: Random) -> SubnetConfig:
        """Draw every entry uniformly."""
        drawn = {f: tuple(rng.choice(c.allowed) for c in self.choices(f)) for f in self.fields}
        return replace(self._config(drawn), r=rng.choice(self.resolutions))

    def validate(self, config: SubnetConfig) -> None:
        """Check that a config is in this space.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        for field in CHOICE_FIELDS:
            values, choices = getattr(config, field), self.choices(field)
            if len(values) != len(choices):
                raise SubnetConfigError(
                    f'number of values of {field} is {len(values)}; expected {len(choices)}'
                )
            for index, (value, choice) in enumerate(zip(values, choices, strict=True)):
                if value not in choice.allowed:
                    raise SubnetConfigError(
                        f'{field}[{index}] is {value}; expected {_listed(choice.allowed)}'
                    )
        if config.r not in self.resolutions:
            raise SubnetConfigError(f'r is {config.r}; expected {_listed(self.resolutions)}')

    def canonical(self, config: SubnetConfig) -> SubnetConfig:
        """Return the config with skipped blocks set to the smallest choice.

        Configs that run the same network have the same canonical form.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        self.validate(config)

        def runs(choice: ElasticDimension) -> bool:
            if choice.runs_above is None:
                return True
            stage, least = choice.runs_above
            return config.d[stage] > least

        return SubnetConfig(
            r=config.r,
            **{
                field: tuple(
                    value if runs(choice) else choice.allowed[0]
                    for value, choice in zip(
                        getattr(config, field), self.choices(field), strict=True
                    )
                )
                for field in self.fields
            },
        )

    def _config(self, values: Mapping[str, tuple[Value, ...]]) -> SubnetConfig:
        return SubnetConfig(r=self.resolutions[-1], **values)


def inverted_residual_space(
    *,
    kernel_sizes: tuple[int, ...] = (3, 5, 7),
    expand_ratios: tuple[int, ...] = (3, 4, 6),
    depths: tuple[int, ...] = (2, 3, 4),
    resolutions: tuple[int, ...] = OFA_RESOLUTIONS,
    stages: int = 5,
    single_blocks: int = 0,
) -> SearchSpace:
    """Return a space of inverted residual blocks, by default that of Once-for-All (section 4.1).

    It has ``stages`` stages of at most ``max(depths)`` blocks, and every block chooses a kernel
    size and an expand ratio. ``single_blocks`` stages of one block follow, with a depth of 1.
    """
    gates = [(stage, block) for stage in range(stages) for block in range(max(depths))]
    gates += [(stages + single, 0) for single in range(single_blocks)]
    return SearchSpace(
        ks=tuple(ElasticDimension(kernel_sizes, gate) for gate in gates),
        e=tuple(ElasticDimension(expand_ratios, gate) for gate in gates),
        d=(ElasticDimension(depths),) * stages + (ElasticDimension((1,)),) * single_blocks,
        resolutions=resolutions,
    )


def _check_ascending(name: str, values: tuple[Value, ...]) -> None:
    if not values or list(values) != sorted(set(values)):
        raise ValueError(f'{name} is {values}; expected ascending values')


def _at_most(value: Value, allowed: tuple[Value, ...]) -> Value:
    return max((a for a in allowed if a <= value), default=allowed[0])


def _listed(values: tuple[Value, ...]) -> str:
    return ', '.join(map(str, values))
