"""What happens to frames, clocks, energy and heat, worked out in the head."""

import dataclasses
import math
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.runtime import Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import CoRunner, TargetChange

LARGE = 'static=large'


def latencies(result, app='camera'):
    return list(result.applications[app].latencies_s)


def test_a_frame_takes_what_the_platform_says(board, make_scenario):
    result = simulate(board, make_scenario(), LARGE, 0)
    assert latencies(result) == pytest.approx([0.025] * 10)


def test_preprocessing_comes_before_the_inference(board, make_scenario, make_application):
    scenario = make_scenario(make_application(overhead_s=0.01))
    assert latencies(simulate(board, scenario, LARGE, 0)) == pytest.approx([0.035] * 10)


def test_two_frames_at_once_share_the_gpu(board, make_scenario, make_application):
    scenario = make_scenario(make_application('a'), make_application('b'), duration_s=0.1)
    result = simulate(board, scenario, LARGE, 0)
    assert latencies(result, 'a') == pytest.approx([0.05])
    assert latencies(result, 'b') == pytest.approx([0.05])


def test_only_the_time_together_is_shared(board, make_scenario, make_application):
    late = make_application('b', join_s=0.0125)
    scenario = make_scenario(make_application('a'), late, duration_s=0.1)
    result = simulate(board, scenario, LARGE, 0)
    assert latencies(result, 'a') == pytest.approx([0.0375])
    assert latencies(result, 'b') == pytest.approx([0.0375])


def test_frames_of_different_processors_do_not_share(board, make_scenario, make_application):
    on_cpu = make_application('b', processors=('cpu',), period_s=1.0)
    scenario = make_scenario(make_application('a'), on_cpu)
    result = simulate(board, scenario, LARGE, 0)
    assert latencies(result, 'a') == pytest.approx([0.025] * 10)
    # 10 MFLOP on four cores of 0.01 FLOP a cycle at 2 GHz
    assert latencies(result, 'b') == pytest.approx([0.125])


def test_a_co_runner_slows_from_when_it_comes_until_it_goes(board, make_scenario):
    there = (CoRunner('gpu', 0.0125, 1.0), CoRunner('gpu', 0.1125, 0.0))
    result = simulate(board, make_scenario(co_runners=there, duration_s=0.2), LARGE, 0)
    # Half of the first frame is done when it comes, a quarter of the second when it goes.
    assert latencies(result) == pytest.approx([0.0375, 0.03125])


@pytest.mark.parametrize('policy', ['ours', 'static-best:schedutil', 'stepping:simple_ondemand'])
def test_processors_may_share_a_clock_and_a_clock_may_drive_none(
    board, make_scenario, make_application, policy
):
    cpu = dataclasses.replace(
        board.processors['cpu'],
        domain='gpu',
        busy_power=BusyPower((1e8, 4e8), (4.0, 10.0)),
    )
    other = dataclasses.replace(board, processors={'gpu': board.processors['gpu'], 'cpu': cpu})
    camera = make_application(processors=())
    result = simulate(other, make_scenario(camera, duration_s=3.0), policy, 0)
    assert result.applications['camera'].frames == 30
    assert result.applications['camera'].misses == 0


class OneClock(Policy):
    """Runs the large network, and asks for 200 MHz when the application joins."""

    def joined(self, application):
        application.switch(('large', 'modelled', 'gpu', 1))
        self.system.machine.set_clock('gpu', 2e8)


def test_a_clock_change_is_in_force_after_the_delay_also_in_the_middle_of_a_frame(
    board, make_scenario, make_application
):
    scenario = make_scenario(make_application(join_s=0.0, period_s=0.4875), duration_s=0.98)
    result = simulate(board, scenario, lambda setup: OneClock(), 0)
    # The second frame begins at 0.4875 s; the clock falls at 0.5 s with half of it done.
    assert latencies(result) == pytest.approx([0.025, 0.0375])
    assert result.clock_changes == {'cpu': 0, 'gpu': 1}


class ChangesItsMind(OneClock):
    """Asks for one clock, and for another before the first is in force."""

    def joined(self, application):
        super().joined(application)
        self.system.queue.at(0.3, lambda: self.system.machine.set_clock('gpu', 1e8))


def test_of_two_requests_the_later_one_counts_from_its_own_time(board, make_scenario):
    seen = []
    simulate(board, make_scenario(), lambda setup: ChangesItsMind(), 0, trace=seen.append)
    clocks = [(each['at_s'], each['frequency_hz']) for each in seen if each['event'] == 'clock']
    assert clocks == [(pytest.approx(0.8), 1e8)]


