# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Compare the resource manager with static networks, governors, the paper's demo and an oracle.

Everything is SIMULATED (docs/simulation.md): platforms x scenarios x policies x seeds in one run,
each policy with the same images, the same latency jitter and the same error of its profile. Six
measures (docs/results.md) with their 95 % intervals; a dropped image counts as missed. A missed
goal leaves the exit status 0.

    python benchmarks/runtime.py --json runtime.json --pictures FOLDER --page docs/results.md
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from machine import benchmark_parser, count, facts, json_file
from runtime_measures import (
    MEASURES,
    REFERENCES,
    STEPPING,
    Interval,
    Runs,
    figures,
    hindsight_policy,
    kept_conditions,
    oracle_share,
    overall,
    saving_runs,
)
from runtime_page import SIMULATED, goal_lines, write_page
from runtime_pictures import draw_all
from runtime_runs import Case, Run, make_run, platform_of, scenario_of

from dynofa_ros.atomic_file import without_nan, write_text
from dynofa_ros.simulation.policies.registry import ORACLE, ORACLE_WITHOUT_JITTER, OURS

PLATFORMS = ('jetson_xavier_nx', 'jetson_agx_xavier')
SCENARIOS: tuple[str, ...] = (
    'steady',
    'paper_trace',
    'changing_deadlines',
    'changing_contention',
    'bursty_camera',
    'sensors_fail',
    'draining_battery',
    'mission',
    'heat',
    'two_applications',
    'four_applications',
)
QUICK_SCENARIOS = ('paper_trace', 'two_applications')
POLICIES: tuple[str, ...] = (OURS, ORACLE, ORACLE_WITHOUT_JITTER, 'alert', STEPPING)
PROFILE_ERROR = 0.10
DIGITS = 6  # significant, in the JSON file
Runner = Callable[[Iterable[Case]], Iterable[Run]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print the measures, write figures, pictures and page."""
    options = _options(arguments)
    started_s = time.perf_counter()
    print(SIMULATED)
    try:
        with ProcessPoolExecutor(options.processes) as pool:
            simulate_all = map if options.processes == 1 else pool.map
            groups = {
                place: measure(*place, options, lambda cases: simulate_all(make_run, cases))
                for place in itertools.product(options.platforms, options.scenarios)
            }
        document = as_document(options, groups, time.perf_counter() - started_s)
        print('\n'.join(['', *goal_lines(document)]))
        if options.json:
            write_text(options.json, as_json(document))
        if options.pictures:
            draw_all(document, groups, options.pictures)
        if options.page:
            write_page(options.page, document, options.json, options.pictures)
    except ValueError as error:
        print(f'runtime: {error}', file=sys.stderr)
        return 1
    return 0


def measure(platform: str, scenario: str, options: argparse.Namespace, runner: Runner) -> Runs:
    """Return the runs of one platform and scenario by label; print their measures."""
    started_s = time.perf_counter()
    error = options.profile_error
    seeds = range(options.seed, options.seed + options.seeds)
    policies = {name: name for name in POLICIES}
    for governor, label in REFERENCES.items():
        policies[label] = hindsight_policy(
            platform, scenario, governor, seed=options.seed, profile_error=error
        )
    runs = by_label(
        runner(
            [
                Case(platform, scenario, label, policy, seed, error)
                for label, policy in policies.items()
                for seed in seeds
            ]
        )
    )
    required = saving_runs({label: made[0] for label, made in runs.items()})
    runs |= by_label(
        runner(
            [
                Case(platform, scenario, label, policy, seed, error, requirement)
                for label, (policy, requirement) in required.items()
                for seed in seeds
            ]
        )
    )
    print(f'\n{scenario} on {platform}, simulated, {time.perf_counter() - started_s:.0f} s')
    for name, values in figures(scenario, runs).items():
        print(f'  {name:<52}{Interval.of(values).text(digits=2):>16} {MEASURES[name].unit}')
    sys.stdout.flush()
    return runs


def by_label(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return runs by label, in order of their seeds."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.case.label, []).append(run)
    return found


def as_document(
    options: argparse.Namespace, groups: Mapping[tuple[str, str], Runs], took_s: float
) -> dict[str, Any]:
    """Return all figures as a JSON object; an interval is [mean, half its width]."""
    paths = ('json', 'pictures', 'page')
    by_platform: dict[str, dict[str, dict[str, list[float]]]] = {}
    for (platform, scenario), runs in groups.items():
        by_platform.setdefault(platform, {})[scenario] = figures(scenario, runs)
    document: dict[str, Any] = {
        'simulated': True,
        'machine': facts(),
        'settings': {key: each for key, each in vars(options).items() if key not in paths},
        'date': time.strftime('%Y-%m-%d'),
        'took_s': took_s,
        'overall': {
            platform: {
                'measures': {name: each.to_dict() for name, each in overall(found).items()},
                'share of the oracle': {
                    kind: oracle_share(found, kind) for kind in ('frame', 'board')
                },
            }
            for platform, found in by_platform.items()
        },
        'rows': [
            {
                'platform': platform,
                'scenario': scenario,
                'references': {
                    governor: runs[label][0].case.policy for governor, label in REFERENCES.items()
                },
                'conditions kept': {
                    governor: kept_conditions(by_platform[platform][scenario], governor)
                    for governor in REFERENCES
                },
                'measures': {
                    name: Interval.of(values)
                    for name, values in by_platform[platform][scenario].items()
                },
            }
            for (platform, scenario), runs in groups.items()
        ],
        'policies': [
            {'platform': platform, 'scenario': scenario, 'policy': label} | summary(made)
            for (platform, scenario), runs in groups.items()
            for label, made in runs.items()
        ],
    }
    return rounded(without_nan(document))


SUMMARY: dict[str, Callable[[Run], float]] = {
    'board_energy_j': lambda run: run.board_energy_j,
    'frame_energy_j': lambda run: run.frame_energy_j,
    'accuracy': lambda run: sum(run.accuracy.values()) / len(run.accuracy),
    'effective_accuracy': lambda run: run.effective_accuracy,
    'latency_p95_s': lambda run: max(run.latency_p95_s.values()),
    'missed': lambda run: run.missed,
    'switches': lambda run: float(run.switches),
    'clock_changes': lambda run: float(run.clock_changes),
}
"""Figures of every policy; accuracy is the mean over applications, p95 that of the slowest."""


def summary(runs: Sequence[Run]) -> dict[str, Interval]:
    """Return the means over seeds of one policy."""
    return {name: Interval.of([of(each) for each in runs]) for name, of in SUMMARY.items()}


def rounded(value: Any) -> Any:
    """Return a JSON value with all numbers rounded to significant digits."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f'{value:.{DIGITS}g}') if isinstance(value, float) else value


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as compact JSON, with one line for each row and each policy."""
    dumps = functools.partial(json.dumps, allow_nan=False, separators=(',', ':'))
    lines = []
    for key, value in document.items():
        text = dumps(value)
        if key in ('rows', 'policies'):
            text = '[\n' + ',\n'.join(map(dumps, value)) + '\n]'
        lines.append(f'"{key}":{text}')
    return '{\n' + ',\n'.join(lines) + '\n}\n'


def _fraction(text: str) -> float:
    """Parse a fraction, for ``argparse``."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f'the value is {text!r}; expected 0 to 1')
    return value


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument('--platforms', nargs='+', default=PLATFORMS, help='names or files')
    parser.add_argument('--scenarios', nargs='+', help='names or files')
    parser.add_argument('--seeds', type=count, help='number of seeds (20)')
    parser.add_argument('--seed', type=int, default=0, help='first seed')
    parser.add_argument(
        '--profile-error',
        type=_fraction,
        default=PROFILE_ERROR,
        help='standard deviation of log(profiled / true latency) of each sub-network (0.10)',
    )
    parser.add_argument('--processes', type=count, default=1, help='number of parallel processes')
    parser.add_argument('--quick', action='store_true', help='a trial: one platform, two seeds')
    parser.add_argument('--pictures', type=Path, help='folder for the pictures')
    parser.add_argument(
        '--page', type=json_file, help='file for the page in Markdown; needs --json and --pictures'
    )
    options = parser.parse_args(arguments)
    if options.page and not (options.json and options.pictures):
        parser.error('--page needs --json and --pictures, which it links')
    options.scenarios = options.scenarios or (QUICK_SCENARIOS if options.quick else SCENARIOS)
    options.seeds = options.seeds or (2 if options.quick else 20)
    if options.quick:
        options.platforms = options.platforms[:1]
    try:  # before any work is done
        for name in options.platforms:
            platform_of(name)
        for name in options.scenarios:
            scenario_of(name)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == '__main__':
    sys.exit(main())
