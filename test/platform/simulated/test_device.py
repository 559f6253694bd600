# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The simulated device: frequency changes with delay, power, temperature and battery."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform import (
    DomainSetting,
    Platform,
    PlatformError,
    SimulatedDevice,
    load_platform,
)

JETSON = load_platform('jetson_xavier_nx')


class Bench:
    """A device and its clock."""

    def __init__(self, platform: Platform, clock: Any, **options: float) -> None:
        self.clock = clock
        self.device = SimulatedDevice(platform, clock=clock, **options)

    def wait(self, dt_s: float) -> None:
        self.clock.now_s += dt_s
        self.device.advance()

    def gpu_hz(self) -> float:
        return self.device.state().domains['gpu'].frequency_hz

    def gpu_c(self) -> float:
        return self.device.state().temperatures[0].temperature_c


@pytest.fixture
def bench(machine: Platform, clock: Any) -> Bench:
    return Bench(machine, clock)


@pytest.fixture
def cool_bench(cool_machine: Platform, clock: Any) -> Bench:
    return Bench(cool_machine, clock)


def test_it_starts_idle_at_the_highest_frequencies(bench: Bench) -> None:
    state = bench.device.state()
    gpu = state.domains['gpu']
    assert (gpu.frequency_hz, gpu.min_frequency_hz, gpu.max_frequency_hz) == (4e8, 1e8, 4e8)
    assert gpu.available_frequencies_hz == (1e8, 2e8, 4e8)
    assert gpu.processors == ('gpu',)
    assert state.domains['cpu'].frequency_hz == 2e9
    assert state.power_w == 2.0
    assert bench.gpu_c() == 20 + 10 * 2


def test_every_state_is_marked_as_modelled(bench: Bench) -> None:
    state = bench.device.state()
    assert state.simulated
    assert state.power_source == 'modelled'
    assert state.capabilities == ('set_frequency', 'power', 'temperature', 'battery')


def test_capabilities_exclude_a_missing_battery_and_missing_sensors(
    cool_machine: Platform, clock: Any
) -> None:
    bare = dataclasses.replace(cool_machine, battery=None)
    state = SimulatedDevice(bare, clock=clock).state()
    assert state.capabilities == ('set_frequency', 'power')
    assert state.battery is None
    assert state.temperatures == ()


def test_a_new_frequency_is_in_force_after_the_delay(bench: Bench) -> None:
    outcome = bench.device.apply([DomainSetting('gpu', 1e8)])
    assert outcome.applied
    assert 'in force after 0.5 s' in outcome.text
    bench.wait(0.49)
    assert bench.gpu_hz() == 4e8
    assert bench.device.state().domains['gpu'].next_frequency_hz == 1e8
    bench.wait(0.01)
    assert bench.gpu_hz() == 1e8
    assert math.isnan(bench.device.state().domains['gpu'].next_frequency_hz)


def test_the_limits_are_set_at_once(bench: Bench) -> None:
    bench.device.apply([DomainSetting('gpu', 1e8)])
    gpu = bench.device.state().domains['gpu']
    assert (gpu.min_frequency_hz, gpu.max_frequency_hz) == (1e8, 1e8)


def test_the_delay_counts_from_the_command_not_from_the_last_period(bench: Bench) -> None:
    bench.clock.now_s += 0.3
    bench.device.apply([DomainSetting('gpu', 1e8)])
    bench.wait(0.4)
    assert bench.gpu_hz() == 4e8
    bench.wait(0.1)
    assert bench.gpu_hz() == 1e8


def test_without_a_delay_a_frequency_is_in_force_at_once(bench: Bench) -> None:
    bench.clock.now_s += 0.3
    bench.device.apply([DomainSetting('cpu', 1e9)])
    assert bench.device.state().domains['cpu'].frequency_hz == 1e9


def test_a_range_runs_at_its_maximum(bench: Bench) -> None:
    bench.device.apply([DomainSetting('gpu', min_frequency_hz=1e8, max_frequency_hz=2e8)])
    bench.wait(0.5)
    gpu = bench.device.state().domains['gpu']
    assert (gpu.frequency_hz, gpu.min_frequency_hz, gpu.max_frequency_hz) == (2e8, 1e8, 2e8)


