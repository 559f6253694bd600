"""`dynofa platform` on every kind of machine, this one included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import BOARDS
from fake_kernel import FakeKernel

from dynofa_ros.cli import main
from dynofa_ros.platform import DomainSetting
from dynofa_ros.platform.linux import LinuxDevice
from dynofa_ros.platform.linux.describe import restore, show

Board = Callable[[str], FakeKernel]
SCREEN_LINES = 24


@pytest.mark.parametrize('name', BOARDS)
def test_a_machine_is_one_screen(
    board: Board, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(None, sysfs=board(name)) == 0
    text = capsys.readouterr().out
    assert text.count('\n') <= SCREEN_LINES
    assert ' nan' not in text


def test_the_screen_says_how_clocks_are_turned_and_where_power_is(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    show(None, sysfs=board('xavier_nx_jetpack5'))
    text = capsys.readouterr().out
    for part in (
        'NVIDIA Jetson Xavier NX',
        'cpu      1421 MHz now, limits 115 to 1421, of 115 to 1907 (5 frequencies)',
        'VDD_IN               5.12 W',
        'throttles at 95.5, off at 97.0',
        'mode 2 MODE_15W_6CORE',
    ):
        assert part in text


def test_a_container_says_that_it_has_nothing(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    show(None, sysfs=board('container'))
    text = capsys.readouterr().out
    assert 'docker container, at most 2 CPUs of time, at most 4.0 GiB' in text
    assert '`auto` takes the simulated platform here' in text


@pytest.mark.parametrize('name', BOARDS)
def test_all_of_it_is_written_as_strict_json(board: Board, name: str, tmp_path: Path) -> None:
    kernel, file = board(name), tmp_path / 'found.json'
    show(file, sysfs=kernel)
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert len(found['domains']) == len({each['name'] for each in found['domains']})
    assert all(each['limits']['max_hz'] > 0 for each in found['domains'])


def test_this_machine_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['platform', '--json', str(tmp_path / 'found.json')]) == 0
    assert 'clocks' in capsys.readouterr().out
    assert json.loads((tmp_path / 'found.json').read_text())['architecture']


def test_the_file_may_stand_before_the_action(tmp_path: Path) -> None:
    assert main(['platform', '--json', str(tmp_path / 'found.json'), 'show']) == 0
    assert (tmp_path / 'found.json').exists()


def test_a_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['platform', '--json', str(tmp_path / 'none' / 'found.json')]) == 1
    assert 'dynofa platform: ' in capsys.readouterr().err


def test_with_nothing_turned_restore_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['platform', 'restore', '--state-file', str(tmp_path / 'clocks.json')]) == 0
    assert 'nothing to put back' in capsys.readouterr().out


def test_restore_says_what_it_could_not_put_back(
    board: Board,
    open_board: Callable[..., LinuxDevice],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kernel, file = board('raspberry_pi_5'), tmp_path / 'state' / 'clocks.json'
    device = open_board(kernel)
    device.apply([DomainSetting('cpu', frequency_hz=1.5e9)])
    del device
    kernel.failures = [16]
    assert restore(file, sysfs=kernel) == 1
    assert 'NOT put back' in capsys.readouterr().out
    assert restore(file, sysfs=kernel) == 0
    assert 'ondemand, 1500 to 2400 MHz' in capsys.readouterr().out
