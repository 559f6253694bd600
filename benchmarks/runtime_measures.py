# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The measures of runtime.py: which runs they need, and their figures with intervals.

Energy per frame is compared twice. That of the *board*, with idle power, drains the battery. That
of the *frame*, its work above idle, is what `frame_report` states and what a policy can change.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from runtime_runs import Case, Requirement, Run, make_run, platform_of, scenario_of
from scipy import stats

from dynofa_ros.runtime import ManagerSettings
from dynofa_ros.simulation.policies.registry import ORACLE, ORACLE_WITHOUT_JITTER, OURS, STATIC
from dynofa_ros.simulation.simulator import profiles

Runs = Mapping[str, Sequence[Run]]
"""The runs of one platform and scenario: by label, one per seed."""

PERFORMANCE, BOARD_GOVERNORS = GOVERNORS = ('performance', 'schedutil+simple_ondemand')
"""Highest frequencies, and those that mainline Linux sets on a board with CPU and GPU."""
STEPPING = 'stepping:performance'
REFERENCES = {each: f'best static in hindsight:{each}' for each in GOVERNORS}
SAVING = {
    governor: {policy: f'{policy}, saving against {governor}' for policy in (OURS, ORACLE)}
    for governor in GOVERNORS
}
LUCKLESS_SAVING = f'{ORACLE_WITHOUT_JITTER}, saving against {PERFORMANCE}'
AS_FAST = {each: f'{OURS}, saving against {each}, as fast' for each in GOVERNORS}
NO_BOUND = {
    'heat': 'the oracle does not foresee thermal throttling',
    'draining_battery': "the manager's objective changes during the run, the oracle's does not",
    'mission': 'the oracle ignores power caps',
}
"""Scenarios in which the oracle is no bound, and why."""
ACCURACY_POINTS = 0.5
"""Accuracy that may be lost against the reference, in percentage points."""
SAME_P95 = 1.1
"""Ratio of p95 latencies up to which two policies have similar latency."""
PROMISE = round(1.0 - ManagerSettings.deadline_probability, 9)
"""Misses that the resource manager allows itself."""
MORE_MISSED = 0.01
"""Misses above the promise that a saving may cost."""


class Interval(NamedTuple):
    """A mean over seeds and half the width of its 95 % interval (Student's t)."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the interval of one value per seed; that of a single value has unknown width."""
        if not len(values) or any(math.isnan(each) for each in values):
            return cls(math.nan, math.nan)
        mean, count = statistics.fmean(values), len(values)
        if count == 1:
            return cls(mean, math.nan)
        quantile = float(stats.t.ppf(0.975, count - 1))
        return cls(mean, quantile * statistics.stdev(values) / math.sqrt(count))

    @classmethod
    def from_json(cls, values: Sequence[float | None]) -> Interval:
        """Return the interval of a JSON array, in which unknown numbers are null."""
        return cls(*(math.nan if each is None else each for each in values))

    def text(self, *, digits: int = 1) -> str:
        """Return the interval as `mean ± half`."""
        if math.isnan(self.mean):
            return '-'
        text = f'{self.mean:.{digits}f}'
        return text if math.isnan(self.half) else f'{text} ± {self.half:.{digits}f}'


def hindsight_policy(
    platform: str, scenario: str, governor: str, *, seed: int, profile_error: float
) -> str:
    """Return the policy of the most accurate static network that keeps the promise at a governor.

    Every sub-network is simulated with one seed. If none keeps the promise, the one with the fewest
    misses is returned. With several applications, `static-best` chooses one for each, knowing the
    scenario's worst contention.
    """
    found = profiles(scenario_of(scenario), platform_of(platform))
    if len(found) > 1:
        return f'static-best:{governor}'
    (profile,) = found.values()
    runs = [
        make_run(Case(platform, scenario, '', f'{STATIC}{name}:{governor}', seed, profile_error))
        for name in profile.subnet_ids
    ]
    return best_static(runs).case.policy


