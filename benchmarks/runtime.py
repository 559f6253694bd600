"""The resource manager against static networks, governors, the paper's demo and an oracle.

Everything is SIMULATED (docs/simulation.md): platforms x scenarios x policies x seeds, all in one
run, every policy with the same images and the same luck of each frame. Figures are means over the
seeds with their 95 % interval. An image that was dropped counts as missed. Every goal is judged on
every platform and scenario it applies to, and printed, met or missed; a missed goal leaves the exit
status 0.

    python benchmarks/runtime.py --json runtime.json --pictures FOLDER --page docs/results.md
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import count, facts, json_file
from runtime_energy_goals import LUCKLESS, ORACLE, OURS, REFERENCES, Runs, requirements
from runtime_figures import Comparison, summary
from runtime_goals import STEPPING, judge
from runtime_page import page, relative_to
from runtime_pictures import draw_all
from runtime_reference import meeting
from runtime_runs import Case, Run, make_run, platform_of, scenario_of
from runtime_tables import SIMULATED, comparison_lines, policy_lines, verdict

from dynofa_ros.atomic_file import write_json, write_text

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
    LUCKLESS,
    'alert',
    'dvfs-only',
    'switch-only:schedutil',
    STEPPING,
    *(f'static-{size}:{each}' for size in ('best', 'largest', 'smallest') for each in GOVERNED),
)
QUICK_POLICIES: tuple[str, ...] = (OURS, ORACLE, LUCKLESS, STEPPING)
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
        comparisons = [each for place, runs in groups.items() for each in judge(*place, runs)]
        document = as_document(options, groups, comparisons)
        document['took_s'] = time.perf_counter() - started_s
        print('\n'.join(['', *comparison_lines(comparisons), verdict(comparisons)]))
        if options.json:
            write_json(options.json, document)
        pictures = draw_all(groups, comparisons, options.pictures) if options.pictures else []
        if options.page:
            links = relative_to(options.page, pictures)
            write_text(options.page, page(document, groups, comparisons, pictures=links))
    except ValueError as error:
        print(f'runtime: {error}', file=sys.stderr)
        return 1
    return 0


def measure(platform: str, scenario: str, options: argparse.Namespace, runner: Runner) -> Runs:
    """Return the runs of one platform and scenario by label; print their table."""
    seeds = range(options.seed, options.seed + options.seeds)
    policies = {name: name for name in (QUICK_POLICIES if options.quick else POLICIES)}
    for governor, label in REFERENCES.items():
        policies[label] = meeting(platform, scenario, governor, seed=options.seed)
    cases = [
        Case(platform, scenario, label, policy, seed)
        for label, policy in policies.items()
        for seed in seeds
    ]
    runs = gathered(runner(cases))
    first = {label: made[0] for label, made in runs.items()}
    two = len(scenario_of(scenario).applications) > 1
    asked = requirements(first, two=two)
    cases = [
        Case(platform, scenario, label, policy, seed, requirement)
        for label, (policy, requirement) in asked.items()
        for seed in seeds
    ]
    runs |= gathered(runner(cases))
    print('\n'.join(policy_lines(platform, scenario, runs)), flush=True)
    return runs


def gathered(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return runs by label, in the order of their seeds."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.case.label, []).append(run)
    return found


def as_document(
    options: argparse.Namespace,
    groups: dict[tuple[str, str], Runs],
    comparisons: Sequence[Comparison],
) -> dict[str, Any]:
    """Return everything as the JSON holds it."""
    paths = ('json', 'pictures', 'page')
    return {
        'simulated': True,
        'machine': facts(),
        'settings': {key: each for key, each in vars(options).items() if key not in paths},
        'date': time.strftime('%Y-%m-%d'),
        'rows': [
            {'platform': platform, 'scenario': scenario, 'policy': label}
            | {name: asdict(each) for name, each in summary(made).items()}
            for (platform, scenario), runs in groups.items()
            for label, made in runs.items()
        ],
        'goals': [each.to_dict() for each in comparisons],
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--platforms', nargs='+', default=PLATFORMS, help='names or files')
    parser.add_argument('--scenarios', nargs='+', help='names or files')
    parser.add_argument('--seeds', type=count, help='how many (20)')
    parser.add_argument('--seed', type=int, default=0, help='the first of them')
    parser.add_argument('--processes', type=count, default=1, help='that simulate at once')
    parser.add_argument('--quick', action='store_true', help='a trial: one platform, two seeds')
    parser.add_argument('--json', type=json_file, help='file for the figures')
    parser.add_argument('--pictures', type=Path, help='folder for the pictures')
    parser.add_argument('--page', type=json_file, help='file for tables and goals, Markdown')
    options = parser.parse_args(arguments)
    options.scenarios = options.scenarios or (QUICK_SCENARIOS if options.quick else SCENARIOS)
    options.seeds = options.seeds or (2 if options.quick else 20)
    if options.quick:
        options.platforms = options.platforms[:1]
    for name in options.platforms:
        _readable(parser, platform_of, name)
    for name in options.scenarios:
        _readable(parser, scenario_of, name)
    return options


def _readable(parser: argparse.ArgumentParser, load: Callable[[str], object], name: str) -> None:
    """End with the reason where a platform or scenario cannot be read, before any work is done."""
    try:
        load(name)
    except ValueError as error:
        parser.error(str(error))


if __name__ == '__main__':
    sys.exit(main())
