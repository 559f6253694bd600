# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Latency, energy and power of a platform, and the descriptions that it refuses."""

from __future__ import annotations

import dataclasses
import math

import pytest

from dynofa_ros.platform import FrequencyDomain, Platform, PlatformError
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower

NAN, INF = math.nan, math.inf


def test_latency_is_launches_plus_arithmetic(machine: Platform) -> None:
    # 10 layers x (1 ms + 1e5 cycles / 200 MHz) + 4e7 FLOP / (100 FLOP/cycle x 200 MHz).
    latency_s = machine.latency_s(processor='gpu', frequency_hz=2e8, flops=40_000_000, layers=10)
    assert latency_s == pytest.approx(10 * (1e-3 + 0.5e-3) + 2e-3)


def test_threads_speed_up_all_but_the_serial_fraction(machine: Platform) -> None:
    def latency_s(threads: int) -> float:
        return machine.latency_s(
            processor='cpu', frequency_hz=1e9, flops=10**9, layers=1, threads=threads
        )

    assert latency_s(1) == pytest.approx(1.0)
    assert latency_s(4) == pytest.approx(0.2 + 0.8 / 4)


def test_more_threads_than_cores_do_not_help(machine: Platform) -> None:
    four, eight = (
        machine.latency_s(processor='cpu', frequency_hz=1e9, flops=10**9, layers=1, threads=threads)
        for threads in (4, 8)
    )
    assert eight == four


def test_threads_have_no_effect_on_a_gpu(machine: Platform) -> None:
    one, four = (
        machine.latency_s(processor='gpu', frequency_hz=1e8, flops=10**6, layers=5, threads=threads)
        for threads in (1, 4)
    )
    assert four == one


def test_energy_is_power_above_idle_times_latency(machine: Platform) -> None:
    energy_j = machine.energy_j(processor='gpu', frequency_hz=4e8, latency_s=0.05)
    assert energy_j == pytest.approx((6 - 2) * 0.05)


def test_energy_of_one_core_of_four_is_a_quarter(machine: Platform) -> None:
    one, four = (
        machine.energy_j(processor='cpu', frequency_hz=2e9, latency_s=1.0, threads=threads)
        for threads in (1, 4)
    )
    assert (one, four) == (2.0, 8.0)


@pytest.mark.parametrize(
    ('frequency_hz', 'power_w'), [(1e8, 3.0), (1.5e8, 3.5), (2e8, 4.0), (3e8, 5.0), (4e8, 6.0)]
)
def test_busy_power_is_interpolated(frequency_hz: float, power_w: float) -> None:
    table = BusyPower((1e8, 2e8, 4e8), (3.0, 4.0, 6.0))
    assert table.power_at(frequency_hz) == pytest.approx(power_w)


def test_board_power_adds_up_over_processors(machine: Platform) -> None:
    power_w = machine.board_power_w(
        frequencies_hz={'cpu': 1e9, 'gpu': 4e8}, utilisation={'cpu': 0.5, 'gpu': 0.25}
    )
    assert power_w == pytest.approx(2 + (4 - 2) * 0.5 + (6 - 2) * 0.25)


@pytest.mark.parametrize(
    ('processor', 'utilisation', 'slowdown'),
    [('gpu', 0.0, 1.0), ('gpu', 0.5, 1.5), ('gpu', 1.0, 2.0), ('cpu', 1.0, 1.5)],
)
def test_co_runners_slow_frames_down(
    machine: Platform, processor: str, utilisation: float, slowdown: float
) -> None:
    assert machine.slowdown(processor=processor, co_runner_utilisation=utilisation) == slowdown


def test_two_co_runners_that_are_always_busy_add_their_slowdowns(
    machine: Platform,
) -> None:
    assert machine.processors['gpu'].slowdown_under_load(2.0) == 3.0


@pytest.mark.parametrize('load', [-0.1, NAN, INF])
def test_slowdown_refuses_an_impossible_load(machine: Platform, load: float) -> None:
    with pytest.raises(PlatformError, match='load'):
        machine.processors['gpu'].slowdown_under_load(load)


@pytest.mark.parametrize(
    ('change', 'field'),
    [
        ({'processor': 'npu'}, 'processor'),
        ({'frequency_hz': NAN}, 'frequency_hz'),
        ({'frequency_hz': 5e8}, 'frequency_hz'),
        ({'frequency_hz': 0.0}, 'frequency_hz'),
        ({'flops': -1}, 'flops'),
        ({'layers': 0}, 'layers'),
        ({'threads': 0}, 'threads'),
    ],
)
def test_latency_refuses_impossible_arguments(
    machine: Platform, change: dict[str, object], field: str
) -> None:
    asked = {'processor': 'gpu', 'frequency_hz': 1e8, 'flops': 1, 'layers': 1} | change
    with pytest.raises(PlatformError) as caught:
        machine.latency_s(**asked)
    assert caught.value.field == field


