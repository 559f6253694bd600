# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Time of one decision of the resource manager.

Profiles are synthetic: Pareto-optimal operating points on processors with 20 frequencies each.
Between two decisions the estimates change as frames change them; every tenth decision has new
targets; the objective cycles through all objectives; a frequency takes effect four decisions after
its command. Each application has a few resident sub-networks and would have to compile the others,
a correction for each sub-network, and is disturbed by the others. In one case a power cap binds in
most decisions; in the last one there are more combinations of frequencies than can be searched.
`decide` is timed on one thread.

    python benchmarks/decision.py --json decision.json
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from goals import Ceiling, judge
from machine import benchmark_parser, count, run_benchmark

from dynofa_ros.runtime import (
    ApplicationState,
    Decision,
    DecisionPolicy,
    DecisionState,
    Domain,
    Objective,
    OperatingPoint,
    Profile,
    Slowdown,
    Target,
    decide,
)
from dynofa_ros.runtime.estimation.correction import Correction

CONTENTION = 0.5
FREQUENCIES_HZ = tuple(1e8 * step for step in range(1, 21))
WARM_UP = 50  # decisions before the first timed one
TARGETS_EVERY = 10  # decisions
OBJECTIVE_EVERY = 100  # decisions
CHANGE_DELAY = 4  # decisions until a frequency is in force: 0.8 s at 5 Hz
ENERGY_WEIGHT = 0.1  # accuracy per joule, for the objective `weighted`
READY = 4  # keys of operating points that need no compilation, per application


@dataclass(frozen=True)
class Case:
    """A number of applications with a number of operating points each, and the goal."""

    applications: int
    points: int
    goal_s: float
    quantile: float = 0.99  # to which the goal applies
    power_cap_w: float = math.inf
    processors: int = 2  # each in a domain of its own

    @property
    def name(self) -> str:
        """The case in words."""
        plural = 's' if self.applications > 1 else ''
        cap = '' if math.isinf(self.power_cap_w) else f', {self.power_cap_w:g} W'
        domains = '' if self.processors == 2 else f' x {self.processors} domains'
        return f'{self.applications} application{plural} x {self.points} points{domains}{cap}'

    @property
    def names(self) -> tuple[str, ...]:
        """The processors, which are their own domains."""
        return tuple(f'processor{index}' for index in range(self.processors))


