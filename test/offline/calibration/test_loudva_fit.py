# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The fit of a platform recovers known constants and detects outliers."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dynofa_ros.offline.calibration.loudva_data import LoudvaSample, read_board
from dynofa_ros.offline.calibration.loudva_fit import fit_line, fit_platform, power_outliers

FREQUENCIES_HZ = np.array([1e8, 2e8, 4e8, 5e8, 8e8, 1e9])


def fitted(board, **changes):
    return fit_platform(*read_board(board), **({'flops': 2e9, 'layers': 50} | changes))


def samples(ratios):
    """Return one sample for each ratio of the power at concurrency 1 to that at 2 to 4."""
    return [
        LoudvaSample(f'freq_{index}', 1e8 * index, 0.1, (10 * ratio, 10.0, 10.0, 10.0))
        for index, ratio in enumerate(ratios, start=1)
    ]


@given(constant_s=st.floats(0, 0.1), cycles=st.floats(1e5, 1e9))
def test_an_exact_line_is_recovered(constant_s, cycles):
    latencies_s = constant_s + cycles / FREQUENCIES_HZ
    found = fit_line(FREQUENCIES_HZ, latencies_s)
    assert found[0] + found[1] / FREQUENCIES_HZ == pytest.approx(latencies_s)


def test_two_outliers_do_not_move_the_line():
    latencies_s = 0.01 + 2e7 / FREQUENCIES_HZ
    latencies_s[[1, 4]] *= (3.0, 0.5)
    assert fit_line(FREQUENCIES_HZ, latencies_s) == pytest.approx((0.01, 2e7))


@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_no_nearby_line_has_a_smaller_error(latencies_s):
    def error(line):
        return np.abs((line[0] + line[1] / FREQUENCIES_HZ) / latencies_s - 1).sum()

    latencies_s = sorted(latencies_s, reverse=True)
    try:
        found = fit_line(FREQUENCIES_HZ, latencies_s)
    except ValueError:
        assume(False)
    assert found[0] >= 0
    assert found[1] > 0
    for factor_a, factor_b in ((1, 1.01), (1, 0.99), (1.01, 1), (0.99, 1), (1.02, 0.98)):
        assert error(found) <= error((found[0] * factor_a, found[1] * factor_b)) + 1e-9


def test_latency_that_increases_with_frequency_is_rejected():
    with pytest.raises(ValueError, match=r'latency at 6 frequencies is 0.01 to 0.1 s; expected'):
        fit_line(FREQUENCIES_HZ, FREQUENCIES_HZ * 1e-10)


def test_the_constants_of_a_board_are_recovered(board):
    fit = fitted(board)
    assert fit.latency.overhead_s_per_layer == pytest.approx(0.01 / 50)
    assert fit.latency.flop_per_cycle == pytest.approx(2e9 / 2e7)
    assert fit.latency.overhead_cycles_per_layer == 0
    assert fit.busy_power.power_w == pytest.approx((2.8, 3.6, 5.2, 6.0, 8.4, 10.0))


def test_without_noise_a_left_out_frequency_is_predicted_from_the_others(board):
    for each in fitted(board).clocks:
        assert each.left_out_latency_s == pytest.approx(each.measured_latency_s, rel=1e-3)
    for each in fitted(board).clocks[1:-1]:
        assert each.left_out_power_w == pytest.approx(each.measured_power_w, rel=1e-3)


def test_a_left_out_end_has_the_power_of_its_neighbour(board):
    first, second, *_ = fitted(board).clocks
    assert first.left_out_power_w == second.power_w


def test_errors_are_those_of_the_rounded_constants(write_board, tmp_path):
    exact = {int(hertz): 0.0123456 + 1.23456e7 / hertz for hertz in FREQUENCIES_HZ}
    board = write_board(tmp_path, exact, dict.fromkeys(exact, (5.0, 5.5)))
    fit = fitted(board)
    assert fit.latency.flop_per_cycle == 162.0
    assert fit.latency.overhead_s_per_layer == 2.469e-4
    assert fit.clocks[0].latency_s == pytest.approx(50 * 2.469e-4 + 2e9 / 162.0e8)


def test_a_power_taken_before_the_load_is_an_outlier():
    assert power_outliers(samples([0.9, 0.92, 0.5, 0.88, 0.91])) == {'freq_3'}


def test_a_wide_spread_has_no_outliers():
    assert power_outliers(samples([0.9, 0.99, 0.8, 0.85, 0.95])) == frozenset()


def test_differences_below_the_resolution_are_no_outliers():
    assert power_outliers(samples([0.9, 0.9, 0.9, 0.9, 0.91])) == frozenset()


def test_without_higher_concurrency_there_are_no_outliers():
    only = [LoudvaSample('freq_1', 1e8, 0.1, (3.0,)), LoudvaSample('freq_2', 2e8, 0.1, (99.0,))]
    assert power_outliers(only) == frozenset()


def test_an_outlier_is_replaced_by_the_power_at_higher_concurrency(board):
    file = board / 'power' / 'freqs' / 'power_measurement_stats_freq_400000000.csv'
    file.write_text('Mean: 2000\nMean: 5720\nMean: 5772\nMean: 5824\n')
    fit = fitted(board)
    assert [each.power_is_outlier for each in fit.clocks] == [False, False, True, *[False] * 3]
    assert fit.busy_power.power_w[2] == 5.772
    assert fit.clocks[2].measured_power_w == 2.0


def test_a_power_mode_is_compared_at_the_frequency_of_its_latency(board, write_board):
    write_board(board, {7: 0.06, 8: 1.0}, {7: (6.3, 6.9), 8: (3.1, 3.4)}, kind='mode')
    at_400, slowest = fitted(board).modes
    assert at_400.frequency_hz == pytest.approx(4e8)
    assert at_400.power_w == pytest.approx(5.2)
    assert at_400.measured_power_w == 6.3
    assert slowest.frequency_hz == 1e8


@pytest.mark.parametrize('field', ['flops', 'layers'])
def test_a_network_without_operations_or_layers_is_rejected(board, field):
    with pytest.raises(ValueError, match=f'{field} is 0; expected above 0'):
        fitted(board, **{field: 0})
