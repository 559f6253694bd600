# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""How the inference time of a frame varies about the modelled one.

The factor X = actual / modelled latency is drawn for each image. `spread` is the scenario's
`latency_jitter`, s below. log X is

- `lognormal`: normal with mean 0 and standard deviation s.
- `pareto`: the same up to the quantile 1 - `tail_share`; above it P(X > x) falls as
  x^-`tail_shape`. s is the spread of the body; the tail adds to it.
- `bimodal`: one of two normals, the slow one in `slow_share` of the frames. Together they have
  mean 0 and standard deviation s, of whose variance the distance between the two is 90 %.
- `outliers`: as `lognormal`, but `outlier_share` of the frames take `outlier_factor` times as long.
- `drift`: mean 0 and standard deviation s, of whose variance 80 % belong to a mean that wanders
  with `time_constant_s` (Ornstein-Uhlenbeck), and the rest to the single frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from random import Random
from statistics import NormalDist
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, Field

from dynofa_ros.config_file import checked
from dynofa_ros.platform import PlatformError

Kind = Literal['lognormal', 'pareto', 'bimodal', 'outliers', 'drift']
KINDS: tuple[str, ...] = get_args(Kind)
# Of frames; a rarer kind would not occur in any simulation.
SMALLEST_SHARE = 1e-4


class Parameter(NamedTuple):
    """A parameter's default, and the limits that it must lie between."""

    default: float
    low: float
    high: float


PARAMETERS: dict[str, dict[str, Parameter]] = {
    'lognormal': {},
    # With a shape of 1 or less there is no mean.
    'pareto': {
        'tail_share': Parameter(0.05, SMALLEST_SHARE, 1.0),
        'tail_shape': Parameter(4.0, 1.0, 100.0),
    },
    'bimodal': {'slow_share': Parameter(0.2, SMALLEST_SHARE, 1.0)},
    'outliers': {
        'outlier_share': Parameter(0.005, SMALLEST_SHARE, 1.0),
        'outlier_factor': Parameter(3.0, 1.0, 100.0),
    },
    'drift': {'time_constant_s': Parameter(10.0, 0.0, 1e6)},
}
"""The parameters of each kind."""
# Part of the variance that lies between the two modes, and in the wandering mean.
BETWEEN_MODES = 0.9
IN_DRIFT = 0.8
NORMAL = NormalDist()
BISECTIONS = 60

Number = Annotated[float, Field(strict=True)]


