# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The paper's other claim: how much faster Dynamic-OFA is than slimmable networks.

Sub-networks of OFA-MobileNetV3 w1.0 against AutoSlim-MnasNet, AutoSlim-MobileNetV2 and
US-MobileNetV2, at ImageNet top-1 as published, batch 1, on this machine's CPU. Every network is
measured in our engine and in its authors' way, the dynamic network in eager PyTorch; all are run in
turn. For each slimmable network the benchmark finds the fastest OFA sub-network of at least its
top-1, and the most accurate one that takes at most its time.

Weights are random, since latency does not depend on them: latency is measured, accuracy published.

    python benchmarks/paper_speed.py --slimmable autoslim.yaml --ofa measured_top1.jsonl
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compare import with_threads
from goals import Goal, judge
from machine import cpu_model, run_benchmark, usable_cores
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
from networks import eager_runner
from published_networks import Published, ofa_front, slimmable_networks
from turns import alternate, alternation_parser

from dynofa_ros.engine import AUTO, CPU, Place, choose_engine
from dynofa_ros.report.plotting import BLUE, GREEN, ORANGE, RED, save, style

ENGINE, EAGER = 'engine', 'eager'
SAME_ENGINE, AUTHORS_WAY, OURS = 'engine / engine', 'eager / eager', 'eager / engine'
"""How the slimmable network and the OFA sub-network run."""
WAYS = {SAME_ENGINE: (ENGINE, ENGINE), AUTHORS_WAY: (EAGER, EAGER), OURS: (EAGER, ENGINE)}
# arXiv 2105.03596, abstract, against AutoSlim-MnasNet on a Jetson Xavier NX.
PAPER_SPEED, PAPER_POINTS = {'CPU': 3.5, 'GPU': 2.4}, {'CPU': 3.8, 'GPU': 5.1}
LEAST = {SAME_ENGINE: 2.2, OURS: 3.5}
"""The goals: speed-up at the same top-1, at every top-1 that both reach."""
COLOURS = {
    'ofa': BLUE,
    'autoslim_mnasnet': RED,
    'autoslim_mobilenet_v2': ORANGE,
    'us_mobilenet_v2': GREEN,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, write JSON and the picture."""
    return run_benchmark('paper_speed', measure, _options(arguments))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures.

    Raises:
        ValueError: if a file or an engine cannot be used.
    """
    torch.set_num_threads(options.threads)
    slimmable = slimmable_networks(Path(options.slimmable), options.seed)
    ofa = ofa_front(Path(options.ofa), options.seed)
    if options.quick:
        slimmable, ofa = slimmable[:1], ofa[::12]
    every = [*slimmable, *ofa]
    ends = [family[index].network for family in (slimmable, ofa) for index in (0, -1)]
    chosen = choose_engine(options.engine, ends, threads=options.threads)
    engine, place = chosen.engine, Place(CPU, options.threads)
    print(f'{cpu_model()}, threads: {options.threads}; {engine.name} {engine.version}')
    calls: dict[tuple[str, str], Callable[[], object]] = {}
    generator = np.random.default_rng(options.seed)
    for each in every:
        side = each.network.kept.config.r
        x = generator.standard_normal((1, 3, side, side), dtype=np.float32)
        calls[each.name, ENGINE] = partial(engine.compile(each.network, place), x)
        run = partial(eager_runner(each.network.net, each.network.kept.config, CPU), x)
        calls[each.name, EAGER] = with_threads(options.threads, run)
    rows = _rows(every, _medians(calls, options))
    found = [_against(row, rows) for row in rows if row['family'] != 'ofa']
    print(_table(rows))
    for way in WAYS:
        print(_comparison(found, way))
    if options.picture:
        draw(rows, Path(options.picture))
        print(f'wrote {options.picture}')
    goals = [
        Goal(f'least speed-up at the same top-1, {way}', _least_speedup(found, way), goal)
        for way, goal in LEAST.items()
    ]
    return {
        'accuracy_source': 'published',
        'latency_source': 'measured on this machine, random weights',
        'engine': f'{engine.name} {engine.version}',
        'paper': {'speed_up': PAPER_SPEED, 'points': PAPER_POINTS},
        'rows': rows,
        'comparisons': found,
        'goals': judge(goals),
    }


def _medians(
    calls: Mapping[tuple[str, str], Callable[[], object]], options: argparse.Namespace
) -> dict[tuple[str, str], float]:
    """Return the median time of each call [s]: first all engines in turn, then all eager runs."""
    result: dict[tuple[str, str], float] = {}
    for kind in (ENGINE, EAGER):
        named = {name: call for (name, how), call in calls.items() if how == kind}
        seconds = alternate(named, rounds=options.rounds, block=options.block)
        result |= {(name, kind): statistics.median(each) for name, each in seconds.items()}
    return result


def _rows(
    networks: Sequence[Published], seconds: Mapping[tuple[str, str], float]
) -> list[dict[str, Any]]:
    return [
        {
            'network': each.name,
            'family': each.family,
            'top1': each.top1,
            'flops': each.network.kept.flops,
            'published_flops': each.published_flops,
            'latency_s': {kind: seconds[each.name, kind] for kind in (ENGINE, EAGER)},
        }
        for each in networks
    ]


def _against(slim: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare a slimmable network with the OFA sub-networks, in each way."""
    ofa = [row for row in rows if row['family'] == 'ofa']
    result: dict[str, Any] = {'network': slim['network'], 'top1': slim['top1']}
    for way, (its, ours) in WAYS.items():
        slim_s = slim['latency_s'][its]
        as_accurate = [row for row in ofa if row['top1'] >= slim['top1']]
        as_fast = [row for row in ofa if row['latency_s'][ours] <= slim_s]
        fastest = min(as_accurate, key=lambda row: row['latency_s'][ours], default=None)
        best = max(as_fast, key=lambda row: row['top1'], default=None)
        result[way] = {
            'speed_up': slim_s / fastest['latency_s'][ours] if fastest else None,
            'fastest': fastest['network'] if fastest else None,
            'points': 100 * (best['top1'] - slim['top1']) if best else None,
            'most_accurate': best['network'] if best else None,
        }
    return result


def _least_speedup(found: Sequence[Mapping[str, Any]], way: str) -> float:
    known = [each[way]['speed_up'] for each in found if each[way]['speed_up'] is not None]
    return min(known, default=float('nan'))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [f'{"network":<30}{"top-1":>7}{"MMAC":>7}{"published":>10}{"engine":>9}{"eager":>9}']
    lines += [
        f'{row["network"]:<30}{row["top1"]:>7.1%}{row["flops"] / 2e6:>7.0f}'
        f'{row["published_flops"] / 2e6:>10.0f}'
        f'{row["latency_s"][ENGINE] * 1e3:>6.1f} ms{row["latency_s"][EAGER] * 1e3:>6.1f} ms'
        for row in sorted(rows, key=lambda row: (row['family'], row['flops']))
    ]
    return '\n'.join(lines)


def _comparison(found: Sequence[Mapping[str, Any]], way: str) -> str:
    lines = [
        f'\n{way} (slimmable / OFA); the paper, against AutoSlim-MnasNet: '
        f'{_listed(PAPER_SPEED)} times faster at a similar top-1, or {_listed(PAPER_POINTS)} '
        'points more at a similar latency',
        f'{"slimmable network":<30}{"top-1":>7}{"faster":>8}{"points":>8}'
        '  at its top-1; at its time',
    ]
    for each in found:
        one = each[way]
        faster = '-' if one['speed_up'] is None else f'{one["speed_up"]:.2f}x'
        points = '-' if one['points'] is None else f'{one["points"]:+.1f}'
        lines.append(
            f'{each["network"]:<30}{each["top1"]:>7.1%}{faster:>8}{points:>8}  '
            f'{one["fastest"] or "none reaches it"}; {one["most_accurate"] or "none is as fast"}'
        )
    return '\n'.join(lines)


def _listed(figures: Mapping[str, float]) -> str:
    return ' and '.join(f'{each:g} ({processor})' for processor, each in figures.items())


def draw(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Plot top-1 against latency, one panel per way; raises ValueError if it cannot be written."""
    figure = Figure(figsize=(11, 4.8), dpi=110, layout='constrained')
    axes = figure.subplots(1, 2, sharey=True)
    for axis, kind, title in zip(
        axes, (ENGINE, EAGER), ('in our engine', "in the authors' way (eager PyTorch)"), strict=True
    ):
        for family in dict.fromkeys(row['family'] for row in rows):
            points = sorted(
                (row['latency_s'][kind] * 1e3, 100 * row['top1'])
                for row in rows
                if row['family'] == family
            )
            colour = COLOURS[family]
            best = list(accumulate((top1 for _, top1 in points), max))
            axis.plot(*zip(*points, strict=True), 'o', color=colour, markersize=4, label=family)
            latencies = [latency for latency, _ in points]
            axis.step(latencies, best, where='post', color=colour, linewidth=1)
        axis.set_xscale('log')
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FormatStrFormatter('%g'))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel('latency [ms], measured')
        axis.set_title(title, fontsize=10)
        style(axis, grid='both')
    axes[0].set_ylabel('ImageNet top-1 [%], published')
    axes[0].legend(fontsize=8)
    save(figure, file)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = alternation_parser(__doc__, rounds=5, images=1)
    parser.add_argument('--slimmable', required=True, metavar='FILE', help='YAML file')
    parser.add_argument('--ofa', required=True, metavar='FILE', help='JSON lines')
    parser.add_argument('--engine', default=AUTO, help='engine of all networks')
    parser.add_argument('--threads', type=int, default=usable_cores(), help='CPU threads')
    parser.add_argument('--picture', metavar='FILE', help='PNG of both fronts')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
