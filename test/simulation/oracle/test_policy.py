# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle uses the future, and no other policy is better."""

import dataclasses
import itertools
import math

import pytest
from pytest import approx

from dynofa_ros.platform.power import BusyPower
from dynofa_ros.runtime import Objective
from dynofa_ros.simulation.oracle.foresight import CoRunnerContention, foresee
from dynofa_ros.simulation.oracle.plan import OraclePlanner
from dynofa_ros.simulation.oracle.policy import objective_of
from dynofa_ros.simulation.scenario import CoRunner

JITTER = 0.2


@pytest.fixture
def dvfs_sim(sim):
    """Simulations on a board that saves at low frequencies: `large` takes 50, 75 or 125 mJ."""
    gpu = dataclasses.replace(
        sim.board.processors['gpu'], busy_power=BusyPower((1e8, 2e8, 4e8), (2.5, 3.5, 7.0))
    )
    sim.board = dataclasses.replace(sim.board, processors={**sim.board.processors, 'gpu': gpu})
    return sim


@pytest.fixture
def varying(sim):
    """Return a function that simulates co-runners, a tightening deadline and strong jitter."""

    def run(policy, **changes):
        return sim.camera(
            policy,
            sim.app('camera', (0.0, 0.06, 0.75), (1.5, 0.03, 0.7)),
            co_runners=(CoRunner('gpu', 0.7, 0.8), CoRunner('gpu', 2.2, 0.1)),
            duration_s=3.0,
            latency_jitter=JITTER,
            **changes,
        )

    return run


@pytest.mark.parametrize('policy', ['oracle', 'oracle-without-jitter', 'alert'])
def test_an_unsupported_objective_is_refused(varying, policy):
    with pytest.raises(ValueError, match=r"objective of the scenario.*'weighted'.*min_energy"):
        varying(policy, objective='weighted')


def test_it_raises_the_frequency_before_the_deadline_tightens(dvfs_sim):
    app = dvfs_sim.app('camera', (0.0, 0.1, 0.8), (3.0, 0.03, 0.8))
    result = dvfs_sim.camera('oracle', app, duration_s=5.0)
    # 100 ms: large fits at 200 MHz (50 ms), but just not at 100 MHz. The change takes 0.5 s.
    changes = dvfs_sim.of('clock', 'at_s', 'frequency_hz')
    assert changes == [(approx(0.6), 2e8), (approx(3.0), 4e8)]
    assert (result.misses, result.accuracy) == (0, approx(0.8))


def test_it_selects_the_best_sub_network_for_the_jitter_of_each_frame(sim):
    app = sim.app(deadline_s=0.025)
    result = sim.camera('oracle', app, duration_s=5.0, latency_jitter=JITTER)
    assert result.misses == 0
    assert 0.75 < result.accuracy < 0.8  # large where the frame is fast, otherwise less


@pytest.mark.parametrize('objective', ['max_accuracy', 'min_energy'])
@pytest.mark.parametrize('seed', [0, 1])
def test_no_other_policy_is_better(varying, objective, seed):
    best = varying('oracle', objective=objective, seed=seed)
    others = ('static=small', 'static=medium', 'ours', 'dvfs-only', 'switch-only', 'stepping')
    for name in others:
        other = varying(name, objective=objective, seed=seed)
        assert best.misses + best.dropped <= other.misses + other.dropped
        if other.misses == best.misses and objective == 'max_accuracy':
            assert best.accuracy >= other.accuracy - 1e-12


def test_no_other_plan_is_better(dvfs_sim):
    """Exhaustive search: three frames, three frequencies, three sub-networks."""
    app = dvfs_sim.app(period_s=0.6, deadline_s=0.045)
    changes = {
        'duration_s': 1.7,
        'latency_jitter': JITTER,
        'co_runners': (CoRunner('gpu', 1.0, 0.5),),
        'seed': 3,
    }
    setup = dvfs_sim.setup(app, **changes)
    result = dvfs_sim.camera('oracle', app, **changes)
    frames = foresee(setup, interference={})
    points = setup.profiles['camera'].points
    plans = []
    for later_hz in itertools.product((1e8, 2e8, 4e8), repeat=2):
        # The first image arrives before any change; the others are more than a delay apart.
        schedule = (4e8, *later_hz)
        options = [[each for each in points if each.frequency_hz == hz] for hz in schedule]
        for chosen in itertools.product(*options):
            late = sum(
                point.latency_s > frame.work_s['gpu']
                for frame, point in zip(frames, chosen, strict=True)
            )
            accuracy = sum(each.accuracy for each in chosen)
            energy_j = sum(
                point.energy_j * frame.latency_factor
                for point, frame in zip(chosen, frames, strict=True)
            )
            plans.append((late, -accuracy, energy_j))
    late, accuracy, energy_j = min(plans)
    assert result.misses == late
    assert result.accuracy == approx(-accuracy / 3)
    assert result.energy_per_frame_j == approx(energy_j / 3)