def test_a_repeated_command_does_not_restart_the_delay(bench: Bench) -> None:
    bench.device.apply([DomainSetting('gpu', 1e8)])
    bench.wait(0.4)
    assert 'change already pending' in bench.device.apply([DomainSetting('gpu', 1e8)]).text
    bench.wait(0.1)
    assert bench.gpu_hz() == 1e8


def test_a_command_to_the_current_frequency_cancels_the_change(bench: Bench) -> None:
    bench.device.apply([DomainSetting('gpu', 1e8)])
    bench.wait(0.4)
    assert '400000000 Hz already' in bench.device.apply([DomainSetting('gpu', 4e8)]).text
    bench.wait(10)
    assert bench.gpu_hz() == 4e8


def test_a_later_command_replaces_a_pending_one(bench: Bench) -> None:
    bench.device.apply([DomainSetting('gpu', 1e8)])
    bench.wait(0.4)
    bench.device.apply([DomainSetting('gpu', 2e8)])
    bench.wait(0.4)
    assert bench.gpu_hz() == 4e8
    bench.wait(0.1)
    assert bench.gpu_hz() == 2e8


def test_a_command_is_applied_whole_or_not_at_all(bench: Bench) -> None:
    before = bench.device.state()
    outcome = bench.device.apply([DomainSetting('cpu', 1e9), DomainSetting('gpu', 3e8)])
    assert not outcome.applied
    assert 'gpu.frequency_hz is 300000000.0' in outcome.text
    bench.clock.now_s += 1
    assert repr(bench.device.state()) == repr(before)  # repr, because NaN != NaN


def test_restore_resets_every_domain_without_delay(bench: Bench) -> None:
    before = bench.device.state().domains
    bench.device.apply([DomainSetting('cpu', 1e9), DomainSetting('gpu', 1e8)])
    bench.device.restore()
    after = bench.device.state().domains
    assert after['gpu'].frequency_hz == before['gpu'].frequency_hz
    assert after['gpu'].min_frequency_hz == before['gpu'].min_frequency_hz
    assert after['cpu'].frequency_hz == before['cpu'].frequency_hz
    bench.wait(1)
    assert bench.gpu_hz() == 4e8


def test_power_is_idle_plus_the_busy_part(cool_bench: Bench) -> None:
    cool_bench.device.add_busy('gpu', 0.05)
    cool_bench.wait(0.1)
    state = cool_bench.device.state()
    assert state.domains['gpu'].utilisation == pytest.approx(0.5)
    assert state.power_w == pytest.approx(2 + (6 - 2) * 0.5)
    assert state.rails_w == {'VDD_IN': state.power_w}


def test_power_follows_the_frequency_within_a_period(cool_bench: Bench) -> None:
    cool_bench.device.set_co_runner('gpu', 1.0)
    cool_bench.device.apply([DomainSetting('gpu', 1e8)])
    cool_bench.wait(1.0)
    # Half of the second at 400 MHz, 6 W; half at 100 MHz, 3 W.
    assert cool_bench.device.state().power_w == pytest.approx(4.5)


def test_the_energy_of_a_frame_is_that_of_the_platform_model(cool_bench: Bench) -> None:
    cool_bench.device.add_busy('cpu', 0.2, threads=2)
    cool_bench.wait(1.0)
    above_idle_j = cool_bench.device.state().energy_j - 2.0 * 1.0
    predicted_j = cool_bench.device.platform.energy_j(
        processor='cpu', frequency_hz=2e9, latency_s=0.2, threads=2
    )
    assert above_idle_j == pytest.approx(predicted_j)


