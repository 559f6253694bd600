# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What cascades save on a simulated board: our manager with against without them.

    python benchmarks/cascade_simulated.py --model ofa_mbv3_cifar10 --json FILE

One camera in each shipped scenario that has one, with the networks of the model, least energy at an
accuracy floor just below the largest sub-network: on the CPU cluster, where time follows the work,
and on the GPU, where it hardly does. Both sides see the same pictures and the same jitter.

The deadlines of the scenarios are those of networks on the GPU. On the CPU most of them are too
short for the largest sub-network, with or without cascades, and then no cascade reaches the floor
either. So they are scaled until it can; the figures with the scenarios' own deadlines are beside.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from goals import Ceiling, Goal, judge
from machine import benchmark_parser, count, run_benchmark

from dynofa_ros.runtime import Target
from dynofa_ros.share import share_path
from dynofa_ros.simulation import ApplicationResult, Result, Scenario, load_scenario, simulate
from dynofa_ros.simulation.networks_file import Networks, load_networks
from dynofa_ros.simulation.policies.registry import OURS, WITHOUT_CASCADES
from dynofa_ros.simulation.scenario import ApplicationPlan, TargetChange

PLATFORM = 'jetson_xavier_nx'
CPU, GPU = 'cpu', 'gpu'
BELOW_LARGEST = 0.003
"""The floor, in accuracy below the largest sub-network."""
DEADLINE_SCALE = 1.6
"""With it the largest sub-network meets every deadline on the CPU cluster, without other load."""
QUICK_SCENARIOS = ('steady', 'changing_deadlines')


@dataclass(frozen=True)
class Figures:
    """The figures of one run."""

    frame_energy_j: float
    miss_rate: float
    accuracy: float
    escalated: float
    """Share of the frames."""
    cut: float
    """Share of the frames."""
    switches_per_minute: float

    @classmethod
    def of(cls, result: Result) -> Figures:
        """Return the figures of the one camera of a run."""
        camera: ApplicationResult
        (camera,) = result.applications.values()
        return cls(
            camera.energy_per_frame_j,
            camera.miss_rate,
            camera.accuracy,
            camera.escalated / camera.frames,
            camera.cut / camera.frames,
            60.0 * camera.switches / result.duration_s,
        )


@dataclass(frozen=True)
class Pair:
    """One scenario and seed, with and without cascades."""

    scenario: str
    seed: int
    with_cascades: Figures
    without: Figures

    @property
    def saved(self) -> float:
        """The share of the frame energy that cascades save."""
        return 1.0 - self.with_cascades.frame_energy_j / self.without.frame_energy_j


def single_camera_scenarios() -> list[str]:
    """Return the names of the shipped scenarios with one application."""
    names = sorted(each.stem for each in share_path('config/scenarios').glob('*.yaml'))
    return [each for each in names if len(load_scenario(each).applications) == 1]


def case(
    name: str,
    networks: Networks,
    *,
    processor: str,
    deadline_scale: float = 1.0,
    publish_early: bool = False,
) -> Scenario:
    """Return a scenario with these networks on one processor, saving energy above a floor.

    Programs that nobody manages load that processor as they loaded the scenario's own, and the
    profiles of the most accurate sub-networks are as wrong as those of the scenario.
    """
    scenario = load_scenario(name)
    (plan,) = scenario.applications
    ranked = sorted(networks.networks, key=lambda each: each.accuracy, reverse=True)
    floor = ranked[0].accuracy - BELOW_LARGEST
    errors = dict(zip((each.subnet_id for each in ranked), _errors(scenario, plan), strict=False))
    targets = tuple(
        TargetChange(
            each.at_s,
            Target(each.target.deadline_s * deadline_scale, floor, each.target.priority),
        )
        for each in plan.targets
    )
    plan = replace(
        plan,
        networks=networks,
        processors=(processor,),
        targets=targets,
        publish_early=publish_early,
    )
    return replace(
        scenario,
        applications=(plan,),
        objective='min_energy',
        profile_errors=errors,
        co_runners=tuple(replace(each, processor=processor) for each in scenario.co_runners),
    )


def _errors(scenario: Scenario, plan: ApplicationPlan) -> Iterator[float]:
    """Yield true / profiled latency of the scenario's sub-networks, the most accurate first."""
    for each in sorted(plan.networks.networks, key=lambda each: each.accuracy, reverse=True):
        if each.subnet_id in scenario.profile_errors:
            yield scenario.profile_errors[each.subnet_id]