def best_static(runs: Sequence[Run]) -> Run:
    """Return the most accurate run that keeps the promise; ties go to the one of less energy."""
    good = [each for each in runs if each.missed <= PROMISE]
    if not good:
        return min(runs, key=lambda each: each.missed)
    return max(good, key=lambda each: (sum(each.accuracy.values()), -each.board_energy_j))


def saving_runs(first: Mapping[str, Run]) -> dict[str, tuple[str, Requirement]]:
    """Return policy and requirement of the runs that save energy, by label.

    `first` holds the references of the first seed. A requirement is kept for all seeds, as a user
    would write it into a configuration.
    """
    needed: dict[str, tuple[str, Requirement]] = {}
    for governor, label in REFERENCES.items():
        reference = first[label]
        floors = {
            app: accuracy - ACCURACY_POINTS / 100 for app, accuracy in reference.accuracy.items()
        }
        saving = Requirement('min_energy', floors)
        needed |= {label: (policy, saving) for policy, label in SAVING[governor].items()}
        if governor == PERFORMANCE:
            needed[LUCKLESS_SAVING] = (ORACLE_WITHOUT_JITTER, saving)
        p95_s = {app: SAME_P95 * each for app, each in reference.latency_p95_s.items()}
        needed[AS_FAST[governor]] = (OURS, Requirement('min_energy', floors, p95_s))
    return needed


def percent_saved(ours: Sequence[Run], theirs: Sequence[Run], energy: str) -> list[float]:
    """Return the energy per frame that ours saves, in percent, by seed."""
    return [
        100 * (1 - getattr(a, energy) / getattr(b, energy))
        for a, b in zip(ours, theirs, strict=True)
    ]


def _missed(label: str) -> Callable[[Runs], list[float]]:
    return lambda runs: [100 * each.missed for each in runs[label]]


def _effective_gap(ours: str, luckless: str) -> Callable[[Runs], list[float]]:
    def gap(runs: Runs) -> list[float]:
        return [
            100 * (b.effective_accuracy - a.effective_accuracy)
            for a, b in zip(runs[ours], runs[luckless], strict=True)
        ]

    return gap


def _saved(policy: str, governor: str, energy: str) -> Callable[[Runs], list[float]]:
    return lambda runs: percent_saved(
        runs[SAVING[governor][policy]], runs[REFERENCES[governor]], energy
    )


def _saved_as_fast(governor: str) -> Callable[[Runs], list[float]]:
    return lambda runs: percent_saved(
        runs[AS_FAST[governor]], runs[REFERENCES[governor]], 'board_energy_j'
    )


def _p95_ratio(governor: str) -> Callable[[Runs], list[float]]:
    def ratio(runs: Runs) -> list[float]:
        pairs = zip(runs[AS_FAST[governor]], runs[REFERENCES[governor]], strict=True)
        return [
            max(a.latency_p95_s[app] / b.latency_p95_s[app] for app in a.latency_p95_s)
            for a, b in pairs
        ]

    return ratio


def _points_lost(governor: str) -> Callable[[Runs], list[float]]:
    def lost(runs: Runs) -> list[float]:
        pairs = zip(runs[SAVING[governor][OURS]], runs[REFERENCES[governor]], strict=True)
        return [
            100 * max(b.accuracy[app] - a.accuracy[app] for app in a.accuracy) for a, b in pairs
        ]

    return lost


def _late(label: str) -> Callable[[Runs], list[float]]:
    return lambda runs: [each.late_after_step for each in runs[label]]


@dataclass(frozen=True)
class Measure:
    """A figure of one platform and scenario; one value a seed."""

    unit: str
    of: Callable[[Runs], list[float]]
    bounded: bool = False  # compares with the oracle: not in the scenarios of `NO_BOUND`


