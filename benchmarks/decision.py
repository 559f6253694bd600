"""How long one decision of the resource manager takes.

Profiles are made up: as many operating points as asked for, none of which another one beats, on a
GPU and a CPU with 20 clocks each. Between two decisions estimates move, as frames move them; every
tenth decision has new targets; the objective changes on the way, through all there are; a clock is
there four decisions after its command. Each application holds a few sub-networks ready and would
have to compile the others. In the last case a power cap binds in most decisions. Timed is `decide`,
on one thread.

    python benchmarks/decision.py --json decision.json
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from goals import Ceiling
from machine import count, facts, json_file

from dynofa_ros.atomic_file import write_json
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

PROCESSORS = ('cpu', 'gpu')
CLOCKS_HZ = tuple(1e8 * step for step in range(1, 21))
WARM_UP = 50  # decisions before the first that counts
TARGETS_EVERY = 10  # decisions
OBJECTIVE_EVERY = 100  # decisions
CLOCK_DELAY = 4  # decisions until a clock is there: 0.8 s at 5 a second
ENERGY_WEIGHT = 0.1  # accuracy per joule, for the objective `weighted`
READY = 4  # keys of operating points that an application need not compile first


@dataclass(frozen=True)
class Case:
    """So many applications with so many operating points each, and how long is good enough."""

    applications: int
    points: int
    goal_p99_s: float
    power_cap_w: float = math.inf

    @property
    def name(self) -> str:
        """Say it in words."""
        plural = 's' if self.applications > 1 else ''
        cap = '' if math.isinf(self.power_cap_w) else f', {self.power_cap_w:g} W'
        return f'{self.applications} application{plural} x {self.points} points{cap}'


CASES = (Case(1, 10_000, 0.5e-3), Case(4, 200, 5e-3), Case(4, 200, 5e-3, power_cap_w=3.0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--decisions', type=count, default=2000, help='timed decisions of a case')
    parser.add_argument('--seed', type=count, default=1, help='of profiles, targets, estimates')
    parser.add_argument('--json', type=json_file, help='file for the figures')
    options = parser.parse_args(arguments)
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
        goals.append(Ceiling(f'{case.name}, p99 ms', p99_s * 1e3, case.goal_p99_s * 1e3))
        print(
            f'{case.name:<36}{p50_s * 1e3:>9.3f}{p99_s * 1e3:>9.3f}{max(times_s) * 1e3:>12.3f}'
            f'{changes:>9}{100 * exact:>6.0f}%'
        )
    for goal in goals:
        print(goal.line())
    if options.json:
        document = {
            'machine': facts(),
            'settings': {
                'decisions': options.decisions,
                'seed': options.seed,
                'threads': 1,
                'clocks': [len(CLOCKS_HZ)] * len(PROCESSORS),
            },
            'rows': rows,
            'goals': [goal.to_dict() for goal in goals],
        }
        write_json(options.json, document)
    return 0


def measure(case: Case, *, decisions: int, seed: int) -> tuple[list[float], int, float]:
    """Time decisions.

    Returns the time of each [s], how many changed a sub-network or a clock, and which share was
    exact.
    """
    rng = np.random.default_rng(seed)
    profiles = [
        profile(f'app{index}', points=case.points, rng=rng) for index in range(case.applications)
    ]
    for each in profiles:
        each.prepare()  # as the manager does when an application joins
    times_s, changes, exact = [], 0, 0
    decided: Decision | None = None
    commanded = [dict.fromkeys(PROCESSORS, CLOCKS_HZ[-1])]  # after each decision
    targets: list[Target] = []
    walk = dict.fromkeys(PROCESSORS, 1.0)
    for turn in range(WARM_UP + decisions):
        if turn % TARGETS_EVERY == 0:
            targets = [draw_target(rng) for _ in profiles]
        for name in walk:
            walk[name] = float(np.clip(walk[name] * rng.lognormal(0.0, 0.03), 0.8, 3.0))
        state = DecisionState(
            applications=tuple(applications(profiles, targets, walk, decided=decided, rng=rng)),
            domains=tuple(
                Domain(
                    name,
                    (name,),
                    CLOCKS_HZ,
                    frequency_hz=commanded[max(0, turn - CLOCK_DELAY)][name],
                    commanded_hz=commanded[turn][name],
                )
                for name in PROCESSORS
            ),
            policy=DecisionPolicy(
                objective=list(Objective)[turn // OBJECTIVE_EVERY % len(Objective)],
                energy_weight=ENERGY_WEIGHT,
                power_cap_w=case.power_cap_w,
            ),
            hysteresis=turn % TARGETS_EVERY != 0,
        )
        start_s = time.perf_counter()
        decision = decide(state)
        took_s = time.perf_counter() - start_s
        if turn >= WARM_UP:
            times_s.append(took_s)
            changes += decided is None or what(decision) != what(decided)
            exact += decision.exact
        decided = decision
        commanded.append(commanded[-1] | dict(decision.clocks_hz))
    return times_s, changes, exact / decisions


def profile(app: str, *, points: int, rng: np.random.Generator) -> Profile:
    """Make up a profile: at every clock of both processors a ladder of sub-networks."""
    clocks = len(PROCESSORS) * len(CLOCKS_HZ)
    ladder, rest = divmod(points, clocks)
    if rest:
        raise ValueError(f'points is {points}; expected a multiple of {clocks}')
    # Work and accuracy rise together, so that no point beats another.
    works = np.sort(rng.uniform(0.01, 0.05, ladder))
    accuracies = 0.6 + 0.25 * (np.arange(ladder) + 1) / ladder
    return Profile(
        app,
        'made up',
        'made up',
        'modelled',
        'modelled',
        tuple(
            OperatingPoint(
                subnet_id=f'subnet{index}',
                engine='torch',
                processor=processor,
                threads=1,
                frequency_hz=clock_hz,
                latency_s=slower * work / (clock_hz / CLOCKS_HZ[-1]),
                latency_std_s=0.03 * slower * work,
                energy_j=work * (2.0 + 8.0 * (clock_hz / CLOCKS_HZ[-1]) ** 2) / slower,
                accuracy=float(accuracies[index]),
                flops=1,
                parameters=1,
            )
            for processor, slower in zip(PROCESSORS, (2.0, 1.0), strict=True)
            for clock_hz in CLOCKS_HZ
            for index, work in enumerate(works)
        ),
    )


def draw_target(rng: np.random.Generator) -> Target:
    """Draw a deadline between what nothing and what everything meets, and a floor."""
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
    """Yield each application as its frames show it now."""
    for index, (each, target) in enumerate(zip(profiles, targets, strict=True)):
        keys = each.table.keys
        ready = {keys[which] for which in rng.integers(0, len(keys), READY)}
        choice = decided.choices[index] if decided else None
        waits = choice is not None and choice.point.key != choice.settled_point.key
        yield ApplicationState(
            profile=each,
            target=target,
            slowdowns={
                name: Slowdown(mean, float(rng.uniform(0.01, 0.1))) for name, mean in walk.items()
            },
            overhead_s=0.002,
            overhead_std_s=0.0005,
            frame_period_s=0.1,
            current=choice.settled_point if choice else None,
            interim=choice.point.key if choice and waits else None,
            unready=frozenset(keys) - ready,
        )


def what(decision: Decision) -> tuple[object, ...]:
    """Return what a decision would have done."""
    return decision.clocks_hz, [each.point for each in decision.choices]


if __name__ == '__main__':
    sys.exit(main())
