# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/inference.py: its figures are consistent, and disagreeing logits fail."""

import math
import subprocess
import sys
from statistics import geometric_mean

import pytest

from dynofa_ros.engine import EngineError

pytestmark = pytest.mark.no_cover

ENGINE = 'torch'  # available wherever this package is


@pytest.fixture(scope='module')
def inference(load):
    return load('inference')


@pytest.fixture(scope='module')
def figures(run_main):
    return run_main('inference', '--quick', '--engine', ENGINE, '--threads', '1')


def row(load, error=1e-6):
    return load('compare').Row(
        network='a',
        flops=10,
        eager_s=4.0,
        eager_threads=1,
        engine_s={ENGINE: 1.0},
        speedup={ENGINE: 4.0},
        relative_error={ENGINE: error},
        eager_alone_s=4.0,
        engine_alone_s=1.0,
    )


def test_the_file_contains_machine_engine_and_settings(figures):
    assert figures['machine']['cpu']
    assert figures['engine'] == ENGINE
    assert figures['reason'] == 'chosen by parameter'
    assert figures['settings']['threads'] == 1
    assert figures['settings']['quick'] is True
    assert 'random' in figures['weights']


def test_each_sub_network_has_a_time_on_both_sides(figures):
    assert [each['network'] for each in figures['rows']] == ['k3 e3 d2 r128', 'k3 e3 d2 r160']
    for each in figures['rows']:
        for seconds in (each['eager_s'], each['eager_alone_s'], each['engine_alone_s']):
            assert seconds > 0
        assert each['speedup'][ENGINE] == pytest.approx(each['eager_s'] / each['engine_s'][ENGINE])


def test_the_rate_of_the_engine_is_relative_to_the_matrix_product(figures):
    product = figures['matrix_product']
    rate = 2 * product['side'] ** 3 / product['latency_s']
    assert product['flops_per_s'] == pytest.approx(rate)
    largest = figures['rows'][-1]
    assert product['network'] == largest['network']
    expected = largest['flops'] / product['engine_s'][ENGINE] / rate
    assert product['share'][ENGINE] == pytest.approx(expected)


def test_well_known_networks_are_measured_or_their_absence_is_explained(figures):
    names = [each['network'] for each in figures['well_known']]
    assert names[0] == 'EfficientNet-Lite0 r224'
    assert (names[1:] == ['torchvision mobilenet_v3_large r224']) == (not figures['missing'])


def test_goals_use_the_figures_of_the_rows(figures):
    speedups = [each['speedup'][ENGINE] for each in figures['rows']]
    values = [each['value'] for each in figures['goals']]
    share = figures['matrix_product']['share'][ENGINE]
    assert values == pytest.approx([geometric_mean(speedups), min(speedups), share])
    assert [each['goal'] for each in figures['goals']] == [4.0, 2.5, 0.7]
    assert all(each['met'] == (each['value'] >= each['goal']) for each in figures['goals'])


def test_the_engine_agrees_with_the_dynamic_network(figures):
    errors = [each['relative_error'][ENGINE] for each in figures['rows'] + figures['well_known']]
    assert figures['agreement']['met']
    assert figures['agreement']['relative_error'] == max(errors) < 1e-4


@pytest.mark.parametrize('error', [2e-4, math.nan])
def test_disagreeing_logits_are_reported(inference, load, error):
    found = inference.agreement([row(load), row(load, error)])
    assert not found['met']
    assert found['wrong'] == [f'a in {ENGINE}']


def test_disagreeing_logits_give_exit_status_1(inference, monkeypatch):
    monkeypatch.setattr(inference, 'measure', lambda options: {'agreement': {'met': False}})
    assert inference.main([]) == 1


def test_an_unavailable_engine_is_a_one_line_error(inference, monkeypatch, capsys):
    def refuse(*_, **__):
        raise EngineError('openvino cannot be imported: it is not there')

    monkeypatch.setattr(inference, 'ofa_networks', lambda *_: ())
    monkeypatch.setattr(inference, 'choose_engine', refuse)
    assert inference.main(['--engine', 'openvino']) == 1
    error = capsys.readouterr().err
    assert error == 'inference: openvino cannot be imported: it is not there\n'


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (['--threads', '0'], "'0'; expected an integer above 0"),
        (['--engine', 'abacus'], "invalid choice: 'abacus'"),
        (['--json', 'no/such/folder/f.json'], 'expected a file in an existing folder'),
    ],
)
def test_a_wrong_option_is_refused(refusal, option, error):
    assert error in refusal('inference', option)


def test_it_runs_as_a_script(inference):
    done = subprocess.run(
        [sys.executable, inference.__file__, '--help'], capture_output=True, text=True, check=True
    )
    assert '--engines' in done.stdout