def test_one_image_waits_and_the_newest_wins(board, make_scenario, make_application):
    scenario = make_scenario(make_application(period_s=0.0099), duration_s=0.0999)
    seen = []
    result = simulate(board, scenario, LARGE, 0, trace=seen.append).applications['camera']
    arrived = [each['arrived_s'] for each in seen if each['event'] == 'frame']
    # One is done at 25 and at 50 ms, when the newest image is of 19.8 and of 49.5 ms.
    assert arrived == pytest.approx([0.0, 0.0198, 0.0495])
    assert (result.arrived, result.frames, result.dropped, result.unfinished) == (11, 3, 6, 2)


def test_nothing_is_done_before_joining_or_after_leaving(board, make_scenario, make_application):
    scenario = make_scenario(make_application(join_s=0.2, leave_s=0.51))
    seen = []
    result = simulate(board, scenario, LARGE, 0, trace=seen.append).applications['camera']
    frames_s = [each['arrived_s'] for each in seen if each['event'] == 'frame']
    assert frames_s == pytest.approx([0.2, 0.3, 0.4])
    assert (result.arrived, result.unfinished) == (4, 1)


def test_who_leaves_makes_room_at_once(board, make_scenario, make_application):
    leaves = make_application('b', leave_s=0.01)
    scenario = make_scenario(make_application('a'), leaves, duration_s=0.1)
    assert latencies(simulate(board, scenario, LARGE, 0), 'a') == pytest.approx([0.03])


def test_a_deadline_counts_that_was_in_force_when_the_image_arrived(
    board, make_scenario, make_application
):
    targets = (
        TargetChange(0.0, Target(deadline_s=0.1)),
        TargetChange(0.31, Target(deadline_s=0.02)),
        TargetChange(0.71, Target(deadline_s=0.1)),
    )
    scenario = make_scenario(make_application(targets=targets))
    result = simulate(board, scenario, LARGE, 0).applications['camera']
    assert result.misses == 4  # of 0.4, 0.5, 0.6 and 0.7 s
    assert result.miss_rate == 0.4


def test_energy_of_a_frame_is_power_above_idle_times_its_undisturbed_latency(board, make_scenario):
    alone = simulate(board, make_scenario(), LARGE, 0).applications['camera']
    beside = make_scenario(co_runners=(CoRunner('gpu', 0.0, 0.5),))
    disturbed = simulate(board, beside, LARGE, 0).applications['camera']
    assert alone.energy_per_frame_j == pytest.approx(4.0 * 0.025)
    assert disturbed.energy_per_frame_j == pytest.approx(4.0 * 0.025)
    assert disturbed.latency_p50_s == pytest.approx(0.0375)


def test_the_board_draws_idle_power_and_what_its_frames_take(
    board, make_scenario, make_application
):
    scenario = make_scenario(make_application('a'), make_application('b', period_s=0.17))
    result = simulate(board, scenario, LARGE, 0)
    frames_j = sum(e.frames * e.energy_per_frame_j for e in result.applications.values())
    assert result.energy_j == pytest.approx(2.0 * 1.0 + frames_j)


def test_a_co_runner_draws_power_also_between_frames(board, make_scenario, make_application):
    idle = make_application(join_s=5.0)
    scenario = make_scenario(idle, co_runners=(CoRunner('gpu', 0.5, 0.5),))
    result = simulate(board, scenario, LARGE, 0)
    assert result.co_runner_energy_j == pytest.approx(0.5 * 0.5 * 4.0)
    assert result.energy_j == pytest.approx(2.0 + result.co_runner_energy_j)
    assert math.isnan(result.energy_per_frame_j)


def test_energy_per_frame_is_of_idle_power_and_our_own_work(board, make_scenario):
    scenario = make_scenario(co_runners=(CoRunner('gpu', 0.0, 0.3),))
    result = simulate(board, scenario, LARGE, 0)
    # A tenth of a second of 2 W, and 4 W for 25 ms.
    assert result.energy_per_frame_j == pytest.approx(0.2 + 0.1)
    # 0.3 of the time between frames; beside one, what the frame leaves of the GPU.
    frame_s = 0.025 * 1.3
    beside_j = 4.0 * (frame_s - 0.025)
    assert result.co_runner_energy_j == pytest.approx(10 * (4.0 * 0.3 * (0.1 - frame_s) + beside_j))


