"""How long switching and extracting a sub-network take, and how both grow with its size.

For each supernet: sub-networks of rising depth. Three things are timed in turn, on one thread:
switching the active sub-network, extracting it as a plain network, and running one image through
it. The last is the yardstick: what a switch or an extraction costs in frames.

    python benchmarks/supernet.py --json supernet.json
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from machine import count, facts, json_file

from dynofa_ros.atomic_file import write_json
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
    """Medians of one sub-network; ratios to one image through it."""

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--supernets', nargs='+', default=list(SUPERNETS), choices=SUPERNETS)
    parser.add_argument('--repeat', type=count, default=15, help='measurements of each')
    parser.add_argument('--json', type=json_file, help='file for the figures')
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f'{"supernet":<36}{"depth":>6}{"choices":>9}{"M param":>9}', end='')
    print(f'{"switch us":>11}{"extract ms":>12}{"image ms":>10}{"extract/image":>15}')
    rows = []
    for name in options.supernets:
        net = create_supernet(name).eval()
        for config in rising_depth(net):
            row = measure(net, config, options.repeat)
            rows.append(row)
            print(
                f'{row.supernet:<36}{row.depth:>6.0%}{row.choices:>9}{row.parameters / 1e6:>9.2f}'
                f'{row.switch_s * 1e6:>11.0f}{row.extract_s * 1e3:>12.1f}'
                f'{row.image_s * 1e3:>10.1f}{row.extract_in_images:>15.2f}',
                flush=True,
            )
    if options.json:
        document = {
            'machine': facts(),
            'settings': {'repeat': options.repeat, 'threads': 1},
            'rows': [asdict(row) for row in rows],
        }
        write_json(options.json, document)
    return 0


def rising_depth(net: Supernet) -> Iterator[SubnetConfig]:
    """Yield the largest sub-network at each depth."""
    space = net.space
    largest = {field: space.allowed(field)[-1] for field in (*space.fields, 'r')}
    for depth in space.allowed('d'):
        yield space.uniform(**(largest | {'d': depth}))


@torch.inference_mode()
def measure(net: Supernet, config: SubnetConfig, repeat: int) -> Row:
    """Time switching, extraction and one image in turn; return the medians."""
    image = torch.randn(1, 3, config.r, config.r)
    other = net.space.min_config()

    def switch() -> None:
        net.set_active_subnet(config)

    def back() -> None:
        net.set_active_subnet(other)

    static = net.extract_subnet(config)
    works: dict[str, Callable[[], object]] = {
        'switch_s': switch,
        'extract_s': lambda: net.extract_subnet(config),
        'image_s': lambda: static(image),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeat + 1):
        for name, work in works.items():
            back()
            start = time.perf_counter()
            work()
            if turn:  # the first turn warms up
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
