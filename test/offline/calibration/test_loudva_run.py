# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa fit-platform` from its command line."""

import pytest
import yaml

from dynofa_ros.cli import main
from dynofa_ros.platform import load_platform
from dynofa_ros.share import share_path


def fit(board, *options):
    network = ('--flops', '2e9', '--layers', '50')
    return main(['fit-platform', '--data', str(board), *network, *map(str, options)])


@pytest.fixture
def description(tmp_path):
    """A copy of a shipped description with the frequencies of the test board."""
    shipped = share_path('config/platforms/jetson_agx_xavier.yaml').read_text()
    content = yaml.safe_load(shipped)
    content['frequency_domains']['gpu']['frequencies_hz']['value'] = [100000000, 1000000000]
    content['thermal_zones'] = {}
    content['idle_power_w']['value'] = 1.0
    path = tmp_path / 'copy.yaml'
    path.write_text(yaml.safe_dump(content))
    return path


def test_without_a_description_it_prints_a_yaml_fragment(board, capsys):
    assert fit(board) == 0
    printed = capsys.readouterr().out
    pasted = yaml.safe_load(printed[printed.index('sources:') :])
    assert pasted['processors']['gpu']['latency']['flop_per_cycle']['value'] == 100
    assert 'a = 10.00 ms, b = 20.00 s MHz' in pasted['sources']['loudva_fit']


def test_it_prints_all_errors(board, capsys):
    fit(board)
    printed = capsys.readouterr().out
    assert 'error of latency: median 0.0%, largest 0.0%' in printed
    assert 'error of latency, clock left out: median 0.0%' in printed
    assert 'error of power: median 0.0%, largest 0.0%; 0 by construction' in printed
    # Outside its range a table has the power of its nearest end: 3.6 W for 2.8 W.
    assert 'error of power, clock left out: median 0.0%, largest 28.6%' in printed
    assert 'power, modes' not in printed


def test_power_modes_that_are_outliers_are_not_counted(board, write_board, capsys):
    modes = {1: (5.2, 5.77), 2: (5.3, 5.88), 3: (1.2, 5.77)}
    write_board(board, dict.fromkeys(modes, 0.06), modes, kind='mode')
    fit(board)
    printed = capsys.readouterr().out
    assert 'error of power, modes: median 0.9%, largest 1.9%' in printed
    assert 'mode_3: outlier, not counted' in printed


def test_it_updates_the_description_and_prints_its_error(board, description, capsys):
    assert fit(board, '--platform', description) == 0
    printed = capsys.readouterr().out
    assert 'processors.gpu.latency.flop_per_cycle' in printed
    assert 'error of latency, description: median' in printed
    assert load_platform(str(description)).processors['gpu'].latency.flop_per_cycle == 100


def test_it_plots_the_fit(board, tmp_path):
    picture = tmp_path / 'folder' / 'fit.png'
    assert fit(board, '--picture', picture) == 0
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_an_unwritable_plot_is_named(board, tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    assert fit(board, '--picture', tmp_path / 'file' / 'fit.png') == 1
    assert 'fit.png cannot be written' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        (('--processor', 'npu', '--platform', 'jetson'), "'npu' has the source 'loudva_fit'"),
        (
            ('--source', 'paper', '--platform', 'jetson'),
            "source is 'paper'; expected a key of sources",
        ),
        (('--platform', 'none.yaml'), 'none.yaml cannot be read'),
        (('--flops', '0'), 'flops is 0.0; expected above 0'),
        (('--layers', '-1'), 'layers is -1; expected above 0'),
        (('--data', 'nowhere'), 'nowhere: folder performance/freqs is missing'),
    ],
)
def test_an_error_is_one_line(board, description, capsys, options, problem):
    options = [str(description) if each == 'jetson' else each for each in options]
    assert fit(board, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith('dynofa fit-platform: ')
    assert problem in error
    assert error.count('\n') == 1