def test_if_nothing_meets_the_deadline_it_runs_the_fastest(sim):
    result = sim.camera('oracle', sim.app(deadline_s=0.001))
    assert result.misses == result.frames == 10
    assert result.latency_max_s == approx(0.01)


def test_it_keeps_the_accuracy_floor_while_saving_energy(sim):
    app = sim.app(deadline_s=0.1, min_accuracy=0.74)
    result = sim.camera('oracle', app, objective='min_energy', duration_s=3.0)
    assert result.accuracy == approx(0.75)


def test_it_selects_the_best_of_several_processors(sim):
    result = sim.camera('oracle', sim.app(processors=(), deadline_s=0.03))
    assert (result.misses, result.accuracy) == (0, approx(0.8))


def test_it_plans_applications_that_share_a_processor_together(sim):
    """Concurrent frames take twice as long: two of `large` would be late."""
    apps = [sim.app(name, deadline_s=0.045) for name in 'ab']
    figures = sim('oracle', *apps, duration_s=2.0).applications.values()
    assert sum(each.misses for each in figures) == 0
    assert min(each.accuracy for each in figures) > 0.7


def test_only_a_plan_of_one_application_on_one_domain_is_exact(sim):
    def is_exact(*apps):
        return OraclePlanner(sim.setup(*apps), objective=Objective.MAX_ACCURACY).exact

    assert is_exact(sim.app())
    assert not is_exact(sim.app('a'), sim.app('b'))
    assert not is_exact(sim.app(processors=()))


def test_less_work_fits_into_a_time_with_co_runners(sim):
    there = (CoRunner('gpu', 1.0, 1.0), CoRunner('gpu', 2.0, 0.0))
    contention = CoRunnerContention(sim.setup(co_runners=there))
    assert contention.work_s('gpu', 0.5, 2.5) == approx(0.5 + 0.5 + 0.5)
    assert contention.work_s('cpu', 0.5, 2.5) == approx(2.0)
    assert contention.work_s('gpu', 2.5, 0.5) == 0.0


def test_a_frame_never_makes_the_next_image_wait(sim):
    frames = foresee(sim.setup(sim.app(deadline_s=5.0)), interference={})
    assert [each.work_s['gpu'] for each in frames[:-1]] == approx([0.1] * 9)
    assert math.isclose(frames[-1].work_s['gpu'], 5.0)


@pytest.mark.parametrize(
    ('objective', 'charge', 'expected'),
    [
        ('auto', 1.0, Objective.MAX_ACCURACY),
        ('auto', 0.1, Objective.MIN_ENERGY),
        ('max_accuracy', 0.1, Objective.MAX_ACCURACY),
    ],
)
def test_its_objective_is_ours_at_the_start(sim, objective, charge, expected):
    assert objective_of(sim.setup(objective=objective, battery_initial=charge)) is expected


def test_an_application_may_have_no_images(sim):
    late = sim.app(join_s=0.9, leave_s=0.95, period_jitter=0.15)
    assert sim.camera('oracle', late).arrived <= 1


def test_without_knowledge_of_jitter_it_treats_all_frames_alike(sim):
    """It plans for the 95 % quantile: medium for all frames, and a few are late."""
    app = sim.app(deadline_s=0.021)
    changes = {'duration_s': 20.0, 'latency_jitter': JITTER}
    result = sim.camera('oracle-without-jitter', app, **changes)
    assert result.switches == 0
    assert result.accuracy == approx(0.75)
    assert 0 < result.miss_rate < 0.1
