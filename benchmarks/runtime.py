# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Compare the resource manager with static networks, governors, the paper's demo and an oracle.

Everything is SIMULATED (docs/simulation.md): platforms x scenarios x policies x seeds in one run,
each policy with the same images and the same latency jitter. Figures are means over the seeds with
their 95 % interval. A dropped image counts as missed. Every goal is judged on every platform and
scenario it applies to and printed, met or missed; a missed goal leaves the exit status 0.

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
from runtime_energy_goals import REFERENCES, Runs, reference_policy, requirements
from runtime_figures import Comparison, summary
from runtime_goals import STEPPING, judge_all
from runtime_page import verdict, write_page
from runtime_pictures import draw_all
from runtime_runs import Case, Run, make_run, platform_of, scenario_of
from runtime_tables import SIMULATED, comparison_lines, policy_lines

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
GOVERNED = ('performance', 'powersave', 'ondemand', 'schedutil', 'schedutil+simple_ondemand')
POLICIES: tuple[str, ...] = (
    OURS,
    ORACLE,
    ORACLE_WITHOUT_JITTER,
    'alert',
    'dvfs-only',
    'switch-only:schedutil',
    STEPPING,
    *(f'static-{size}:{each}' for size in ('best', 'largest', 'smallest') for each in GOVERNED),
)
QUICK_POLICIES: tuple[str, ...] = (OURS, ORACLE, ORACLE_WITHOUT_JITTER, STEPPING)
DIGITS = 6  # significant, in the JSON file
Runner = Callable[[Iterable[Case]], Iterable[Run]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print tables and goals, write figures, pictures and page."""
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
        comparisons = [each for place, runs in groups.items() for each in judge_all(*place, runs)]
        document = as_document(options, groups, comparisons, time.perf_counter() - started_s)
        print('\n'.join(['', *comparison_lines(comparisons), verdict(document['goals'])]))
        if options.json:
            write_text(options.json, as_json(document))
        if options.pictures:
            draw_all(groups, comparisons, options.pictures)
        if options.page:
            write_page(options.page, document, options.json, options.pictures)
    except ValueError as error:
        print(f'runtime: {error}', file=sys.stderr)
        return 1
    return 0


def measure(platform: str, scenario: str, options: argparse.Namespace, runner: Runner) -> Runs:
    """Return the runs of one platform and scenario by label; print their table."""
    seeds = range(options.seed, options.seed + options.seeds)
    policies = {name: name for name in (QUICK_POLICIES if options.quick else POLICIES)}
    for governor, label in REFERENCES.items():
        policies[label] = reference_policy(platform, scenario, governor, seed=options.seed)
    runs = by_label(
        runner(
            [
                Case(platform, scenario, label, policy, seed)
                for label, policy in policies.items()
                for seed in seeds
            ]
        )
    )
    first = {label: made[0] for label, made in runs.items()}
    several = len(scenario_of(scenario).applications) > 1
    required = requirements(first, several=several)
    runs |= by_label(
        runner(
            [
                Case(platform, scenario, label, policy, seed, requirement)
                for label, (policy, requirement) in required.items()
                for seed in seeds
            ]
        )
    )
    print('\n'.join(policy_lines(platform, scenario, runs)), flush=True)
    return runs


def by_label(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return runs by label, in order of their seeds."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.case.label, []).append(run)
    return found


def as_document(
    options: argparse.Namespace,
    groups: Mapping[tuple[str, str], Runs],
    comparisons: Sequence[Comparison],
    took_s: float,
) -> dict[str, Any]:
    """Return all figures as a JSON object; an interval is [mean, half its width]."""
    paths = ('json', 'pictures', 'page')
    document: dict[str, Any] = {
        'simulated': True,
        'machine': facts(),
        'settings': {key: each for key, each in vars(options).items() if key not in paths},
        'date': time.strftime('%Y-%m-%d'),
        'took_s': took_s,
        'rows': [
            {'platform': platform, 'scenario': scenario, 'policy': label} | summary(made)
            for (platform, scenario), runs in groups.items()
            for label, made in runs.items()
        ],
        'goals': [each.to_dict() for each in comparisons],
    }
    return rounded(without_nan(document))


def rounded(value: Any) -> Any:
    """Return a JSON value with all numbers rounded to significant digits."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f'{value:.{DIGITS}g}') if isinstance(value, float) else value


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as compact JSON, with one line for each row and each goal."""
    dumps = functools.partial(json.dumps, allow_nan=False, separators=(',', ':'))
    lines = []
    for key, value in document.items():
        text = dumps(value)
        if key in ('rows', 'goals'):
            text = '[\n' + ',\n'.join(map(dumps, value)) + '\n]'
        lines.append(f'"{key}":{text}')
    return '{\n' + ',\n'.join(lines) + '\n}\n'


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument('--platforms', nargs='+', default=PLATFORMS, help='names or files')
    parser.add_argument('--scenarios', nargs='+', help='names or files')
    parser.add_argument('--seeds', type=count, help='number of seeds (20)')
    parser.add_argument('--seed', type=int, default=0, help='first seed')
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
