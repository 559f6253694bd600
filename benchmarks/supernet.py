# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Time to switch and to extract a sub-network, by its size.

For sub-networks of increasing depth, three operations are timed alternately on one thread: a switch
of the active sub-network, its extraction as a plain network, and its inference of one image. The
last one gives the cost of the others in frames.

    python benchmarks/supernet.py --json supernet.json
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from machine import benchmark_parser, count, run_benchmark

from dynofa_ros.supernet import SubnetConfig, create_supernet
from dynofa_ros.supernet.supernet import Supernet

SUPERNETS = (
    'ofa_mbv3_cifar10',
    'ofa_mbv3_d234_e346_k357_w1.0',
    'ofa_mbv3_d234_e346_k357_w1.2',
    'ofa_proxyless_d234_e346_k357_w1.3',
    'ofa_resnet50',
    'vit_cifar10',
)


@dataclass(frozen=True)
class Row:
    """Medians of one sub-network, and their ratios to its inference time."""

    supernet: str
    depth: float
    choices: int
    parameters: int
    switch_s: float
    extract_s: float
    image_s: float
    switch_in_images: float
    extract_in_images: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON."""
    parser = benchmark_parser(__doc__)
    parser.add_argument('--supernets', nargs='+', default=list(SUPERNETS), choices=SUPERNETS)
    parser.add_argument('--repeat', type=count, default=15, help='measurements of each')
    return run_benchmark('supernet', measure_all, parser.parse_args(arguments))


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all supernets; print a table."""
    torch.set_num_threads(1)
    print(f'{"supernet":<36}{"depth":>6}{"choices":>9}{"M param":>9}', end='')
    print(f'{"switch us":>11}{"extract ms":>12}{"image ms":>10}{"extract/image":>15}')
    rows = []
    for name in options.supernets:
        net = create_supernet(name).eval()
        for config in increasing_depth(net):
            row = measure(net, config, options.repeat)
            rows.append(asdict(row))
            print(
                f'{row.supernet:<36}{row.depth:>6.0%}{row.choices:>9}{row.parameters / 1e6:>9.2f}'
                f'{row.switch_s * 1e6:>11.0f}{row.extract_s * 1e3:>12.1f}'
                f'{row.image_s * 1e3:>10.1f}{row.extract_in_images:>15.2f}',
                flush=True,
            )
    return {'settings': {'repeat': options.repeat, 'threads': 1}, 'rows': rows}


def increasing_depth(net: Supernet) -> Iterator[SubnetConfig]:
    """Yield the largest sub-network at each depth."""
    space = net.space
    largest = {field: space.allowed(field)[-1] for field in (*space.fields, 'r')}
    for depth in space.allowed('d'):
        yield space.uniform(**(largest | {'d': depth}))


@torch.inference_mode()
def measure(net: Supernet, config: SubnetConfig, repeat: int) -> Row:
    """Time switch, extraction and inference alternately; return the medians."""
    image = torch.randn(1, 3, config.r, config.r)
    other = net.space.min_config()

    static = net.extract_subnet(config)
    works: dict[str, Callable[[], object]] = {
        'switch_s': lambda: net.set_active_subnet(config),
        'extract_s': lambda: net.extract_subnet(config),
        'image_s': lambda: static(image),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeat + 1):
        for name, work in works.items():
            net.set_active_subnet(other)
            start = time.perf_counter()
            work()
            if turn:  # the first one warms up
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    deepest = sum(choice.allowed[-1] for choice in net.space.d)
    return Row(
        supernet=net.spec.name,
        depth=sum(config.d) / deepest,
        choices=sum(len(net.space.choices(field)) for field in net.space.fields),
        parameters=sum(p.numel() for p in static.parameters()),
        switch_in_images=medians['switch_s'] / medians['image_s'],
        extract_in_images=medians['extract_s'] / medians['image_s'],
        **medians,
    )


if __name__ == '__main__':
    sys.exit(main())
