# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Inference time of one image in an engine, and in the paper's dynamic network.

Sub-networks of OFA-MobileNetV3 w1.0 from smallest to largest, batch 1, on this machine's CPU, run
alternately by the dynamic network in eager PyTorch (Dynamic-OFA, arXiv 2105.03596) and by our
engine; both take an array and return one. The benchmark reports

- the speed-up of the engine on all cores over the dynamic network on one or all cores, whichever is
  faster, and the time of each without the other in between;
- the engine's rate relative to the machine's float32 matrix product, timed alternately with it;
- MobileNetV3-Large of torchvision and EfficientNet-Lite0 in the same engine.

Weights are random, since speed does not depend on them. Engine and dynamic network must agree on
random images to within 1e-4 of the largest logit; otherwise the exit status is 1.

    python benchmarks/inference.py --json inference.json
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from compare import Comparison, Row
from goals import Goal
from goals import judge as judge_goals
from machine import count, cpu_model, run_benchmark, usable_cores
from networks import SUBNETS, lite0_network, ofa_networks, torchvision_network
from turns import alternation_parser

from dynofa_ros.engine import AUTO, ENGINES, Engine, Network, choose_engine, create_engine

MEAN_SPEEDUP, LEAST_SPEEDUP, SHARE = 4.0, 2.5, 0.7
"""The goals: speed-up, geometric mean and least; share of the matrix product's rate."""
TOLERANCE = 1e-4
"""Upper limit of :attr:`compare.Row.relative_error`."""
SIDE, QUICK_SIDE = 2048, 512
"""Rows and columns of the matrices."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if an engine returns other logits."""
    return run_benchmark('inference', measure, _options(arguments))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures.

    Raises:
        ValueError: if an engine cannot be used.
    """
    torch.set_num_threads(options.threads)
    subnets = ofa_networks(options.seed, SUBNETS[:2] if options.quick else SUBNETS)
    chosen = choose_engine(options.engine, subnets, threads=options.threads)
    engines: dict[str, Engine] = {chosen.engine.name: chosen.engine}
    engines |= {name: create_engine(name) for name in options.engines if name not in engines}
    print(f'{cpu_model()}, threads: {options.threads}')
    print(f'engine: {chosen.engine.name} {chosen.engine.version}: {chosen.reason}')
    print(heading(engines))
    comparison = Comparison(
        engines,
        threads=options.threads,
        rounds=options.rounds,
        block=options.block,
        images_each=options.images,
        seed=options.seed,
    )
    rows = [_measured(comparison, network) for network in subnets]
    product = comparison.matrix_product(subnets[-1], QUICK_SIDE if options.quick else SIDE)
    well_known, missing = [_measured(comparison, lite0_network(options.seed))], ''
    try:
        well_known.append(_measured(comparison, torchvision_network(options.seed)))
    except ImportError as error:
        missing = f'torchvision mobilenet_v3_large: {error}'
        print(missing)
    print_rates(rows, product)
    return {
        'weights': 'random, batch norm calibrated: speed does not depend on them',
        'engine': chosen.engine.name,
        'reason': chosen.reason,
        'engines': {each.name: each.version for each in engines.values()},
        'rows': [asdict(row) for row in rows],
        'matrix_product': product,
        'well_known': [asdict(row) for row in well_known],
        'missing': missing,
        'goals': judge(rows, product, chosen.engine.name),
        'agreement': agreement((*rows, *well_known)),
    }


def _measured(comparison: Comparison, network: Network) -> Row:
    row = comparison.measure(network)
    print(line(row), flush=True)
    return row


def heading(engines: Mapping[str, Engine]) -> str:
    """Return the heading of the table."""
    columns = ''.join(f'{name + " ms":>16}{"faster":>8}' for name in engines)
    return f'{"network":<36}{"MFLOP":>7}{"eager ms":>10}{"on":>4}{columns}{"alone":>8}'


def line(row: Row) -> str:
    """Return a row of the table; ``alone`` is the chosen engine without the others in between."""
    columns = ''.join(
        f'{each * 1e3:>16.2f}{row.speedup[name]:>7.1f}x' for name, each in row.engine_s.items()
    )
    return (
        f'{row.network:<36}{row.flops / 1e6:>7.0f}{row.eager_s * 1e3:>10.2f}'
        f'{row.eager_threads:>4}{columns}{row.engine_alone_s * 1e3:>8.2f}'
    )


def print_rates(rows: Sequence[Row], product: Mapping[str, Any]) -> None:
    """Print operations per second, and the slowdown of each side by alternation."""
    side, rate = product['side'], product['flops_per_s']
    print(f'float32 matrix product, {side} x {side}: {rate / 1e9:.1f} GFLOP/s')
    for name, rate in product['engine_flops_per_s'].items():
        print(f'{name}, {product["network"]}: {rate / 1e9:.1f} GFLOP/s')
    chosen = next(iter(rows[0].engine_s))
    ours = statistics.geometric_mean(row.engine_s[chosen] / row.engine_alone_s for row in rows)
    eager = statistics.geometric_mean(row.eager_s / row.eager_alone_s for row in rows)
    print(f'alternating / alone, geometric mean: {chosen} {ours:.2f}, eager {eager:.2f}')


def judge(rows: Sequence[Row], product: Mapping[str, Any], engine: str) -> list[dict[str, Any]]:
    """Print and return the goals of the chosen engine."""
    speedups = [row.speedup[engine] for row in rows]
    goals = (
        Goal('times faster, geometric mean', statistics.geometric_mean(speedups), MEAN_SPEEDUP),
        Goal('times faster, least', min(speedups), LEAST_SPEEDUP),
        Goal('share of the matrix product', product['share'][engine], SHARE),
    )
    return judge_goals(goals)


def agreement(rows: Sequence[Row]) -> dict[str, Any]:
    """Print and return whether every engine agrees with the dynamic network."""
    errors = {
        f'{row.network} in {engine}': error
        for row in rows
        for engine, error in row.relative_error.items()
    }
    wrong = [where for where, error in errors.items() if not error < TOLERANCE]  # NaN is wrong
    worst = float(np.max(list(errors.values())))
    print(f'largest relative error of logits: {worst:.1e}; expected below {TOLERANCE:.0e}')
    for where in wrong:
        print(f'{where} disagrees: relative error {errors[where]:.1e}')
    return {
        'relative_error': worst,
        'allowed': TOLERANCE,
        'wrong': wrong,
        'met': not wrong,
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = alternation_parser(__doc__, rounds=15, images=4)
    names = list(ENGINES)
    parser.add_argument('--engine', default=AUTO, choices=[AUTO, *names], help='the one judged')
    parser.add_argument('--engines', nargs='+', default=[], choices=names, help='others to compare')
    parser.add_argument('--threads', type=count, default=usable_cores(), help='default: all cores')
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = options.block = 1
    return options


if __name__ == '__main__':
    sys.exit(main())
