# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames, frequencies, energy and heat of a simulation, against figures computed by hand."""

import dataclasses
import math
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest import approx

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import CoRunner

LARGE = 'static=large'


@pytest.fixture
def latencies(sim):
    """Return a function that simulates `large` and lists the latencies of each application."""

    def run(*applications, policy=LARGE, **changes):
        found = sim(policy, *applications, **changes).applications
        return {name: list(each.latencies_s) for name, each in found.items()}

    return run


def test_a_frame_takes_the_modelled_latency(latencies):
    assert latencies() == {'camera': approx([0.025] * 10)}


def test_preprocessing_precedes_the_inference(sim, latencies):
    assert latencies(sim.app(overhead_s=0.01)) == {'camera': approx([0.035] * 10)}


def test_two_concurrent_frames_share_the_gpu(sim, latencies):
    found = latencies(sim.app('a'), sim.app('b'), duration_s=0.1)
    assert found == {'a': approx([0.05]), 'b': approx([0.05])}


def test_only_the_overlap_of_two_frames_is_shared(sim, latencies):
    found = latencies(sim.app('a'), sim.app('b', join_s=0.0125), duration_s=0.1)
    assert found == {'a': approx([0.0375]), 'b': approx([0.0375])}


def test_frames_on_different_processors_do_not_share(sim, latencies):
    found = latencies(sim.app('a'), sim.app('b', processors=('cpu',), period_s=1.0))
    # 10 MFLOP on four cores of 0.01 FLOP a cycle at 2 GHz
    assert found == {'a': approx([0.025] * 10), 'b': approx([0.125])}


def test_a_co_runner_slows_frames_while_it_is_present(latencies):
    present = (CoRunner('gpu', 0.0125, 1.0), CoRunner('gpu', 0.1125, 0.0))
    # Half of the first frame is done when it starts, a quarter of the second when it stops.
    assert latencies(co_runners=present, duration_s=0.2) == {'camera': approx([0.0375, 0.03125])}


@pytest.mark.parametrize('policy', ['ours', 'static-best:schedutil', 'stepping:simple_ondemand'])
def test_processors_may_share_a_domain_and_a_domain_may_be_empty(sim, policy):
    processors = sim.board.processors
    cpu = dataclasses.replace(
        processors['cpu'], domain='gpu', busy_power=BusyPower((1e8, 4e8), (4.0, 10.0))
    )
    sim.board = dataclasses.replace(sim.board, processors={'gpu': processors['gpu'], 'cpu': cpu})
    result = sim.camera(policy, sim.app(processors=()), duration_s=3.0)
    assert (result.frames, result.misses) == (30, 0)


class OneFrequency(Policy):
    """Runs the large network, and requests 200 MHz when the application joins."""

    def joined(self, application):
        application.switch(('large', 'modelled', 'gpu', 1))
        self.system.machine.set_frequency('gpu', 2e8)


class TwoFrequencies(OneFrequency):
    """Requests another frequency before the first one is in force."""

    def joined(self, application):
        super().joined(application)
        self.system.queue.at(0.3, lambda: self.system.machine.set_frequency('gpu', 1e8))


def test_a_frequency_change_takes_effect_after_the_delay_even_within_a_frame(sim):
    result = sim(lambda setup: OneFrequency(), sim.app(period_s=0.4875), duration_s=0.98)
    # The second frame begins at 0.4875 s; the frequency falls at 0.5 s with half of it done.
    assert list(result.applications['camera'].latencies_s) == approx([0.025, 0.0375])
    assert result.clock_changes == {'cpu': 0, 'gpu': 1}


def test_a_later_request_replaces_a_pending_one_and_has_its_own_delay(sim):
    sim(lambda setup: TwoFrequencies())
    assert sim.of('clock', 'at_s', 'frequency_hz') == [(approx(0.8), 1e8)]


def test_one_image_waits_and_the_newest_replaces_it(sim):
    result = sim.camera(LARGE, sim.app(period_s=0.0099), duration_s=0.0999)
    # Frames end at 25 and at 50 ms, when the newest images are those of 19.8 and 49.5 ms.
    assert sim.of('frame', 'arrived_s') == approx([0.0, 0.0198, 0.0495])
    assert (result.arrived, result.frames, result.dropped, result.unfinished) == (11, 3, 6, 2)


def test_no_frame_is_processed_before_joining_or_after_leaving(sim):
    result = sim.camera(LARGE, sim.app(join_s=0.2, leave_s=0.51))
    assert sim.of('frame', 'arrived_s') == approx([0.2, 0.3, 0.4])
    assert (result.arrived, result.unfinished) == (4, 1)


def test_an_application_that_leaves_frees_the_processor_at_once(sim, latencies):
    found = latencies(sim.app('a'), sim.app('b', leave_s=0.01), duration_s=0.1)
    assert found['a'] == approx([0.03])


def test_a_frame_is_judged_by_the_deadline_at_the_arrival_of_its_image(sim):
    app = sim.app('camera', (0.0, 0.1), (0.31, 0.02), (0.71, 0.1))
    result = sim.camera(LARGE, app)
    assert result.misses == 4  # of 0.4, 0.5, 0.6 and 0.7 s
    assert result.miss_rate == 0.4


