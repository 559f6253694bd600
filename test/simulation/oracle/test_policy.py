"""What an oracle does that knows the future, and that nobody does better."""

import dataclasses
import itertools
import math

import pytest
from pytest import approx

from dynofa_ros.platform.power import BusyPower
from dynofa_ros.runtime import Objective, Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.oracle.foresight import Disturbance, foresee
from dynofa_ros.simulation.oracle.plan import OraclePlanner
from dynofa_ros.simulation.oracle.policy import objective_of
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.scenario import CoRunner, TargetChange
from dynofa_ros.simulation.simulator import profiles

JITTER = 0.2


def targets(*triples):
    return tuple(
        TargetChange(at_s, Target(deadline_s=deadline_s, min_accuracy=floor))
        for at_s, deadline_s, floor in triples
    )


def setup_of(board, scenario, seed=0):
    scenario = scenario.on(board)
    return Setup(board, scenario, profiles(scenario, board), seed)


def camera(result):
    return result.applications['camera']


@pytest.fixture
def thrifty_board(board):
    """The same, but a lower clock costs less energy: 50, 75, 125 mJ for a frame of `large`."""
    gpu = dataclasses.replace(
        board.processors['gpu'], busy_power=BusyPower((1e8, 2e8, 4e8), (2.5, 3.5, 7.0))
    )
    return dataclasses.replace(board, processors={**board.processors, 'gpu': gpu})


@pytest.fixture
def moody(make_scenario, make_application):
    """A co-runner, a deadline that tightens, and frames of much luck and little."""
    plan = make_application(targets=targets((0.0, 0.06, 0.75), (1.5, 0.03, 0.7)))
    return make_scenario(
        plan,
        co_runners=(CoRunner('gpu', 0.7, 0.8), CoRunner('gpu', 2.2, 0.1)),
        duration_s=3.0,
        latency_jitter=JITTER,
    )


@pytest.mark.parametrize('policy', ['oracle', 'oracle-without-luck', 'alert'])
def test_an_objective_that_is_not_known_is_refused(board, moody, policy):
    weighted = dataclasses.replace(moody, objective='weighted')
    with pytest.raises(ValueError, match=r"objective of the scenario.*'weighted'.*min_energy"):
        simulate(board, weighted, policy, 0)


def test_it_turns_the_clock_before_the_deadline_tightens(
    thrifty_board, make_scenario, make_application
):
    plan = make_application(targets=targets((0.0, 0.1, 0.8), (3.0, 0.03, 0.8)))
    seen = []
    scenario = make_scenario(plan, duration_s=5.0)
    result = simulate(thrifty_board, scenario, 'oracle', 0, trace=seen.append)
    clocks = [(each['at_s'], each['frequency_hz']) for each in seen if each['event'] == 'clock']
    # 100 ms: large fits at 200 MHz (50 ms) and only just not at 100 MHz. The clock needs 0.5 s.
    assert clocks == [(approx(0.6), 2e8), (approx(3.0), 4e8)]
    assert camera(result).misses == 0
    assert camera(result).accuracy == approx(0.8)


def test_it_gives_each_frame_what_its_luck_allows(board, make_scenario, make_application):
    plan = make_application(targets=targets((0.0, 0.025, 0.0)))
    scenario = make_scenario(plan, duration_s=5.0, latency_jitter=JITTER)
    result = simulate(board, scenario, 'oracle', 0)
    assert camera(result).misses == 0
    assert 0.75 < camera(result).accuracy < 0.8  # large where it is lucky, else less


@pytest.mark.parametrize('objective', ['max_accuracy', 'min_energy'])
@pytest.mark.parametrize('seed', [0, 1])
def test_no_other_policy_without_a_miss_does_better(board, moody, objective, seed):
    scenario = dataclasses.replace(moody, objective=objective)
    best = camera(simulate(board, scenario, 'oracle', seed))
    others = ('static=small', 'static=medium', 'ours', 'dvfs-only', 'switch-only', 'stepping')
    for name in others:
        other = camera(simulate(board, scenario, name, seed))
        assert best.misses + best.dropped <= other.misses + other.dropped
        if other.misses == best.misses and objective == 'max_accuracy':
            assert best.accuracy >= other.accuracy - 1e-12


