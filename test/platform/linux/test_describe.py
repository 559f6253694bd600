# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa platform` on every kind of machine, including the one that runs the tests."""

import json

import pytest
from boards import BOARDS, at

from dynofa_ros.cli import main
from dynofa_ros.platform.linux.describe import restore, show

SCREEN_LINES = 24


@pytest.mark.parametrize('name', BOARDS)
def test_the_summary_fits_on_one_screen(board, name, capsys):
    assert show(None, sysfs=board(name)) == 0
    text = capsys.readouterr().out
    assert text.count('\n') <= SCREEN_LINES
    assert ' nan' not in text


@pytest.mark.parametrize(
    ('name', 'parts'),
    [
        (
            'xavier_nx_jetpack5',
            (
                'NVIDIA Jetson Xavier NX',
                'cpu      1421 MHz now, limits 115 to 1421, of 115 to 1907 (5 frequencies)',
                'VDD_IN               5.12 W',
                'throttles at 95.5, off at 97.0',
                'mode 2 MODE_15W_6CORE',
            ),
        ),
        (
            'container',
            (
                'docker container, at most 2 CPUs of time, at most 4.0 GiB',
                '`auto` simulates the platform here',
            ),
        ),
    ],
)
def test_the_summary_has_frequencies_sensors_and_limits(board, capsys, name, parts):
    show(None, sysfs=board(name))
    text = capsys.readouterr().out
    for part in parts:
        assert part in text


@pytest.mark.parametrize('name', BOARDS)
def test_the_document_is_strict_json(board, name, tmp_path):
    kernel, file = board(name), tmp_path / 'found.json'
    show(file, sysfs=kernel)
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert len(found['domains']) == len({each['name'] for each in found['domains']})
    assert all(each['limits']['max_hz'] > 0 for each in found['domains'])


def test_this_machine_can_be_described(tmp_path, capsys):
    assert main(['platform', '--json', str(tmp_path / 'found.json')]) == 0
    assert 'clocks' in capsys.readouterr().out
    assert json.loads((tmp_path / 'found.json').read_text())['architecture']


def test_the_option_may_precede_the_verb(tmp_path):
    assert main(['platform', '--json', str(tmp_path / 'found.json'), 'show']) == 0
    assert (tmp_path / 'found.json').exists()


def test_a_file_that_cannot_be_written_is_a_one_line_error(tmp_path, capsys):
    assert main(['platform', '--json', str(tmp_path / 'none' / 'found.json')]) == 1
    assert 'dynofa platform: ' in capsys.readouterr().err


def test_restore_without_saved_settings_restores_nothing(tmp_path, capsys):
    assert main(['platform', 'restore', '--state-file', str(tmp_path / 'clocks.json')]) == 0
    assert 'nothing to restore' in capsys.readouterr().out


def test_restore_names_the_settings_that_it_could_not_restore(
    board, open_board, state_file, capsys
):
    kernel = board('raspberry_pi_5')
    device = open_board(kernel)
    device.apply(at('cpu', 1.5e9))
    del device
    kernel.failures = [16]
    assert restore(state_file, sysfs=kernel) == 1
    assert 'NOT restored' in capsys.readouterr().out
    assert restore(state_file, sysfs=kernel) == 0
    assert 'ondemand, 1500 to 2400 MHz' in capsys.readouterr().out