def test_energy_of_a_frame_is_power_above_idle_times_latency_without_contention(sim):
    undisturbed = sim.camera(LARGE)
    disturbed = sim.camera(LARGE, co_runners=(CoRunner('gpu', 0.0, 0.5),))
    assert undisturbed.energy_per_frame_j == approx(4.0 * 0.025)
    assert disturbed.energy_per_frame_j == approx(4.0 * 0.025)
    assert disturbed.latency_p50_s == approx(0.0375)


def test_board_energy_is_idle_power_plus_the_energy_of_the_frames(sim):
    result = sim(LARGE, sim.app('a'), sim.app('b', period_s=0.17))
    frames_j = sum(e.frames * e.energy_per_frame_j for e in result.applications.values())
    assert result.energy_j == approx(2.0 * 1.0 + frames_j)


def test_a_co_runner_draws_power_between_frames(sim):
    result = sim(LARGE, sim.app(join_s=5.0), co_runners=(CoRunner('gpu', 0.5, 0.5),))
    assert result.co_runner_energy_j == approx(0.5 * 0.5 * 4.0)
    assert result.energy_j == approx(2.0 + result.co_runner_energy_j)
    assert math.isnan(result.energy_per_frame_j)


def test_energy_per_frame_excludes_co_runners(sim):
    result = sim(LARGE, co_runners=(CoRunner('gpu', 0.0, 0.3),))
    # A tenth of a second of 2 W, and 4 W for 25 ms.
    assert result.energy_per_frame_j == approx(0.2 + 0.1)
    # 0.3 of the time between frames; during a frame, the part of the GPU that it leaves.
    frame_s = 0.025 * 1.3
    during_j = 4.0 * (frame_s - 0.025)
    assert result.co_runner_energy_j == approx(10 * (4.0 * 0.3 * (0.1 - frame_s) + during_j))


def test_the_battery_supplies_the_board_until_it_is_empty(sim):
    result = sim(LARGE, battery_initial=0.5)
    assert result.battery == approx(0.5 - result.energy_j / 100.0)
    assert sim(LARGE, battery_initial=0.01).battery == 0.0


def test_the_charge_of_a_board_without_a_battery_is_unknown(sim):
    sim.board = dataclasses.replace(sim.board, battery=None)
    result = sim(LARGE)
    assert math.isnan(result.battery)
    assert result.document()['battery'] is None


def test_a_hot_board_throttles_until_it_has_cooled(hot_sim):
    there = (CoRunner('gpu', 0.0, 1.0), CoRunner('gpu', 4.0, 0.0))
    result = hot_sim(LARGE, co_runners=there, duration_s=10.0)
    frequencies_hz = hot_sim.of('clock', 'frequency_hz')
    assert frequencies_hz[0] == 1e8
    assert 4e8 in frequencies_hz
    assert 0.0 < result.throttled_s['GPU-therm'] < 10.0
    assert 60.0 < result.hottest_c['GPU-therm'] < 80.0


def test_a_cool_board_does_not_throttle(hot_sim):
    assert hot_sim(LARGE).throttled_s == {'GPU-therm': 0.0}


def test_results_depend_on_the_seed_alone(sim):
    first, again, other = (sim('ours', latency_jitter=0.05, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_policy_gets_the_same_images(sim):
    def arrivals(policy):
        sim(policy, sim.app(period_jitter=0.1), latency_jitter=0.05, seed=3)
        return sim.of('frame', 'arrived_s')

    assert arrivals('ours') == arrivals(LARGE)


def test_latency_jitter_is_the_std_of_the_log_latency(latencies):
    found = latencies(latency_jitter=0.1, duration_s=300.0)['camera']
    logs = [math.log(each / 0.025) for each in found]
    mean = sum(logs) / len(logs)
    std = math.sqrt(sum((each - mean) ** 2 for each in logs) / len(logs))
    assert mean == approx(0.0, abs=0.01)
    assert std == approx(0.1, rel=0.05)


def test_published_sub_networks_are_simulated_without_torch():
    code = (
        'import sys; from dynofa_ros.simulation import simulate; '
        "simulate('jetson_xavier_nx', 'paper_trace', 'ours', 0); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0


@pytest.mark.parametrize('field', ['processors', 'co_runners'])
def test_a_processor_that_the_platform_lacks_is_refused(sim, field):
    app = sim.app(processors=('npu',) if field == 'processors' else ('gpu',))
    there = (CoRunner('npu', 0.0, 0.5),) if field == 'co_runners' else ()
    with pytest.raises(PlatformError, match="'npu'; expected one of cpu, gpu"):
        sim('ours', app, co_runners=there)


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
def test_images_and_energy_are_conserved(sim, period_s, other_s, jitter, utilisation, policy, seed):
    result = sim(
        policy,
        sim.app('a', period_s=period_s, period_jitter=jitter),
        sim.app('b', period_s=other_s, join_s=0.3, leave_s=0.8),
        co_runners=(CoRunner('gpu', 0.4, utilisation),),
        latency_jitter=jitter,
        seed=seed,
    )
    for each in result.applications.values():
        assert each.arrived == each.frames + each.dropped + each.unfinished
        assert each.unfinished <= 2
        # No frame is faster than the smallest network at the highest frequency, jitter aside.
        assert all(s > 0.01 * math.exp(-6 * jitter) for s in each.latencies_s)
    assert 2.0 * (1 - 1e-9) <= result.energy_j <= 6.0 * (1 + 1e-9)
