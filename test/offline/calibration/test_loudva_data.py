# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Reading the measurements of a board."""

import math

import pytest

from dynofa_ros.offline.calibration.loudva_data import read_board

PERFORMANCE = 'performance/freqs/performance_measurements_freq_200000000.csv'
POWER = 'power/freqs/power_measurement_stats_freq_200000000.csv'


def test_samples_are_read_in_si_units_by_ascending_frequency(board):
    clocks, modes = read_board(board)
    assert [each.frequency_hz for each in clocks] == [1e8, 2e8, 4e8, 5e8, 8e8, 1e9]
    assert clocks[0].latency_s == pytest.approx(0.21)  # the sum of all times in the server
    assert clocks[-1].power_w == pytest.approx((10.0, 11.0, 11.1, 11.2))  # concurrency 1 first
    assert modes == ()


def test_the_frequency_of_a_power_mode_is_unknown(board, write_board):
    write_board(board, {0: 0.05}, {0: (5.0, 5.5)}, kind='mode')
    [mode] = read_board(board)[1]
    assert mode.name == 'mode_0'
    assert math.isnan(mode.frequency_hz)


def test_a_folder_of_boards_is_rejected_with_an_example(board):
    with pytest.raises(ValueError, match=r'performance/freqs is missing; expected .*as .*board'):
        read_board(board.parent)


def test_two_frequencies_are_too_few(board):
    for file in sorted((board / 'performance' / 'freqs').iterdir())[2:]:
        file.unlink()
    with pytest.raises(ValueError, match=r'performance/freqs: 2 files .*expected 3 or more'):
        read_board(board)


def test_a_missing_power_file_is_named(board):
    (board / POWER).unlink()
    with pytest.raises(ValueError, match=r'power_measurement_stats_freq_200000000.csv cannot be'):
        read_board(board)


@pytest.mark.parametrize(
    ('line', 'problem'),
    [
        ('Mean: 3600\n', '1 lines "Mean:"; expected 4'),
        ('Max: 3600', 'line is \'Max: 3600\'; expected "Mean: MILLIWATT"'),
        ('Mean: much', "Mean is 'much'; expected a number"),
        ('Mean: nan', "Mean is 'nan'; expected a number"),
        ('Mean: -1', "Mean is '-1'; expected a number of at least 0"),
        ('Mean: 0', 'Mean is 0; expected above 0'),
    ],
)
def test_an_invalid_power_is_rejected(board, line, problem):
    (board / POWER).write_text(line)
    with pytest.raises(ValueError, match='stats_freq_200000000') as caught:
        read_board(board)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ('Server Queue', 'Queue', "column 'Server Queue' is missing"),
        ('\n1,', '\n2,', "concurrency of the first row is '2'; expected 1"),
        (',100,', ',,', "Server Queue is ''; expected a number"),
        (',100,', ',1e999,', "Server Queue is '1e999'; expected a number"),
    ],
)
def test_an_invalid_latency_is_rejected(board, old, new, problem):
    file = board / PERFORMANCE
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match='measurements_freq_200000000') as caught:
        read_board(board)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'problem'), [(b'', ': no rows'), (b'\xff\xfe\x00', ' is not a text file')]
)
def test_an_empty_or_binary_file_is_rejected(board, content, problem):
    (board / PERFORMANCE).write_bytes(content)
    with pytest.raises(ValueError, match=f'freq_200000000.csv{problem}'):
        read_board(board)


@pytest.mark.parametrize('name', ['fast', '0', '0200', '2e8', '-1'])
def test_a_file_name_without_a_frequency_is_rejected(board, name):
    file = board / PERFORMANCE
    file.rename(file.with_name(f'performance_measurements_freq_{name}.csv'))
    with pytest.raises(ValueError, match=f"end of the name is 'freq_{name}'; expected freq_HZ"):
        read_board(board)