CASES = (
    Case(1, 10_000, 0.7e-3),
    Case(4, 200, 1e-3),
    Case(4, 200, 5e-3, power_cap_w=3.0),
    Case(8, 800, 8e-3, quantile=0.5, processors=8),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON."""
    parser = benchmark_parser(__doc__)
    parser.add_argument('--decisions', type=count, default=2000, help='timed decisions per case')
    parser.add_argument('--seed', type=count, default=1, help='of profiles, targets, estimates')
    return run_benchmark('decision', measure_all, parser.parse_args(arguments))


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all cases; print a table."""
    print(f'{"case":<36}{"p50 ms":>9}{"p99 ms":>9}{"longest ms":>12}{"changes":>9}{"exact":>7}')
    rows, goals = [], []
    for case in CASES:
        times_s, changes, exact = measure(case, decisions=options.decisions, seed=options.seed)
        p50_s, p99_s = (float(each) for each in np.quantile(times_s, (0.5, 0.99)))
        rows.append(
            asdict(case)
            | {'p50_s': p50_s, 'p99_s': p99_s, 'longest_s': max(times_s), 'changes': changes}
            | {'exact': exact}
        )
        reached_s = float(np.quantile(times_s, case.quantile))
        name = f'{case.name}, p{100 * case.quantile:g} ms'
        goals.append(Ceiling(name, reached_s * 1e3, case.goal_s * 1e3))
        print(
            f'{case.name:<36}{p50_s * 1e3:>9.3f}{p99_s * 1e3:>9.3f}{max(times_s) * 1e3:>12.3f}'
            f'{changes:>9}{100 * exact:>6.0f}%'
        )
    return {
        'settings': {
            'decisions': options.decisions,
            'seed': options.seed,
            'threads': 1,
            'clocks': len(FREQUENCIES_HZ),
        },
        'rows': rows,
        'goals': judge(goals),
    }


def measure(case: Case, *, decisions: int, seed: int) -> tuple[list[float], int, float]:
    """Time decisions.

    Returns the time of each [s], the number that changed a sub-network or a frequency, and the
    fraction of exact ones.
    """
    rng = np.random.default_rng(seed)
    profiles = [profile(f'app{number}', case, rng=rng) for number in range(case.applications)]
    for each in profiles:
        each.prepare()  # as the manager does when an application joins
    times_s, changes, exact = [], 0, 0
    decided: Decision | None = None
    commanded = [dict.fromkeys(case.names, FREQUENCIES_HZ[-1])]  # after each decision
    targets: list[Target] = []
    walk = dict.fromkeys(case.names, 1.0)
    for index in range(WARM_UP + decisions):
        if index % TARGETS_EVERY == 0:
            targets = [draw_target(rng) for _ in profiles]
        for name in walk:
            walk[name] = float(np.clip(walk[name] * rng.lognormal(0.0, 0.03), 0.8, 3.0))
        state = DecisionState(
            applications=tuple(applications(profiles, targets, walk, decided=decided, rng=rng)),
            domains=tuple(
                Domain(
                    name,
                    (name,),
                    FREQUENCIES_HZ,
                    frequency_hz=commanded[max(0, index - CHANGE_DELAY)][name],
                    commanded_hz=commanded[index][name],
                )
                for name in case.names
            ),
            policy=DecisionPolicy(
                objective=list(Objective)[index // OBJECTIVE_EVERY % len(Objective)],
                energy_weight=ENERGY_WEIGHT,
                power_cap_w=case.power_cap_w,
            ),
            hysteresis=index % TARGETS_EVERY != 0,
            contention=dict.fromkeys(case.names, CONTENTION),
        )
        start_s = time.perf_counter()
        decision = decide(state)
        took_s = time.perf_counter() - start_s
        if index >= WARM_UP:
            times_s.append(took_s)
            changes += decided is None or effect(decision) != effect(decided)
            exact += decision.exact
        decided = decision
        commanded.append(commanded[-1] | dict(decision.clocks_hz))
    return times_s, changes, exact / decisions


def profile(app: str, case: Case, *, rng: np.random.Generator) -> Profile:
    """Return a synthetic profile: sub-networks at every frequency of all processors."""
    frequencies = case.processors * len(FREQUENCIES_HZ)
    ladder, rest = divmod(case.points, frequencies)
    if rest:
        raise ValueError(f'points is {case.points}; expected a multiple of {frequencies}')
    slowness = np.linspace(2.0, 1.0, case.processors).tolist()
    # Work and accuracy rise together, so that all points are Pareto-optimal.
    works = np.sort(rng.uniform(0.01, 0.05, ladder))
    accuracies = 0.6 + 0.25 * (np.arange(ladder) + 1) / ladder
    return Profile(
        app,
        'synthetic',
        'synthetic',
        'modelled',
        'modelled',
        tuple(
            OperatingPoint(
                subnet_id=f'subnet{index}',
                engine='torch',
                processor=processor,
                threads=1,
                frequency_hz=hz,
                latency_s=slower * work / (hz / FREQUENCIES_HZ[-1]),
                latency_std_s=0.03 * slower * work,
                energy_j=work * (2.0 + 8.0 * (hz / FREQUENCIES_HZ[-1]) ** 2) / slower,
                accuracy=float(accuracies[index]),
                flops=1,
                parameters=1,
            )
            for processor, slower in zip(case.names, slowness, strict=True)
            for hz in FREQUENCIES_HZ
            for index, work in enumerate(works)
        ),
    )


def draw_target(rng: np.random.Generator) -> Target:
    """Draw a deadline between infeasible and trivial, and an accuracy floor."""
    return Target(
        deadline_s=float(rng.uniform(0.01, 0.2)),
        min_accuracy=float(rng.choice([0.0, 0.65, 0.75])),
        priority=int(rng.integers(0, 2)),
    )


def applications(
    profiles: Sequence[Profile],
    targets: Sequence[Target],
    walk: Mapping[str, float],
    *,
    decided: Decision | None,
    rng: np.random.Generator,
) -> Iterator[ApplicationState]:
    """Yield the present state of each application."""
    for index, (each, target) in enumerate(zip(profiles, targets, strict=True)):
        keys = each.table.keys
        ready = {keys[which] for which in rng.integers(0, len(keys), READY)}
        yield ApplicationState(
            profile=each,
            target=target,
            slowdowns={
                name: Slowdown(mean, float(rng.uniform(0.01, 0.1))) for name, mean in walk.items()
            },
            corrections={
                subnet: Correction(float(rng.lognormal(0.0, 0.05)), 0.03)
                for subnet in each.table.subnets
            },
            overhead_s=0.002,
            overhead_std_s=0.0005,
            frame_period_s=0.1,
            current=decided.choices[index].point if decided else None,
            unready=frozenset(keys) - ready,
        )


def effect(decision: Decision) -> tuple[object, ...]:
    """Return the frequencies and points that a decision selects."""
    return decision.clocks_hz, [each.point for each in decision.choices]


if __name__ == '__main__':
    sys.exit(main())