@pytest.mark.parametrize('latency_s', [-0.1, NAN, INF])
def test_energy_refuses_an_impossible_latency(machine: Platform, latency_s: float) -> None:
    with pytest.raises(PlatformError, match='latency_s'):
        machine.energy_j(processor='gpu', frequency_hz=1e8, latency_s=latency_s)


@pytest.mark.parametrize('utilisation', [-0.1, 1.1, NAN])
def test_slowdown_refuses_an_impossible_utilisation(machine: Platform, utilisation: float) -> None:
    with pytest.raises(PlatformError, match='co_runner_utilisation'):
        machine.slowdown(processor='gpu', co_runner_utilisation=utilisation)


@pytest.mark.parametrize(
    'frequencies_hz', [(), (2e8, 1e8), (1e8, 1e8), (0.0, 1e8), (-1e8,), (NAN,), (1e8, INF)]
)
def test_frequencies_ascend_and_are_positive(frequencies_hz: tuple[float, ...]) -> None:
    with pytest.raises(PlatformError, match='frequencies_hz'):
        FrequencyDomain('gpu', frequencies_hz, change_delay_s=0.0)


def test_an_unlisted_frequency_is_refused_with_the_nearest_one(machine: Platform) -> None:
    with pytest.raises(PlatformError, match='nearest is 200000000 Hz'):
        machine.domains['gpu'].check('gpu.frequency_hz', 2.4e8)


def test_a_power_table_covers_its_domain(machine: Platform) -> None:
    gpu = machine.processors['gpu']
    short = dataclasses.replace(gpu, busy_power=BusyPower((1e8, 2e8), (3.0, 4.0)))
    with pytest.raises(PlatformError, match=r'processors\.gpu\.busy_power\.frequencies_hz'):
        dataclasses.replace(machine, processors={'gpu': short})


def test_a_power_table_has_a_power_for_every_frequency() -> None:
    with pytest.raises(PlatformError, match='2 numbers'):
        BusyPower((1e8, 2e8), (3.0,))


def test_busy_power_below_idle_power_is_refused(machine: Platform) -> None:
    with pytest.raises(PlatformError, match='at least idle_power_w'):
        dataclasses.replace(machine, idle_power_w=3.5)


def test_a_processor_of_an_unknown_domain_is_refused(machine: Platform) -> None:
    lost = dataclasses.replace(machine.processors['gpu'], domain='dla')
    with pytest.raises(PlatformError, match=r"processors\.gpu\.domain is 'dla'.*one of cpu, gpu"):
        dataclasses.replace(machine, processors={'gpu': lost})


@pytest.mark.parametrize(('field', 'value'), [('kind', ''), ('cores', 0), ('contention', -1.0)])
def test_a_processor_refuses(machine: Platform, field: str, value: object) -> None:
    with pytest.raises(PlatformError) as caught:
        dataclasses.replace(machine.processors['gpu'], **{field: value})
    assert (caught.value.field, caught.value.value) == (field, value)


def test_all_contradictions_of_a_platform_are_reported_at_once(machine: Platform) -> None:
    lost = dataclasses.replace(machine.processors['gpu'], domain='dla')
    with pytest.raises(PlatformError) as caught:
        dataclasses.replace(machine, processors={'gpu': lost}, idle_power_w=3.5)
    fields = [each.field for each in caught.value.faults]
    assert fields == ['processors.gpu.busy_power.power_w', 'processors.gpu.domain']
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('overhead_s_per_layer', -1e-3),
        ('overhead_cycles_per_layer', NAN),
        ('flop_per_cycle', 0.0),
        ('serial_fraction', 1.5),
    ],
)
def test_a_latency_model_refuses(field: str, value: float) -> None:
    with pytest.raises(PlatformError, match=field):
        dataclasses.replace(LatencyModel(1e-3, 1e5, 100.0, 0.0), **{field: value})


@pytest.mark.parametrize(
    ('field', 'value', 'named'),
    [
        ('energy_j', 0.0, 'energy_j'),
        ('empty_voltage_v', -8.0, 'empty_voltage_v'),
        ('nominal_voltage_v', 13.0, 'nominal_voltage_v'),
        ('full_voltage_v', NAN, 'full_voltage_v'),
    ],
)
def test_a_battery_refuses(machine: Platform, field: str, value: float, named: str) -> None:
    with pytest.raises(PlatformError) as caught:
        dataclasses.replace(machine.battery, **{field: value})
    assert caught.value.field == named


def test_the_voltage_of_a_battery_falls_with_its_charge(machine: Platform) -> None:
    battery = dataclasses.replace(machine.battery, energy_j=36000.0)
    assert battery.capacity_ah == pytest.approx(1.0)
    assert [battery.voltage_v(charge) for charge in (1.0, 0.5, 0.0)] == [12.0, 10.0, 8.0]