def test_no_other_plan_is_better(thrifty_board, make_scenario, make_application):
    """Against all plans there are: three frames, three clocks, three sub-networks."""
    plan = make_application(period_s=0.6, targets=targets((0.0, 0.045, 0.0)))
    scenario = make_scenario(
        plan, duration_s=1.7, latency_jitter=JITTER, co_runners=(CoRunner('gpu', 1.0, 0.5),)
    )
    setup = setup_of(thrifty_board, scenario, seed=3)
    result = camera(simulate(thrifty_board, scenario, 'oracle', 3))
    frames = foresee(setup, stretch={})
    points = setup.profiles['camera'].points
    plans = []
    for clocks_hz in itertools.product((1e8, 2e8, 4e8), repeat=2):
        # The first image comes before a clock can change; the others more than a delay apart.
        courses = (4e8, *clocks_hz)
        options = [[each for each in points if each.frequency_hz == hz] for hz in courses]
        for chosen in itertools.product(*options):
            late = sum(
                point.latency_s > frame.work_s['gpu']
                for frame, point in zip(frames, chosen, strict=True)
            )
            accuracy = sum(each.accuracy for each in chosen)
            energy_j = sum(p.energy_j * f.spread for p, f in zip(chosen, frames, strict=True))
            plans.append((late, -accuracy, energy_j))
    late, accuracy, energy_j = min(plans)
    assert result.misses == late
    assert result.accuracy == approx(-accuracy / 3)
    assert result.energy_per_frame_j == approx(energy_j / 3)


def test_where_nothing_meets_the_deadline_it_runs_the_fastest(
    board, make_scenario, make_application
):
    plan = make_application(targets=targets((0.0, 0.001, 0.0)))
    result = camera(simulate(board, make_scenario(plan), 'oracle', 0))
    assert result.misses == result.frames == 10
    assert result.latency_max_s == approx(0.01)


def test_it_keeps_the_accuracy_floor_when_it_saves(board, make_scenario, make_application):
    plan = make_application(targets=targets((0.0, 0.1, 0.74)))
    scenario = make_scenario(plan, objective='min_energy', duration_s=3.0)
    assert camera(simulate(board, scenario, 'oracle', 0)).accuracy == approx(0.75)


def test_a_frame_that_several_processors_can_run_is_given_the_best(
    board, make_scenario, make_application
):
    plan = make_application(processors=(), targets=targets((0.0, 0.03, 0.0)))
    result = camera(simulate(board, make_scenario(plan), 'oracle', 0))
    assert (result.misses, result.accuracy) == (0, approx(0.8))


def test_applications_that_share_a_processor_are_planned_together(
    board, make_scenario, make_application
):
    """Both at once take twice as long: two large ones are late, and it knows."""
    one, two = (make_application(name, targets=targets((0.0, 0.045, 0.0))) for name in 'ab')
    result = simulate(board, make_scenario(one, two, duration_s=2.0), 'oracle', 0)
    assert sum(each.misses for each in result.applications.values()) == 0
    assert min(each.accuracy for each in result.applications.values()) > 0.7


def test_only_one_application_on_one_domain_is_exact(board, make_scenario, make_application):
    alone = make_scenario(make_application())
    two = make_scenario(make_application('a'), make_application('b'))
    anywhere = make_scenario(make_application(processors=()))
    found = [
        OraclePlanner(setup_of(board, each), objective=Objective.MAX_ACCURACY).exact
        for each in (alone, two, anywhere)
    ]
    assert found == [True, False, False]


def test_work_beside_others_counts_for_less(board, make_scenario):
    scenario = make_scenario(co_runners=(CoRunner('gpu', 1.0, 1.0), CoRunner('gpu', 2.0, 0.0)))
    disturbance = Disturbance(setup_of(board, scenario))
    assert disturbance.work_s('gpu', 0.5, 2.5) == approx(0.5 + 0.5 + 0.5)
    assert disturbance.work_s('cpu', 0.5, 2.5) == approx(2.0)
    assert disturbance.work_s('gpu', 2.5, 0.5) == 0.0


def test_a_frame_never_makes_the_next_image_wait(board, make_scenario, make_application):
    plan = make_application(targets=targets((0.0, 5.0, 0.0)))
    frames = foresee(setup_of(board, make_scenario(plan)), stretch={})
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
def test_its_objective_is_ours_at_the_start(board, make_scenario, objective, charge, expected):
    scenario = make_scenario(objective=objective, battery_initial=charge)
    assert objective_of(setup_of(board, scenario)) is expected


def test_an_application_without_images_runs_something(board, make_scenario, make_application):
    late = make_application(join_s=0.9, leave_s=0.95, period_jitter=0.15)
    result = simulate(board, make_scenario(late), 'oracle', 0)
    assert camera(result).arrived <= 1


def test_without_luck_it_treats_all_frames_alike(board, make_scenario, make_application):
    """95 % of the frames are not worse than reckoned: medium for all, and a few are late."""
    plan = make_application(targets=targets((0.0, 0.021, 0.0)))
    scenario = make_scenario(plan, duration_s=20.0, latency_jitter=JITTER)
    result = camera(simulate(board, scenario, 'oracle-without-luck', 0))
    assert result.switches == 0
    assert result.accuracy == approx(0.75)
    assert 0 < result.miss_rate < 0.1
