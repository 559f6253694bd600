"""Reading the measurements of a board."""

import math

import pytest

from dynofa_ros.offline.calibration.loudva_data import read_board

PERFORMANCE = 'performance/freqs/performance_measurements_freq_200000000.csv'
POWER = 'power/freqs/power_measurement_stats_freq_200000000.csv'


def test_clocks_come_in_ascending_order(board):
    clocks, _ = read_board(board)
    assert [each.frequency_hz for each in clocks] == [1e8, 2e8, 4e8, 5e8, 8e8, 1e9]


def test_the_latency_is_all_of_the_time_in_the_server(board):
    clocks, _ = read_board(board)
    assert clocks[0].latency_s == pytest.approx(0.21)


def test_the_power_is_in_watt_and_of_concurrency_1_first(board):
    clocks, _ = read_board(board)
    assert clocks[-1].power_w == pytest.approx((10.0, 11.0, 11.1, 11.2))


def test_a_board_needs_no_power_modes(board):
    assert read_board(board)[1] == ()


def test_the_clock_of_a_power_mode_is_unknown(board, write_board):
    write_board(board, {0: 0.05}, {0: (5.0, 5.5)}, kind='mode')
    [mode] = read_board(board)[1]
    assert mode.name == 'mode_0'
    assert math.isnan(mode.frequency_hz)


def test_a_folder_of_boards_is_refused_and_names_one(board):
    with pytest.raises(ValueError, match=r'performance/freqs; expected .*such as .*board'):
        read_board(board.parent)


def test_two_clocks_are_too_few(board):
    for file in sorted((board / 'performance' / 'freqs').iterdir())[2:]:
        file.unlink()
    with pytest.raises(ValueError, match=r'performance/freqs: 2 files .*expected 3 or more'):
        read_board(board)


def test_a_clock_without_its_power_is_refused(board):
    (board / POWER).unlink()
    with pytest.raises(ValueError, match=r'power_measurement_stats_freq_200000000.csv: it cannot'):
        read_board(board)


def test_a_power_that_is_not_of_every_row_is_refused(board):
    (board / POWER).write_text('Mean: 3600\n')
    with pytest.raises(ValueError, match=r'stats_freq_200000000.csv: 1 lines .*expected 4'):
        read_board(board)


@pytest.mark.parametrize(
    ('line', 'problem'),
    [
        ('Max: 3600', 'line \'Max: 3600\'; expected lines "Mean: MILLIWATT"'),
        ('Mean: much', "Mean is 'much'; expected a number"),
        ('Mean: nan', "Mean is 'nan'; expected a number"),
        ('Mean: -1', "Mean is '-1'; expected a number of at least 0"),
        ('Mean: 0', 'Mean is 0; expected above 0'),
    ],
)
def test_a_power_that_is_none_is_refused(board, line, problem):
    (board / POWER).write_text(line)
    with pytest.raises(ValueError, match='stats_freq_200000000') as caught:
        read_board(board)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ('Server Queue', 'Queue', "column 'Server Queue' is missing"),
        ('\n1,', '\n2,', "its first row is of concurrency '2'; expected 1"),
        (',100,', ',,', "Server Queue is ''; expected a number"),
        (',100,', ',1e999,', "Server Queue is '1e999'; expected a number"),
    ],
)
def test_a_latency_that_is_none_is_refused(board, old, new, problem):
    file = board / PERFORMANCE
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match='measurements_freq_200000000') as caught:
        read_board(board)
    assert problem in str(caught.value)


def test_a_file_without_a_row_is_refused(board):
    (board / PERFORMANCE).write_text('')
    with pytest.raises(ValueError, match=r'freq_200000000.csv: it has no row'):
        read_board(board)


def test_a_file_that_is_no_text_is_refused(board):
    (board / PERFORMANCE).write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match=r'freq_200000000.csv: it is no text'):
        read_board(board)


@pytest.mark.parametrize('name', ['fast', '0', '0200', '2e8', '-1'])
def test_a_clock_that_is_none_is_refused(board, name):
    file = board / PERFORMANCE
    file.rename(file.with_name(f'performance_measurements_freq_{name}.csv'))
    with pytest.raises(ValueError, match=f"its name ends with 'freq_{name}'; expected freq_HZ"):
        read_board(board)