SAVING_OURS = SAVING[PERFORMANCE][OURS]
MEASURES: dict[str, Measure] = {
    **{
        f'{kind} energy saved, {governor}{", oracle" if policy == ORACLE else ""}': Measure(
            '%', _saved(policy, governor, f'{kind}_energy_j')
        )
        for governor in GOVERNORS
        for kind in ('frame', 'board')
        for policy in (OURS, ORACLE)
    },
    **{f'accuracy lost, {each}': Measure('points', _points_lost(each)) for each in GOVERNORS},
    **{f'missed, saving, {each}': Measure('%', _missed(SAVING[each][OURS])) for each in GOVERNORS},
    **{f'missed, reference, {each}': Measure('%', _missed(REFERENCES[each])) for each in GOVERNORS},
    **{
        f'board energy saved, as fast, {each}': Measure('%', _saved_as_fast(each))
        for each in GOVERNORS
    },
    **{f'p95 ratio, as fast, {each}': Measure('', _p95_ratio(each)) for each in GOVERNORS},
    'effective accuracy below the oracle, max_accuracy': Measure(
        'points', _effective_gap(OURS, ORACLE_WITHOUT_JITTER), bounded=True
    ),
    'effective accuracy below the oracle, saving': Measure(
        'points', _effective_gap(SAVING_OURS, LUCKLESS_SAVING), bounded=True
    ),
    'missed, max_accuracy': Measure('%', _missed(OURS)),
    'missed, max_accuracy, oracle': Measure('%', _missed(ORACLE_WITHOUT_JITTER), bounded=True),
    'missed, saving, oracle': Measure('%', _missed(LUCKLESS_SAVING), bounded=True),
    'missed, alert': Measure('%', _missed('alert')),
    'missed, stepping': Measure('%', _missed(STEPPING)),
    'late after a step': Measure('images', _late(OURS)),
    'late after a step, oracle': Measure('images', _late(ORACLE_WITHOUT_JITTER), bounded=True),
    'late after a step, stepping': Measure('images', _late(STEPPING)),
}


def figures(scenario: str, runs: Runs) -> dict[str, list[float]]:
    """Return one value a seed of every measure that applies to a scenario."""
    return {
        name: measure.of(runs)
        for name, measure in MEASURES.items()
        if not (measure.bounded and scenario in NO_BOUND)
    }


@dataclass(frozen=True)
class Overall:
    """A measure over all scenarios of a platform."""

    mean: Interval
    worst: float  # the worst scenario's mean over seeds
    worst_scenario: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {'mean': self.mean, 'worst': self.worst, 'worst_scenario': self.worst_scenario}


def overall(by_scenario: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Overall]:
    """Return every measure over the scenarios in which it is known; the worst is the largest.

    The interval is that of the mean over scenarios, one value a seed.
    """
    result = {}
    for name in MEASURES:
        known = {
            scenario: values[name]
            for scenario, values in by_scenario.items()
            if name in values and not any(math.isnan(each) for each in values[name])
        }
        if known:
            means = {scenario: statistics.fmean(values) for scenario, values in known.items()}
            worst = max(means, key=means.__getitem__)
            by_seed = np.mean(list(known.values()), axis=0).tolist()
            result[name] = Overall(Interval.of(by_seed), means[worst], worst)
    return result


def oracle_share(by_scenario: Mapping[str, Mapping[str, Sequence[float]]], kind: str) -> float:
    """Return the saving as a share of the oracle's.

    Over the scenarios in which the oracle is a bound and the saving kept its conditions.
    """
    name = f'{kind} energy saved, {PERFORMANCE}'

    def total(which: str) -> float:
        return sum(
            statistics.fmean(values[which])
            for scenario, values in by_scenario.items()
            if scenario not in NO_BOUND and kept_conditions(values, PERFORMANCE)
        )

    saved = total(f'{name}, oracle')
    return total(name) / saved if saved else math.nan


def kept_conditions(values: Mapping[str, Iterable[float]], governor: str) -> bool:
    """Return whether a saving kept the conditions: accuracy, and misses, in the mean over seeds."""
    lost = statistics.fmean(values[f'accuracy lost, {governor}'])
    missed = statistics.fmean(values[f'missed, saving, {governor}'])
    reference = statistics.fmean(values[f'missed, reference, {governor}'])
    allowed = max(reference, 100 * (PROMISE + MORE_MISSED))
    return lost <= ACCURACY_POINTS + 1e-9 and missed <= allowed + 1e-9
