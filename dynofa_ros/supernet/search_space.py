"""The set of sub-networks that one supernet holds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from dynofa_ros.supernet.config import SubnetConfig, SubnetConfigError


@dataclass(frozen=True)
class SearchSpace:
    """What each field of a :class:`SubnetConfig` may be.

    ``stages`` stages of at most ``max(depths)`` blocks; every block chooses a kernel size and
    an expand ratio, every stage a depth, the network an input resolution.
    """

    kernel_sizes: tuple[int, ...]
    expand_ratios: tuple[int, ...]
    depths: tuple[int, ...]
    resolutions: tuple[int, ...]
    stages: int

    @property
    def blocks_per_stage(self) -> int:
        """Blocks of a stage at full depth."""
        return max(self.depths)

    @property
    def blocks(self) -> int:
        """Length of a config's ``ks`` and ``e``."""
        return self.stages * self.blocks_per_stage

    def max_config(self) -> SubnetConfig:
        """Return the largest sub-network."""
        return self.uniform(
            ks=max(self.kernel_sizes),
            e=max(self.expand_ratios),
            d=max(self.depths),
            r=max(self.resolutions),
        )

    def min_config(self) -> SubnetConfig:
        """Return the smallest sub-network."""
        return self.uniform(
            ks=min(self.kernel_sizes),
            e=min(self.expand_ratios),
            d=min(self.depths),
            r=min(self.resolutions),
        )

    def uniform(self, *, ks: int, e: int, d: int, r: int) -> SubnetConfig:
        """Return the sub-network with the same choice in every block and stage."""
        config = SubnetConfig((ks,) * self.blocks, (e,) * self.blocks, (d,) * self.stages, r)
        self.validate(config)
        return config

    def sample(self, rng: Random) -> SubnetConfig:
        """Draw every choice uniformly."""
        return SubnetConfig(
            tuple(rng.choices(self.kernel_sizes, k=self.blocks)),
            tuple(rng.choices(self.expand_ratios, k=self.blocks)),
            tuple(rng.choices(self.depths, k=self.stages)),
            rng.choice(self.resolutions),
        )

    def validate(self, config: SubnetConfig) -> None:
        """Accept a config of this space.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        _check('ks', config.ks, self.kernel_sizes, self.blocks)
        _check('e', config.e, self.expand_ratios, self.blocks)
        _check('d', config.d, self.depths, self.stages)
        if config.r not in self.resolutions:
            raise SubnetConfigError(f'r is {config.r}; allowed: {_listed(self.resolutions)}')

    def canonical(self, config: SubnetConfig) -> SubnetConfig:
        """Return the config with blocks that are not run set to the smallest choice.

        Two configs that run the same network have the same canonical form.
        """
        self.validate(config)
        depth = self.blocks_per_stage
        runs = [i % depth < config.d[i // depth] for i in range(self.blocks)]
        return SubnetConfig(
            _where(runs, config.ks, min(self.kernel_sizes)),
            _where(runs, config.e, min(self.expand_ratios)),
            config.d,
            config.r,
        )


def _where(runs: list[bool], values: tuple[int, ...], otherwise: int) -> tuple[int, ...]:
    return tuple(v if on else otherwise for on, v in zip(runs, values, strict=True))


def _check(field: str, values: tuple[int, ...], allowed: tuple[int, ...], length: int) -> None:
    if len(values) != length:
        raise SubnetConfigError(f'{field} has {len(values)} values; this space has {length}')
    for index, value in enumerate(values):
        if value not in allowed:
            raise SubnetConfigError(f'{field}[{index}] is {value}; allowed: {_listed(allowed)}')


def _listed(values: tuple[int, ...]) -> str:
    return ', '.join(map(str, values))