def test_the_energies_of_two_applications_are_added(cool_bench: Bench) -> None:
    # A frame takes 40 ms of 100 ms when it runs alone. With a load x of the others it takes
    # 40 ms x (1 + x), as the GPU's contention is 1, and is itself such a load: x = 0.4 x (1 + x).
    device, alone_s, period_s, frames = cool_bench.device, 0.04, 0.1, 50
    contended_s = alone_s * (1 + 0.4 / 0.6)

    def run_both() -> float:
        before_j = device.energy_j
        for _ in range(frames):
            cool_bench.wait(period_s)
            for app in ('front', 'rear'):
                device.add_busy('gpu', contended_s, app=app)
        return device.energy_j - before_j - 2.0 * frames * period_s

    run_both()  # until the loads are known
    frame_j = device.platform.energy_j(processor='gpu', frequency_hz=4e8, latency_s=alone_s)
    assert run_both() == pytest.approx(2 * frames * frame_j)
    assert device.state().domains['gpu'].utilisation == pytest.approx(2 * alone_s / period_s)


def test_the_state_includes_co_runners(cool_bench: Bench) -> None:
    cool_bench.device.set_co_runner('gpu', 0.25)
    cool_bench.wait(0.1)
    gpu = cool_bench.device.state().domains['gpu']
    assert gpu.co_runner_utilisation == 0.25
    assert gpu.utilisation == pytest.approx(0.25)


def test_the_utilisation_of_a_domain_is_the_mean_of_its_processors(
    cool_machine: Platform, clock: Any
) -> None:
    twin = dataclasses.replace(cool_machine.processors['gpu'], name='gpu1')
    twins = dataclasses.replace(cool_machine, processors={**cool_machine.processors, 'gpu1': twin})
    bench = Bench(twins, clock)
    bench.device.add_busy('gpu1', 0.1)
    bench.wait(0.1)
    gpu = bench.device.state().domains['gpu']
    assert gpu.processors == ('gpu', 'gpu1')
    assert gpu.utilisation == pytest.approx(0.5)


def test_throttling_starts_above_the_limit_and_ends_below_the_hysteresis(bench: Bench) -> None:
    bench.device.set_co_runner('gpu', 1.0)
    bench.device.set_co_runner('cpu', 1.0)  # 14 W: far above 70 degrees in the steady state
    while not bench.device.state().domains['gpu'].throttled:
        bench.wait(0.1)
    assert bench.gpu_c() > 70
    assert bench.gpu_hz() == 1e8
    bench.device.set_co_runner('gpu', 0.0)
    bench.device.set_co_runner('cpu', 0.0)
    while bench.device.state().domains['gpu'].throttled:
        assert bench.gpu_hz() == 1e8
        bench.wait(0.1)
    assert bench.gpu_c() <= 65
    assert bench.gpu_hz() == 4e8


def test_a_frequency_below_the_cap_is_not_throttled(bench: Bench) -> None:
    bench.device.set_co_runner('cpu', 1.0)
    bench.device.apply([DomainSetting('gpu', 1e8)])
    bench.wait(100)
    assert bench.gpu_c() > 70
    assert not bench.device.state().domains['gpu'].throttled


def test_the_lower_cap_of_two_hot_sensors_applies(machine: Platform, clock: Any) -> None:
    strict = machine.thermal_zones['GPU-therm']
    mild = dataclasses.replace(strict, name='board', throttled_frequency_hz=2e8)
    for zones in ({'a': strict, 'b': mild}, {'a': mild, 'b': strict}):
        bench = Bench(dataclasses.replace(machine, thermal_zones=zones), clock)
        bench.device.set_co_runner('cpu', 1.0)
        bench.wait(100)
        assert bench.gpu_hz() == 1e8


def test_the_temperature_is_the_exact_one_for_constant_power(bench: Bench) -> None:
    bench.device.set_co_runner('gpu', 0.5)  # 4 W: 60 degrees in the steady state
    bench.wait(10.0)
    assert bench.gpu_c() == pytest.approx(60 - 20 * math.exp(-1))


def test_the_battery_supplies_the_board_power(bench: Bench) -> None:
    bench.wait(10.0)
    battery = bench.device.state().battery
    assert battery is not None
    assert battery.percentage == pytest.approx(1 - 2 * 10 / 100)
    assert battery.voltage_v == pytest.approx(8 + 0.8 * 4)
    assert battery.current_a == pytest.approx(-2 / battery.voltage_v)
    assert battery.charge_ah == pytest.approx(0.8 * battery.capacity_ah)


