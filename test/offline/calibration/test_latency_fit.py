"""The latency model is found again in what it says, and never gets a negative part."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.offline.calibration.latency_fit import Timing, fit
from dynofa_ros.platform.latency import LatencyModel

SUBNETS = {'small': (20_000_000, 40), 'large': (400_000_000, 60)}
CLOCKS_HZ = (5e8, 1e9, 2e9)


def timings(model, *, clocks_hz=CLOCKS_HZ, threads=(1, 4), subnets=SUBNETS, factor=lambda: 1.0):
    return [
        Timing(
            subnet_id=name,
            flops=flops,
            layers=layers,
            threads=count,
            frequency_hz=clock_hz,
            latency_s=factor()
            * model.latency_s(frequency_hz=clock_hz, flops=flops, layers=layers, threads=count),
            spread_s=0.0,
            frames=10,
        )
        for name, (flops, layers) in subnets.items()
        for count in threads
        for clock_hz in clocks_hz
    ]


def constants(model):
    return (
        model.overhead_s_per_layer,
        model.overhead_cycles_per_layer,
        model.flop_per_cycle,
        model.serial_fraction,
    )


@given(
    overhead_s=st.floats(1e-6, 1e-3),
    overhead_cycles=st.floats(1e3, 1e6),
    flop_per_cycle=st.floats(0.1, 100.0),
    serial=st.floats(0.01, 0.99),
)
def test_it_is_found_again_whatever_its_constants(
    overhead_s, overhead_cycles, flop_per_cycle, serial
):
    model = LatencyModel(overhead_s, overhead_cycles, flop_per_cycle, serial)
    found = fit(timings(model))
    assert max(map(abs, found.errors)) < 5e-3  # four digits are written
    assert max(map(abs, found.left_out_errors)) < 5e-3


def test_its_constants_are_the_ones_it_was_made_of():
    model = LatencyModel(2e-5, 4e4, 5.0, 0.2)
    assert constants(fit(timings(model)).model) == pytest.approx(constants(model), rel=1e-3)


@pytest.mark.parametrize('seed', range(5))
def test_noise_makes_no_part_negative_and_shows_in_the_errors(seed):
    noise = random.Random(seed)
    model = LatencyModel(0.0, 4e4, 5.0, 0.0)
    found = fit(timings(model, factor=lambda: 1 + noise.uniform(-0.1, 0.1)))
    assert min(constants(found.model)) >= 0
    assert 0.01 < max(map(abs, found.errors)) < 0.2


def test_one_clock_gives_its_overhead_to_the_cycles():
    model = LatencyModel(1e-4, 1e5, 5.0, 0.2)
    found = fit(timings(model, clocks_hz=(1e9,)))
    assert found.model.overhead_s_per_layer == 0
    assert found.model.overhead_cycles_per_layer == pytest.approx(2e5)
    assert max(map(abs, found.errors)) < 1e-3
    assert all(math.isnan(each) for each in found.left_out_errors)


def test_one_number_of_threads_has_no_serial_part():
    found = fit(timings(LatencyModel(1e-4, 1e5, 300.0, 0.0), threads=(1,)))
    assert found.model.serial_fraction == 0
    assert found.model.flop_per_cycle == pytest.approx(300)


def test_errors_are_in_words():
    found = fit(timings(LatencyModel(2e-5, 4e4, 5.0, 0.2)))
    assert found.text == (
        'error of latency: median 0.0%, largest 0.0%; each clock left out: median 0.0%, '
        'largest 0.0%'
    )


def test_sub_networks_that_do_not_differ_are_refused():
    alike = {'small': (20_000_000, 40), 'large': (40_000_000, 80)}
    with pytest.raises(ValueError, match='at least two sub-networks that differ'):
        fit(timings(LatencyModel(2e-5, 4e4, 5.0, 0.2), subnets=alike))


def test_latencies_that_fall_with_the_operations_are_refused():
    falling = [
        Timing('small', 20_000_000, 40, 1, 1e9, 0.02, 0.0, 10),
        Timing('large', 400_000_000, 40, 1, 1e9, 0.01, 0.0, 10),
    ]
    with pytest.raises(ValueError, match='do not rise with the operations'):
        fit(falling)


@pytest.mark.parametrize('latency_s', [0.0, -1.0, math.nan, math.inf])
def test_a_latency_that_is_none_is_named(latency_s):
    with pytest.raises(ValueError, match='latency_s of small is'):
        Timing('small', 1, 1, 1, 1e9, latency_s, 0.0, 10)
