"""Which sub-network and which clocks each policy goes for."""

import dataclasses

import pytest
from pytest import approx

from dynofa_ros.platform import PlatformError
from dynofa_ros.runtime import Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.policies.policy import Setup
from dynofa_ros.simulation.policies.registry import make_governors, make_policy
from dynofa_ros.simulation.scenario import CoRunner, TargetChange
from dynofa_ros.simulation.simulator import profiles


def ran(board, scenario, policy):
    """Return the sub-networks that ran, each once, in order."""
    seen = []
    simulate(board, scenario, policy, 0, trace=seen.append)
    frames = [each['subnet_id'] for each in seen if each['event'] == 'frame']
    return list(dict.fromkeys(frames))


def targets(*pairs):
    return tuple(TargetChange(at_s, Target(deadline_s=deadline_s)) for at_s, deadline_s in pairs)


@pytest.mark.parametrize(
    ('policy', 'expected'),
    [
        ('static-largest', 'large'),
        ('static-smallest', 'small'),
        ('static=medium', 'medium'),
        # 30 ms first, 17 ms at its tightest: 25 ms and 15 ms fit.
        ('static-alone', 'large'),
        ('static-best', 'medium'),
    ],
)
def test_a_static_policy_runs_one_sub_network(
    board, make_scenario, make_application, policy, expected
):
    camera = make_application(targets=targets((0.0, 0.03), (0.5, 0.017)))
    assert ran(board, make_scenario(camera), policy) == [expected]


def test_the_static_best_reckons_with_co_runners_at_their_heaviest(board, make_scenario):
    busy = make_scenario(co_runners=(CoRunner('gpu', 0.5, 1.0), CoRunner('gpu', 0.6, 0.0)))
    camera = dataclasses.replace(busy.applications[0], targets=targets((0.0, 0.04)))
    scenario = dataclasses.replace(busy, applications=(camera,))
    assert ran(board, scenario, 'static-best') == ['medium']


def test_the_static_best_reckons_with_the_other_applications(
    board, make_scenario, make_application
):
    one, two = (make_application(name, targets=targets((0.0, 0.04))) for name in 'ab')
    assert ran(board, make_scenario(one), 'static-best') == ['large']
    assert ran(board, make_scenario(one, two), 'static-best') == ['medium']
    apart = dataclasses.replace(two, join_s=5.0)
    later = dataclasses.replace(one, leave_s=5.0)
    assert ran(board, make_scenario(later, apart), 'static-best') == ['large']


def test_where_nothing_meets_the_deadline_the_static_best_is_the_fastest(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.001)))
    assert ran(board, make_scenario(camera), 'static-best') == ['small']


def test_stepping_goes_one_level_down_after_20_frames_that_are_late_on_average(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.027)))
    scenario = make_scenario(camera, co_runners=(CoRunner('gpu', 1.0, 1.0),), duration_s=12.0)
    seen = []
    result = simulate(board, scenario, 'stepping', 0, trace=seen.append)
    switches = [(each['at_s'], each['subnet_id']) for each in seen if each['event'] == 'switch']
    # Windows of 2 s; the first one late is that of 0 to 2 s (25 and 50 ms), then medium's 30 ms.
    assert [subnet for _, subnet in switches] == ['medium', 'small']
    assert switches[0][0] == approx(1.95)
    assert result.clock_changes == {'cpu': 0, 'gpu': 0}


def test_stepping_runs_no_frame_for_as_long_as_a_switch_takes(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.027)))
    scenario = make_scenario(camera, co_runners=(CoRunner('gpu', 0.0, 1.0),), duration_s=4.0)
    seen = []
    result = simulate(board, scenario, 'stepping', 0, trace=seen.append)
    switch_s = next(each['at_s'] for each in seen if each['event'] == 'switch')
    next_s = next(e['at_s'] for e in seen if e['event'] == 'frame' and e['at_s'] > switch_s)
    assert next_s == approx(switch_s + 0.6 + 0.03)
    assert result.applications['camera'].dropped == 5


def test_stepping_goes_up_where_the_next_level_would_meet_the_deadline(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.016), (1.0, 0.1)))
    scenario = make_scenario(camera, duration_s=8.0)
    assert ran(board, scenario, 'stepping') == ['medium', 'large']


def test_ours_complies_within_three_frames_when_another_program_comes(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.03)))
    scenario = make_scenario(
        camera, co_runners=(CoRunner('gpu', 5.0, 0.8),), duration_s=10.0, latency_jitter=0.02
    )
    seen = []
    simulate(board, scenario, 'ours', 0, trace=seen.append)
    met = [each['met'] for each in seen if each['event'] == 'frame' and each['arrived_s'] > 5.0]
    assert all(met[3:])


