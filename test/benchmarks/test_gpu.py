# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/gpu.py: it reports a missing GPU; with one its figures are consistent."""

import json
import math

import numpy as np
import pytest
import torch

from dynofa_ros.engine import GPU, Place
from dynofa_ros.engine.torch_engine import relative_error

PLACE = Place(GPU, 1)


@pytest.fixture(scope='module')
def gpu(load):
    return load('gpu')


def row(gpu, faster, top1=1.0):
    return gpu.Row(
        'a',
        10,
        {gpu.EAGER: faster, gpu.PLAIN: 1.0, gpu.GRAPH: 1.0},
        {gpu.PLAIN: faster, gpu.GRAPH: faster},
        gpu.Agreement(top1, 5, 1e-3),
    )


def test_without_a_gpu_it_reports_the_reason(gpu, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    file = tmp_path / 'figures.json'
    assert gpu.main(['--json', str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures['gpu'] is None
    assert figures['rows'] == figures['goals'] == []
    assert 'no CUDA GPU' in figures['reason']
    assert figures['reason'] in capsys.readouterr().out


def test_figures_are_consistent_with_the_cpu_in_place_of_the_gpu(
    gpu, load, smallest, monkeypatch, tmp_path
):
    class StandIn:
        def compile(self, network, place):
            assert place.processor == 'gpu'
            return load('networks').eager_runner(network.net, network.kept.config, 'cpu')

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: 'a stand-in')
    monkeypatch.setattr(gpu, 'gpu_facts', lambda: {'name': 'a stand-in'})
    monkeypatch.setattr(gpu, 'DEVICE', 'cpu')
    monkeypatch.setattr(gpu, 'TorchEngine', StandIn)
    monkeypatch.setattr(gpu, 'without_graph', lambda network: StandIn().compile(network, PLACE))
    monkeypatch.setattr(gpu, 'ofa_networks', lambda *_: (smallest,))
    file = tmp_path / 'figures.json'
    assert gpu.main(['--quick', '--images', '3', '--json', str(file)]) == 0
    figures = json.loads(file.read_text())
    (each,) = figures['rows']
    latency_s = each['latency_s']
    assert each['speedup'][gpu.GRAPH] == latency_s[gpu.EAGER] / latency_s[gpu.GRAPH]
    assert figures['goals'][0]['value'] == pytest.approx(each['speedup'][gpu.GRAPH])
    assert each['agreement']['top1'] == figures['agreement']['top1'] == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA GPU')
def test_with_a_gpu_every_side_has_a_time(gpu, tmp_path):
    file = tmp_path / 'figures.json'
    assert gpu.main(['--quick', '--json', str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures['gpu']['name']
    assert len(figures['rows']) == 2
    for each in figures['rows']:
        latency_s = each['latency_s']
        assert set(latency_s) == {gpu.EAGER, gpu.PLAIN, gpu.GRAPH}
        assert all(seconds > 0 for seconds in latency_s.values())


def test_batch_norm_statistics_of_the_reference_move_to_the_device(gpu, smallest):
    moved = gpu.on_device(smallest.net, 'meta')
    stored = moved.statistics[smallest.kept.config]
    assert stored.keys() == smallest.net.statistics[smallest.kept.config].keys()
    assert {each.device.type for pair in stored.values() for each in pair} == {'meta'}
    assert {each.device.type for each in smallest.net.parameters()} == {'cpu'}


def test_the_reference_is_the_forward_pass_of_the_dynamic_network(gpu, load, smallest):
    config = smallest.kept.config
    made = load('networks').images(3, config.r, torch.Generator().manual_seed(0))
    run = load('networks').eager_runner(smallest.net, config, 'cpu')
    expected = np.stack([run(made[i : i + 1].numpy()) for i in range(3)])
    found = gpu.float32_logits(smallest.net, smallest, made, 'cpu')
    assert relative_error(found, expected) < 1e-4


def test_agreement_counts_images_with_the_same_best_class(gpu):
    reference = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 4], [0, 3, 0]], np.float32)
    logits = reference.copy()
    logits[2] = [5, 0, 4]
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    found = gpu.agreement(lambda x: logits[int(x[0, 0, 0, 0])], images, reference)
    assert found == gpu.Agreement(top1=0.75, classes=3, relative_error=1.25)


def test_nan_logits_do_not_agree(gpu):
    reference = np.array([[1, 0]], np.float32)
    logits = np.full(2, np.nan, np.float32)
    found = gpu.agreement(lambda x: logits, np.zeros((1, 1, 1, 1), np.float32), reference)
    assert found.top1 == 0
    assert math.isnan(found.relative_error)


def test_the_goal_is_the_geometric_mean_with_cuda_graphs(gpu):
    found = gpu.judge([row(gpu, 2.0), row(gpu, 8.0)])
    assert found['goals'] == [
        {'name': 'times faster, geometric mean', 'value': 4.0, 'goal': 3.0, 'met': True}
    ]
    assert not gpu.judge([row(gpu, 2.0)])['goals'][0]['met']


def test_the_worst_sub_network_decides_the_agreement(gpu):
    found = gpu.judge([row(gpu, 4.0), row(gpu, 4.0, top1=0.89)])
    assert found['agreement'] == {'top1': 0.89, 'allowed': 0.9, 'met': False}
