# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.report.platform_fit import draw_fit, fit_table

RED = (0x26, 0x26, 0xDC)  # BGR of #dc2626
ORANGE = (0x06, 0x77, 0xD9)


def clock(frequency_hz, *, outlier=False):
    return {
        'frequency_hz': frequency_hz,
        'measured_latency_s': 0.0501,
        'latency_s': 0.0502,
        'left_out_latency_s': 0.0503,
        'measured_power_w': 3.1,
        'power_w': 5.0,
        'left_out_power_w': 5.2,
        'power_is_outlier': outlier,
    }


@pytest.fixture
def figures():
    error = {'median': 0.012, 'largest': 0.034}
    kinds = ('latency', 'latency, clock left out', 'power', 'power, clock left out')
    return {
        'name': 'board',
        'constant_s': 0.01,
        'cycles': 2e7,
        'clocks': [clock(1e8), clock(5e8)],
        'modes': [],
        'errors': dict.fromkeys(kinds, error),
    }


def test_an_outlier_is_drawn_in_red(figures, colours, tmp_path):
    draw_fit(figures, tmp_path / 'none.png')
    assert RED not in colours(tmp_path / 'none.png')
    figures['clocks'].append(clock(6e8, outlier=True))
    draw_fit(figures, tmp_path / 'one.png')
    assert RED in colours(tmp_path / 'one.png')


def test_power_modes_are_drawn(figures, colours, tmp_path):
    figures['modes'].append(clock(3e8) | {'name': 'mode_1'})
    draw_fit(figures, tmp_path / 'fit.png')
    assert ORANGE in colours(tmp_path / 'fit.png')


def test_a_plot_is_small_enough_for_a_document(figures, tmp_path):
    draw_fit(figures, tmp_path / 'fit.png')
    assert (tmp_path / 'fit.png').stat().st_size < 100_000


def test_the_table_marks_outliers(figures):
    figures['clocks'].append(clock(6e8, outlier=True))
    figures['modes'].append(clock(3e8, outlier=True) | {'name': 'mode_1'})
    text = fit_table(figures)
    assert text.count('outlier') == 3  # and in the remark on the error of power
    assert 'mode_1: outlier, not counted' in text


def test_the_table_ends_with_the_errors(figures):
    text = fit_table(figures)
    assert 'latency = 10.00 ms + 20.00 s MHz / frequency' in text
    assert 'error of latency, clock left out: median 1.2%, largest 3.4%' in text