def test_ours_lowers_the_clock_where_the_deadline_leaves_time(board, make_scenario):
    scenario = make_scenario(duration_s=5.0)  # 100 ms: large at 200 MHz takes 50
    result = simulate(board, scenario, 'ours', 0)
    assert result.applications['camera'].latency_p50_s == approx(0.05)
    assert result.applications['camera'].misses == 0
    assert result.energy_j < simulate(board, scenario, 'static-largest', 0).energy_j


def test_ours_raises_the_clock_again_when_the_deadline_tightens(
    board, make_scenario, make_application
):
    camera = make_application(targets=targets((0.0, 0.1), (4.0, 0.03)))
    result = simulate(board, make_scenario(camera, duration_s=10.0), 'ours', 0)
    assert result.clock_changes['gpu'] == 2
    assert result.applications['camera'].latencies_s[-1] == approx(0.025)


def test_switch_only_leaves_the_clocks_to_linux(board, make_scenario, make_application):
    camera = make_application(targets=targets((0.0, 0.1), (1.0, 0.02)))
    scenario = make_scenario(camera, duration_s=4.0)
    result = simulate(board, scenario, 'switch-only', 0)
    assert result.clock_changes == {'cpu': 0, 'gpu': 0}
    assert result.applications['camera'].switches > 0
    assert simulate(board, scenario, 'switch-only:ondemand', 0).clock_changes['gpu'] > 0


def test_dvfs_only_never_switches(board, make_scenario, make_application):
    camera = make_application(targets=targets((0.0, 0.1), (1.0, 0.04)))
    result = simulate(board, make_scenario(camera, duration_s=4.0), 'dvfs-only', 0)
    assert result.applications['camera'].switches == 0
    assert result.clock_changes['gpu'] > 0


def test_ours_names_the_targets_that_it_gives_up(board, make_scenario, make_application):
    camera = make_application(targets=targets((0.0, 0.1), (1.0, 0.005), (2.0, 0.1)))
    seen = []
    simulate(board, make_scenario(camera, duration_s=3.0), 'ours', 0, trace=seen.append)
    violated_targets = [
        (each['at_s'], each['targets']) for each in seen if each['event'] == 'violated_targets'
    ]
    assert violated_targets == [(1.0, {'camera': ['deadline']}), (2.0, {})]


def test_ours_sends_a_command_once_that_is_obeyed(board, make_scenario):
    seen = []
    simulate(board, make_scenario(duration_s=10.0), 'ours', 0, trace=seen.append)
    sequences = [each['sequence'] for each in seen if each['event'] == 'clock_command']
    assert sequences == sorted(set(sequences))


def test_an_empty_battery_makes_ours_save_energy(board, make_scenario):
    full, empty = (
        simulate(board, make_scenario(duration_s=5.0, battery_initial=charge), 'ours', 0)
        for charge in (1.0, 0.1)
    )
    assert empty.applications['camera'].accuracy < full.applications['camera'].accuracy
    assert empty.energy_j < full.energy_j


def test_the_objective_of_a_scenario_holds_whatever_the_battery(board, make_scenario):
    scenario = make_scenario(duration_s=5.0, battery_initial=0.1, objective='max_accuracy')
    assert simulate(board, scenario, 'ours', 0).applications['camera'].accuracy == approx(0.8)


def test_two_governors_are_of_cpu_and_gpu(board):
    governors = make_governors('performance+powersave', board)
    assert (governors['cpu'].first_hz, governors['gpu'].first_hz) == (2e9, 1e8)


@pytest.mark.parametrize(
    ('policy', 'named'),
    [
        ('warp', "policy is 'warp'; expected one of ours, "),
        ('', "policy is ''"),
        ('ours:schedutil', 'turns the clocks itself'),
        ('static-best:warp', "governor is 'warp'; expected one of ondemand"),
        ('static-best:a+b+c', "governor is 'a\\+b\\+c'"),
        ('static=huge', "camera is 'huge'; expected one of large, medium, small"),
    ],
)
def test_a_policy_that_does_not_exist_is_refused(board, make_scenario, policy, named):
    scenario = make_scenario()
    setup = Setup(board, scenario, profiles(scenario, board))
    with pytest.raises(PlatformError, match=named):
        make_policy(policy, setup)