def test_the_battery_gives_what_the_board_draws_and_no_more_than_it_has(board, make_scenario):
    result = simulate(board, make_scenario(battery_initial=0.5), LARGE, 0)
    assert result.battery == pytest.approx(0.5 - result.energy_j / 100.0)
    assert simulate(board, make_scenario(battery_initial=0.01), LARGE, 0).battery == 0.0


def test_a_board_without_a_battery_does_not_know_its_charge(board, make_scenario):
    wired = dataclasses.replace(board, battery=None)
    result = simulate(wired, make_scenario(), LARGE, 0)
    assert math.isnan(result.battery)
    assert result.document()['battery'] is None


def test_heat_holds_the_clock_back_until_it_has_cooled(hot_board, make_scenario):
    scenario = make_scenario(
        co_runners=(CoRunner('gpu', 0.0, 1.0), CoRunner('gpu', 4.0, 0.0)), duration_s=10.0
    )
    seen = []
    result = simulate(hot_board, scenario, LARGE, 0, trace=seen.append)
    clocks_hz = [each['frequency_hz'] for each in seen if each['event'] == 'clock']
    assert clocks_hz[0] == 1e8
    assert 4e8 in clocks_hz
    assert 0.0 < result.throttled_s['GPU-therm'] < 10.0
    assert 60.0 < result.hottest_c['GPU-therm'] < 80.0


def test_a_cool_board_is_not_throttled(hot_board, make_scenario):
    result = simulate(hot_board, make_scenario(), LARGE, 0)
    assert result.throttled_s == {'GPU-therm': 0.0}


def test_the_same_seed_gives_the_same_result_and_another_does_not(board, make_scenario):
    scenario = make_scenario(latency_jitter=0.05)
    first, again, other = (simulate(board, scenario, 'ours', seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_policy_gets_the_same_images(board, make_scenario, make_application):
    scenario = make_scenario(make_application(period_jitter=0.1), latency_jitter=0.05)

    def arrivals(policy):
        seen = []
        simulate(board, scenario, policy, 3, trace=seen.append)
        return [each['arrived_s'] for each in seen if each['event'] == 'frame']

    assert arrivals('ours') == arrivals(LARGE)


def test_jitter_spreads_latencies_by_as_much(board, make_scenario, make_application):
    scenario = make_scenario(make_application(), latency_jitter=0.1, duration_s=300.0)
    figures = simulate(board, scenario, LARGE, 0).applications['camera']
    spread = [math.log(each / 0.025) for each in figures.latencies_s]
    mean = sum(spread) / len(spread)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in spread) / len(spread))
    assert mean == pytest.approx(0.0, abs=0.01)
    assert deviation == pytest.approx(0.1, rel=0.05)


def test_published_sub_networks_are_simulated_without_torch():
    code = (
        'import sys; from dynofa_ros.simulation import simulate; '
        "simulate('jetson_xavier_nx', 'paper_trace', 'ours', 0); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0


@pytest.mark.parametrize('field', ['processors', 'co_runners'])
def test_a_processor_that_the_platform_lacks_is_refused(
    board, make_scenario, make_application, field
):
    scenario = make_scenario(make_application(processors=('npu',)))
    if field == 'co_runners':
        scenario = make_scenario(co_runners=(CoRunner('npu', 0.0, 0.5),))
    with pytest.raises(PlatformError, match="'npu'; expected one of cpu, gpu"):
        simulate(board, scenario, 'ours', 0)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    period_s=st.floats(0.005, 0.5),
    other_s=st.floats(0.005, 0.5),
    jitter=st.floats(0.0, 0.15),
    utilisation=st.floats(0.0, 1.0),
    policy=st.sampled_from(['ours', 'stepping', 'static-largest:schedutil', 'static-best']),
    seed=st.integers(0, 100),
)
def test_no_image_is_lost_and_no_energy_comes_from_nowhere(
    board, make_scenario, make_application, period_s, other_s, jitter, utilisation, policy, seed
):
    scenario = make_scenario(
        make_application('a', period_s=period_s, period_jitter=jitter),
        make_application('b', period_s=other_s, join_s=0.3, leave_s=0.8),
        co_runners=(CoRunner('gpu', 0.4, utilisation),),
        latency_jitter=jitter,
    )
    result = simulate(board, scenario, policy, seed)
    for each in result.applications.values():
        assert each.arrived == each.frames + each.dropped + each.unfinished
        assert each.unfinished <= 2
        # Nothing is faster than the smallest network alone at the highest clock, luck aside.
        assert all(s > 0.01 * math.exp(-6 * jitter) for s in each.latencies_s)
    assert 2.0 * (1 - 1e-9) <= result.energy_j <= 6.0 * (1 + 1e-9)
