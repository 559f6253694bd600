# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Distributed training with two real processes, started by torchrun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dynofa_ros.offline.training.distributed import Ranks, join_ranks

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
sys.path.insert(0, {tests!r})
from conftest import CLASSES, tiny_mobilenet, tiny_transformer
from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.offline.training.distributed import join_ranks
from dynofa_ros.offline.training.trainer import Trainer
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.supernet.model import fingerprint

torch.set_num_threads(1)
out = Path({out!r})
ranks = join_ranks(torch.device('cpu'))

def images(seed):
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (24, 3, 12, 12), generator=rng, dtype=torch.uint8)
    return DecodedImages(pixels, torch.arange(24) % 3, CLASSES)

def trainer(name, data=None, family=tiny_mobilenet, **changes):
    torch.manual_seed(0)
    plan = replace(TrainingPlan(epochs=2, batch_size=4, peak_learning_rate=0.05), **changes)
    return Trainer(family(), data or images(0), plan, out / name, ranks=ranks)

results = {{}}
for method in ('sandwich', 'progressive'):
    whole = trainer('whole', method=method)
    results[method + ' losses'] = [each.loss for each in whole.run()]
    results[method] = fingerprint(whole.net.state_dict())
    part = trainer(method, method=method)
    steps = part.run(lambda: part.step == 7 and ranks.rank == 1)
    results[method + ' stopped'] = [each.step for each in steps][-1]
    part.save()
    resumed = trainer(method, method=method)
    resumed.resume()
    list(resumed.run())
    results[method + ' resumed'] = fingerprint(resumed.net.state_dict())
try:
    trainer('other', data=images(ranks.rank))
except ValueError as error:
    results['other data'] = str(error)
try:
    trainer('odd', batch_size=5)
except ValueError as error:
    results['odd batch'] = str(error)
(out / f'{{ranks.rank}}.json').write_text(json.dumps(results))
ranks.leave()
"""


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """The results of the program in each of two processes."""
    out = tmp_path_factory.mktemp('ranks')
    program = out / 'program.py'
    program.write_text(PROGRAM.format(tests=str(Path(__file__).parents[1]), out=str(out)))
    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    done = subprocess.run(
        [*torchrun, '--nproc-per-node', '2', str(program)],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((out / f'{rank}.json').read_text()) for rank in range(2)]


@pytest.mark.parametrize('method', ['sandwich', 'progressive'])
def test_ranks_end_with_equal_weights(results, method):
    assert results[0][method] == results[1][method]


def test_ranks_report_the_loss_of_the_whole_batch(results):
    assert results[0]['sandwich losses'] == results[1]['sandwich losses']


@pytest.mark.parametrize('method', ['sandwich', 'progressive'])
def test_if_one_rank_stops_all_stop_at_the_same_step(results, method):
    assert results[0][f'{method} stopped'] == results[1][f'{method} stopped'] == 8


@pytest.mark.parametrize('method', ['sandwich', 'progressive'])
def test_stopped_and_resumed_ranks_end_with_the_same_weights(results, method):
    assert results[0][f'{method} resumed'] == results[1][f'{method} resumed'] == results[0][method]


def test_ranks_with_different_images_are_refused(results):
    for each in results:
        assert 'data, options or weights differ between processes' in each['other data']


def test_a_batch_that_cannot_be_divided_is_refused(results):
    assert results[0]['odd batch'] == 'batch_size is 5; expected a multiple of the 2 processes'


def test_without_torchrun_there_is_one_rank(monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    ranks = join_ranks(torch.device('cpu'))
    assert ranks == Ranks()
    assert ranks.is_first


def test_a_single_rank_leaves_gradients_and_values_unchanged():
    weight = torch.ones(3, requires_grad=True)
    weight.grad = torch.tensor([1.0, 2.0, 3.0])
    Ranks().average_gradients([weight])
    assert weight.grad.tolist() == [1, 2, 3]
    assert Ranks().mean(torch.tensor([2.0])).item() == 2
    assert Ranks().broadcast('x') == 'x'