def compare(
    networks: Networks, scenarios: Sequence[str], *, seeds: int, **settings: Any
) -> list[Pair]:
    """Run all scenarios and seeds with and without cascades; `settings` are those of `case`."""
    pairs = []
    for name, seed in itertools.product(scenarios, range(seeds)):
        scenario = case(name, networks, **settings)
        with_cascades, without = (
            Figures.of(simulate(PLATFORM, scenario, policy, seed))
            for policy in (OURS, WITHOUT_CASCADES)
        )
        pairs.append(Pair(name, seed, with_cascades, without))
        print(
            f'{settings["processor"]} {name} {seed}: {with_cascades.frame_energy_j * 1e3:.1f} mJ, '
            f'without {without.frame_energy_j * 1e3:.1f} mJ; late {with_cascades.miss_rate:.2%}, '
            f'{without.miss_rate:.2%}; escalated {with_cascades.escalated:.0%}',
            flush=True,
        )
    return pairs


def by_scenario(pairs: Sequence[Pair], figure: Callable[[Pair], float]) -> dict[str, float]:
    """Return the mean of a figure over the seeds of each scenario."""
    names = dict.fromkeys(each.scenario for each in pairs)
    return {n: mean(figure(each) for each in pairs if each.scenario == n) for n in names}


def mean(values: Iterable[float]) -> float:
    """Return the arithmetic mean."""
    return float(np.mean(list(values)))


def goals(cpu: Sequence[Pair], gpu: Sequence[Pair], early: Sequence[Pair]) -> list[Goal]:
    """Return the figures to reach; shares are in per cent."""

    def late(pairs: Sequence[Pair], side: str) -> float:
        return 100.0 * mean(getattr(each, side).miss_rate for each in pairs)

    early_late = by_scenario(early, lambda each: 100.0 * each.with_cascades.miss_rate).values()
    return [
        Goal(
            'frame energy saved on the CPU, mean of the scenarios [%]',
            100.0 * mean(each.saved for each in cpu),
            30.0,
        ),
        Ceiling(
            'deadlines missed on the CPU [%], without cascades at most',
            late(cpu, 'with_cascades'),
            late(cpu, 'without'),
        ),
        Goal(
            'frame energy saved on the GPU, least of the scenarios [%]',
            100.0 * min(by_scenario(gpu, lambda each: each.saved).values()),
            0.0,
        ),
        Ceiling(
            'deadlines missed on the GPU [%], without cascades at most',
            late(gpu, 'with_cascades'),
            late(gpu, 'without'),
        ),
        Ceiling('deadlines missed with publish_early, mean [%]', mean(early_late), 0.2),
        Ceiling('deadlines missed with publish_early, worst scenario [%]', max(early_late), 0.5),
        Ceiling(
            'switches a minute on the CPU, without cascades at most',
            mean(each.with_cascades.switches_per_minute for each in cpu),
            mean(each.without.switches_per_minute for each in cpu),
        ),
    ]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Compare with and without cascades; return all pairs and the figures to reach."""
    networks = load_networks(f'model:{options.model}')
    return compare_all(networks, options.scenarios or single_camera_scenarios(), options.seeds)


def compare_all(networks: Networks, scenarios: Sequence[str], seeds: int) -> dict[str, Any]:
    """Return all pairs and the figures to reach; raises ValueError without cascades."""
    if not networks.cascades or networks.scores is None:
        raise ValueError(
            f'cascades of {networks.supernet} are missing; expected some, with a table of scores: '
            'dynofa cascade makes them'
        )
    scaled = {'processor': CPU, 'deadline_scale': DEADLINE_SCALE}
    cases: dict[str, dict[str, Any]] = {
        'cpu': scaled,
        'cpu_publish_early': scaled | {'publish_early': True},
        'cpu_own_deadlines': {'processor': CPU},
        'gpu': {'processor': GPU},
    }
    pairs = {
        name: compare(networks, scenarios, seeds=seeds, **settings)
        for name, settings in cases.items()
    }
    own = mean(each.saved for each in pairs['cpu_own_deadlines'])
    print(f"saved on the CPU with the scenarios' own deadlines: {own:.1%}")
    judged = judge(goals(pairs['cpu'], pairs['gpu'], pairs['cpu_publish_early']))
    return {
        'platform': PLATFORM,
        'deadline_scale': DEADLINE_SCALE,
        'floor_below_largest': BELOW_LARGEST,
        'cascades': [each.cascade_id for each in networks.cascades],
        'pairs': {name: [asdict(each) for each in some] for name, some in pairs.items()},
        'saved_with_own_deadlines': own,
        'goals': judged,
    }


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run."""
    parser = benchmark_parser(__doc__)
    parser.add_argument('--model', default='ofa_mbv3_cifar10', help='name or folder of a model')
    parser.add_argument('--seeds', type=count, default=3, help='runs of each scenario')
    parser.add_argument('--scenarios', nargs='+', help='default: all with one camera')
    parser.add_argument('--quick', action='store_true', help='a trial: two scenarios, one seed')
    options = parser.parse_args(argv)
    if options.quick:
        options.scenarios, options.seeds = list(QUICK_SCENARIOS), 1
    return run_benchmark('cascade_simulated', measure, options)


if __name__ == '__main__':
    sys.exit(main())