@checked(PlatformError.of)
class LatencyDistribution:
    """The kind of distribution, and its parameters; NaN stands for the kind's default."""

    kind: Kind = 'lognormal'
    tail_share: Number = math.nan
    tail_shape: Number = math.nan
    slow_share: Number = math.nan
    outlier_share: Number = math.nan
    outlier_factor: Number = math.nan
    time_constant_s: Number = math.nan

    def __post_init__(self) -> None:
        """Raise PlatformError for a parameter of another kind, or out of its range."""
        own = PARAMETERS[self.kind]
        for name in (each.name for each in fields(self)[1:]):
            value = getattr(self, name)
            if math.isnan(value):
                continue
            if name not in own:
                keys = ', '.join(('kind', *own))
                expected = f'only the keys {keys} with kind {self.kind}'
                raise PlatformError(field=name, value=value, expected=expected)
            _, low, high = own[name]
            if not low < value < high:
                expected = f'a number above {low:g} and below {high:g}'
                raise PlatformError(field=name, value=value, expected=expected)

    def sampler(self, *, spread: float, rng: Random) -> Callable[[float], float]:
        """Return a function that draws the factor of an image, given its time of arrival.

        The times must ascend.
        """
        if self.kind == 'pareto':
            return self._pareto(spread, rng)
        if self.kind == 'drift':
            return self._drift(spread, rng)
        components = self._components(spread)
        if len(components) == 1:
            return lambda _: rng.lognormvariate(0.0, spread)
        common, rare = components

        def draw(_: float) -> float:
            _, mean, std = rare if rng.random() < rare[0] else common
            return rng.lognormvariate(mean, std)

        return draw

    def quantile(self, probability: float, *, spread: float) -> float:
        """Return the factor that a frame does not exceed with a probability, 0..1 exclusive."""
        if self.kind == 'pareto':
            share, shape = self._parameter('tail_share'), self._parameter('tail_shape')
            body = math.exp(spread * NORMAL.inv_cdf(min(probability, 1.0 - share)))
            return body * max(1.0, share / (1.0 - probability)) ** (1.0 / shape)
        components = self._components(spread)
        # Every component's quantile is a bound; a normal of no width is a step.
        each = [mean + std * NORMAL.inv_cdf(probability) for _, mean, std in components]
        low, high = min(each), max(each)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            below = sum(w * _normal_cdf(middle, mean, std) for w, mean, std in components)
            low, high = (low, middle) if below >= probability else (middle, high)
        return math.exp(high)

    def _parameter(self, name: str) -> float:
        value: float = getattr(self, name)
        return PARAMETERS[self.kind][name].default if math.isnan(value) else value

    def _components(self, spread: float) -> list[tuple[float, float, float]]:
        """Return weight, mean and standard deviation of each normal that log X is drawn from."""
        if self.kind == 'outliers':
            share = self._parameter('outlier_share')
            mean = math.log(self._parameter('outlier_factor'))
            return [(1.0 - share, 0.0, spread), (share, mean, spread)]
        if self.kind == 'bimodal':
            slow = self._parameter('slow_share')
            gap = spread * math.sqrt(BETWEEN_MODES / (slow * (1.0 - slow)))
            std = spread * math.sqrt(1.0 - BETWEEN_MODES)
            return [(1.0 - slow, -slow * gap, std), (slow, (1.0 - slow) * gap, std)]
        return [(1.0, 0.0, spread)]

    def _pareto(self, spread: float, rng: Random) -> Callable[[float], float]:
        share, shape = self._parameter('tail_share'), self._parameter('tail_shape')
        begin = spread * NORMAL.inv_cdf(1.0 - share)

        def draw(_: float) -> float:
            if rng.random() < share:
                return math.exp(begin) * rng.paretovariate(shape)
            # The body is the log-normal below the tail, by the inverse of its distribution.
            rank = (1.0 - share) * (1.0 - rng.random())
            return math.exp(spread * NORMAL.inv_cdf(min(rank, 1.0 - share)))

        return draw

    def _drift(self, spread: float, rng: Random) -> Callable[[float], float]:
        time_constant_s = self._parameter('time_constant_s')
        width, std = spread * math.sqrt(IN_DRIFT), spread * math.sqrt(1.0 - IN_DRIFT)
        mean, drawn_s = rng.gauss(0.0, width), 0.0

        def draw(arrived_s: float) -> float:
            nonlocal mean, drawn_s
            kept = math.exp(-(arrived_s - drawn_s) / time_constant_s)
            mean = kept * mean + math.sqrt(1.0 - kept**2) * rng.gauss(0.0, width)
            drawn_s = arrived_s
            return math.exp(rng.gauss(mean, std))

        return draw


def _normal_cdf(value: float, mean: float, std: float) -> float:
    if std == 0.0:
        return float(value >= mean)
    return NORMAL.cdf((value - mean) / std)


def _from_name(value: Any) -> Any:
    return {'kind': value} if isinstance(value, str) else value


def _or_name(schema: dict[str, Any]) -> None:
    section = dict(schema)
    schema.clear()
    schema['anyOf'] = [section, {'type': 'string', 'enum': list(KINDS)}]


InFile = Annotated[
    LatencyDistribution, BeforeValidator(_from_name), Field(json_schema_extra=_or_name)
]
"""A file states the kind alone, or a section with its parameters."""