def test_an_empty_battery_stays_empty(machine: Platform, clock: Any) -> None:
    bench = Bench(machine, clock, battery_percentage=0.1)
    bench.wait(6.0)
    battery = bench.device.state().battery
    assert battery is not None
    assert (battery.percentage, battery.voltage_v, battery.current_a) == (0.0, 8.0, 0.0)


@pytest.mark.parametrize('percentage', [-0.1, 1.1, 7.0, math.nan])
def test_an_impossible_charge_is_refused(machine: Platform, clock: Any, percentage: float) -> None:
    with pytest.raises(PlatformError, match='battery_percentage'):
        SimulatedDevice(machine, clock=clock, battery_percentage=percentage)


def test_a_clock_that_goes_backwards_is_refused(bench: Bench) -> None:
    bench.clock.now_s -= 1
    with pytest.raises(PlatformError, match='clock'):
        bench.device.advance()


@pytest.mark.parametrize('method', ['add_busy', 'set_co_runner'])
def test_an_unknown_processor_is_refused(bench: Bench, method: str) -> None:
    with pytest.raises(PlatformError, match=r"processor is 'npu'; expected one of cpu, gpu"):
        getattr(bench.device, method)('npu', 0.1)


def test_a_period_of_zero_changes_nothing(bench: Bench) -> None:
    bench.wait(0.1)
    before = bench.device.state()
    bench.wait(0.0)
    assert repr(bench.device.state()) == repr(before)  # repr, because NaN != NaN


actions = st.one_of(
    st.tuples(st.just('wait'), st.floats(0.001, 3.0)),
    st.tuples(st.just('busy'), st.floats(0, 0.5)),
    st.tuples(st.just('co'), st.floats(0, 1)),
    st.tuples(st.just('set'), st.sampled_from(JETSON.domains['gpu'].frequencies_hz)),
    st.tuples(st.just('set'), st.floats(allow_nan=True)),
)


@given(actions=st.lists(actions, max_size=30))
def test_energy_is_conserved_for_all_sequences_of_actions(actions: list[tuple[str, float]]) -> None:
    hot = {
        name: dataclasses.replace(zone, throttle_c=45.0, time_constant_s=2.0)
        for name, zone in JETSON.thermal_zones.items()
    }
    platform = dataclasses.replace(JETSON, thermal_zones=hot)
    bench = Bench(platform, clock=ManualClock())
    drawn_j = 0.0
    for action, value in actions:
        if action == 'wait':
            bench.wait(value)
            drawn_j += bench.device.state().power_w * value
        elif action == 'busy':
            bench.device.add_busy('gpu', value)
        elif action == 'co':
            bench.device.set_co_runner('cpu', value)
        else:
            bench.device.apply([DomainSetting('gpu', value)])
        state = bench.device.state()
        assert state.battery is not None
        assert platform.battery is not None
        for domain in state.domains.values():
            assert 0 <= domain.utilisation <= 1
            assert domain.frequency_hz in domain.available_frequencies_hz
        assert state.power_w >= platform.idle_power_w * (1 - 1e-9)
        assert state.energy_j == pytest.approx(drawn_j)
        assert (1 - state.battery.percentage) * platform.battery.energy_j == pytest.approx(drawn_j)


class ManualClock:
    """A clock for hypothesis, which does not reset fixtures between examples."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_frames_that_take_turns_are_not_slowed_down_by_others(clock: Any) -> None:
    """The reported time is all work, however much the other application runs."""
    utilisation = {}
    for takes_turns in (False, True):
        device = SimulatedDevice(JETSON, clock=clock)
        for _ in range(20):
            clock.now_s += 0.1
            device.advance()
            for app in ('front', 'rear'):
                device.add_busy('gpu', 0.04, app=app, takes_turns=takes_turns)
        utilisation[takes_turns] = device.state().domains['gpu'].utilisation
    assert utilisation[True] == pytest.approx(0.8)
    assert utilisation[False] < 0.7
