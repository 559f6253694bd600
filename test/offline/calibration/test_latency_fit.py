# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The fit recovers the constants of a latency model, and none of them is negative."""

import math
import random
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.offline.calibration.latency_fit import Timing, fit_latency
from dynofa_ros.platform.latency import LatencyModel

SUBNETS = {'small': (20_000_000, 40), 'large': (400_000_000, 60)}
FREQUENCIES_HZ = (5e8, 1e9, 2e9)
MODEL = LatencyModel(2e-5, 4e4, 5.0, 0.2)


def timings(
    model, *, frequencies_hz=FREQUENCIES_HZ, threads=(1, 4), subnets=SUBNETS, factor=lambda: 1.0
):
    return [
        Timing(
            subnet_id=name,
            flops=flops,
            layers=layers,
            threads=count,
            frequency_hz=hertz,
            latency_s=factor()
            * model.latency_s(frequency_hz=hertz, flops=flops, layers=layers, threads=count),
            spread_s=0.0,
            frames=10,
        )
        for name, (flops, layers) in subnets.items()
        for count in threads
        for hertz in frequencies_hz
    ]


@settings(deadline=None)  # the first fit imports scipy
@given(
    overhead_s=st.floats(1e-6, 1e-3),
    overhead_cycles=st.floats(1e3, 1e6),
    flop_per_cycle=st.floats(0.1, 100.0),
    serial=st.floats(0.01, 0.99),
)
def test_the_fit_reproduces_any_model(overhead_s, overhead_cycles, flop_per_cycle, serial):
    fit = fit_latency(timings(LatencyModel(overhead_s, overhead_cycles, flop_per_cycle, serial)))
    assert max(map(abs, fit.errors)) < 5e-3  # constants have four digits
    assert max(map(abs, fit.left_out_errors)) < 5e-3


def test_the_fit_recovers_the_constants():
    assert astuple(fit_latency(timings(MODEL)).model) == pytest.approx(astuple(MODEL), rel=1e-3)


@pytest.mark.parametrize('seed', range(5))
def test_noise_makes_no_constant_negative_and_shows_in_the_errors(seed):
    noise = random.Random(seed)
    model = LatencyModel(0.0, 4e4, 5.0, 0.0)
    fit = fit_latency(timings(model, factor=lambda: 1 + noise.uniform(-0.1, 0.1)))
    assert min(astuple(fit.model)) >= 0
    assert 0.01 < max(map(abs, fit.errors)) < 0.2


def test_with_one_frequency_the_overhead_is_fitted_as_cycles():
    fit = fit_latency(timings(LatencyModel(1e-4, 1e5, 5.0, 0.2), frequencies_hz=(1e9,)))
    assert fit.model.overhead_s_per_layer == 0
    assert fit.model.overhead_cycles_per_layer == pytest.approx(2e5)
    assert max(map(abs, fit.errors)) < 1e-3
    assert all(math.isnan(each) for each in fit.left_out_errors)


def test_with_one_number_of_threads_there_is_no_serial_part():
    fit = fit_latency(timings(LatencyModel(1e-4, 1e5, 300.0, 0.0), threads=(1,)))
    assert fit.model.serial_fraction == 0
    assert fit.model.flop_per_cycle == pytest.approx(300)


def test_the_text_states_median_and_largest_error():
    assert fit_latency(timings(MODEL)).text == (
        'error of latency: median 0.0%, largest 0.0%; each frequency left out: median 0.0%, '
        'largest 0.0%'
    )


def test_sub_networks_with_equal_operations_per_layer_are_rejected():
    alike = {'small': (20_000_000, 40), 'large': (40_000_000, 80)}
    with pytest.raises(ValueError, match='expected at least two different ratios'):
        fit_latency(timings(MODEL, subnets=alike))


def test_latency_that_decreases_with_operations_is_rejected():
    decreasing = [
        Timing('small', 20_000_000, 40, 1, 1e9, 0.02, 0.0, 10),
        Timing('large', 400_000_000, 40, 1, 1e9, 0.01, 0.0, 10),
    ]
    with pytest.raises(ValueError, match='does not increase with the operations'):
        fit_latency(decreasing)


@pytest.mark.parametrize('latency_s', [0.0, -1.0, math.nan, math.inf])
def test_an_invalid_latency_is_rejected(latency_s):
    with pytest.raises(ValueError, match='latency_s of small is'):
        Timing('small', 1, 1, 1, 1e9, latency_s, 0.0, 10)
