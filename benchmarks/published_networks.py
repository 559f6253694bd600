# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Networks whose ImageNet top-1 was published, built with random weights.

Slimmable networks from a YAML file of channels and top-1, and sub-networks of OFA-MobileNetV3 from
a file with one measured sub-network per line. The weights are random: latency does not depend on
them, and the accuracy is the published one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from networks import CALIBRATION_IMAGES, RESOLUTION, SUPERNET, calibrate_plain, images
from networks import network as as_network
from pydantic import TypeAdapter
from torch import nn

from dynofa_ros.config_file import Fraction, PositiveCount, Section, load_file
from dynofa_ros.engine import Network
from dynofa_ros.supernet import SubnetConfig, create_supernet
from dynofa_ros.supernet.batch_norm import ElasticBatchNorm
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.slimmable import (
    SlimmableNetwork,
    SlimmableSpec,
    slimmable_mobilenet_v2,
    slimmable_space,
)
from dynofa_ros.supernet.supernet import Supernet

ROUGHLY = 1.2
"""Sub-networks are counted exactly if a rough count is within this factor of the least."""


@dataclass(frozen=True)
class Published:
    """A network and its published top-1."""

    network: Network
    top1: float
    family: str
    published_flops: float = float('nan')
    """2 per multiply-add; NaN: not stated."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self.network.kept.subnet_id


class _AutoSlim(Section):
    mmacs: PositiveCount
    top1: Fraction
    channels: tuple[PositiveCount, ...]


class _Searched(Section):
    blocks: tuple[tuple[PositiveCount, PositiveCount, PositiveCount], ...]
    networks: tuple[_AutoSlim, ...]


class _Universal(Section):
    widths: tuple[float, ...]
    mmacs: tuple[PositiveCount, ...]
    top1: tuple[Fraction, ...]


class _SlimmableFile(Section):
    autoslim_mnasnet: _Searched
    autoslim_mobilenet_v2: _Searched
    us_mobilenet_v2: _Universal


class _Measured(Section):
    ks: tuple[int, ...]
    e: tuple[int, ...]
    d: tuple[int, ...]
    r: PositiveCount
    top1: Fraction

    @property
    def config(self) -> SubnetConfig:
        return SubnetConfig(ks=self.ks, e=self.e, d=self.d, r=self.r)


def slimmable_networks(file: Path, seed: int) -> list[Published]:
    """Return the slimmable networks of a file, family by family, cheapest first.

    Raises:
        ValueError: naming the file and all its faults.
    """
    document = load_file(file, TypeAdapter(_SlimmableFile))
    found: list[Published] = []
    for family in ('autoslim_mnasnet', 'autoslim_mobilenet_v2'):
        searched: _Searched = getattr(document, family)
        ranked = sorted(searched.networks, key=lambda each: each.mmacs)
        spec = SlimmableSpec(
            name=family,
            space=slimmable_space(widths=len(ranked), resolutions=(RESOLUTION,)),
            strides=tuple(stride for _, stride, _ in searched.blocks),
            kernel_sizes=tuple(size for *_, size in searched.blocks),
            channels=tuple(each.channels[:-1] for each in ranked),  # without the classes
        )
        net = _initialised(partial(SlimmableNetwork, spec), seed)
        facts = [(f'{family} {each.mmacs}M', each.top1, each.mmacs) for each in ranked]
        found += _widths(family, net, facts)
    universal = document.us_mobilenet_v2
    ranked_widths = sorted(
        zip(universal.widths, universal.top1, universal.mmacs, strict=True), key=lambda row: row[0]
    )
    family = 'us_mobilenet_v2'
    widths = [row[0] for row in ranked_widths]
    net = _initialised(partial(slimmable_mobilenet_v2, widths), seed)
    found += _widths(
        family, net, [(f'{family} x{width:g}', top1, mmacs) for width, top1, mmacs in ranked_widths]
    )
    return found


def ofa_front(file: Path, seed: int) -> list[Published]:
    """Return the Pareto front (multiply-adds, top-1) of the sub-networks in a file, cheapest first.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    line = TypeAdapter(_Measured)
    try:
        rows = [line.validate_json(text) for text in file.read_text().splitlines() if text]
    except (OSError, ValueError) as error:
        raise ValueError(f'{file} is not a list of measured sub-networks: {error}') from error
    if not rows:
        raise ValueError(f'{file} is empty; expected one sub-network per line')
    with torch.device('meta'):  # counts without computing
        counted = create_supernet(SUPERNET).eval()
        costed = [
            (cost(counted.extract_subnet(row.config), row.r).flops, row.top1, row.config)
            for row in _roughly_cheapest(rows)
        ]
    front: list[tuple[int, float, SubnetConfig]] = []
    for each in sorted(costed, key=lambda row: (row[0], -row[1])):
        if not front or each[1] > front[-1][1]:
            front.append(each)
    net = _initialised(partial(create_supernet, SUPERNET), seed)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for flops, top1, config in front:
        calibrate(net, config, [images(CALIBRATION_IMAGES, config.r, generator)])
        name = f'ofa r{config.r} {flops / 2e6:.0f}M'
        found.append(Published(as_network(net, name, config), top1, 'ofa'))
    return found


def _roughly_cheapest(rows: Sequence[_Measured]) -> Iterator[_Measured]:
    """Yield the sub-networks that no more accurate one undercuts clearly, by a rough count."""
    ranked = sorted(rows, key=lambda row: -row.top1)
    rough = np.array([_rough_count(row) for row in ranked])
    least = np.minimum.accumulate(rough)
    yield from (
        row
        for row, own, best in zip(ranked, rough.tolist(), least.tolist(), strict=True)
        if own <= ROUGHLY * best
    )


def _rough_count(row: _Measured) -> float:
    """Return a number that grows with the multiply-adds: pixels x expanded channels of all blocks.

    The channels and maps are those of the five stages of MobileNetV3-Large.
    """
    stages = zip((24, 40, 80, 112, 160), (56, 28, 14, 14, 7), row.d, strict=True)
    most = len(row.e) // len(row.d)
    total = 0.0
    for stage, (channels, side, depth) in enumerate(stages):
        for block in range(depth):
            index = stage * most + block
            hidden = row.e[index] * channels
            total += side**2 * hidden * (2 * channels + row.ks[index] ** 2)
    return total * (row.r / RESOLUTION) ** 2


def _widths(
    family: str, net: Supernet, facts: Iterable[tuple[str, float, int]]
) -> Iterator[Published]:
    for width, (name, top1, mmacs) in enumerate(facts):
        config = SubnetConfig(w=(width,), r=RESOLUTION)
        calibrate_plain(net, width, config)  # so that no activation vanishes
        yield Published(as_network(net, name, config), top1, family, 2e6 * mmacs)


def _initialised(build: Callable[[], Supernet], seed: int) -> Supernet:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net = build()
        for module in net.modules():
            if isinstance(module, (ElasticBatchNorm, nn.BatchNorm2d)):
                nn.init.uniform_(module.weight, 0.5, 1.5)  # some start at 0
    return net.eval()
