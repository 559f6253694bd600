# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Behaviour that all engines share, and their differences."""

import sys

import numpy as np
import pytest
import torch

from dynofa_ros.engine import CPU, ENGINES, EngineError, Place, create_engine
from dynofa_ros.engine.torch_engine import relative_error

FLOAT32 = 1e-4  # of the largest logit
ONE, TWO = Place(CPU, 1), Place(CPU, 2)


@pytest.fixture(params=ENGINES, scope='module')
def engine(request):
    return create_engine(request.param)


@pytest.fixture
def small(small_networks):
    return small_networks[0]


def image(network):
    return np.random.default_rng(0).standard_normal(network.shape, np.float32)


@pytest.mark.parametrize('index', range(3), ids=['small', 'middle', 'large'])
@pytest.mark.parametrize('place', [ONE, TWO])
def test_logits_equal_those_of_the_supernet(engine, model, small_networks, index, place):
    network = small_networks[index]
    x = image(network)
    with torch.inference_mode():
        expected = model.net(torch.from_numpy(x), network.kept.config)[0].numpy()
    logits = engine.compile(network, place)(x)
    assert logits.shape == (10,)
    assert relative_error(logits, expected) < FLOAT32


def test_runs_are_reproducible(engine, small):
    run, x = engine.compile(small, ONE), image(small)
    first = run(x).copy()
    run(np.zeros_like(x))
    np.testing.assert_array_equal(run(x), first)


def test_sub_networks_are_independent(engine, small_networks):
    small, large = (engine.compile(each, ONE) for each in small_networks[::2])
    x, y = image(small_networks[0]), image(small_networks[2])
    alone = small(x).copy()
    large(y)
    np.testing.assert_array_equal(small(x), alone)


def test_an_engine_has_its_name_and_version(engine):
    assert ENGINES[engine.name] is type(engine)
    assert engine.version[0].isdigit()


def test_float32_sub_networks_run_in_float32_on_a_cpu(engine, small):
    assert engine.precision(small, CPU) == 'float32'


def test_an_unavailable_processor_is_refused(engine, small):
    with pytest.raises(EngineError, match=r"processor of .* is 'npu'; expected .*cpu"):
        engine.compile(small, Place('npu', 1))


@pytest.mark.parametrize('name', ['openvino', 'onnxruntime'])
def test_an_engine_that_is_not_installed_is_reported(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=f'{name} cannot be imported'):
        create_engine(name)


def test_an_unknown_engine_is_refused_listing_the_known_ones():
    message = "engine is 'caffe'; expected auto, openvino, onnxruntime, torch"
    with pytest.raises(ValueError, match=message):
        create_engine('caffe')


def test_torch_extracts_a_sub_network_once_and_runs_it_with_the_compiled_thread_count(small):
    engine = create_engine('torch')
    one, two = engine.compile(small, ONE), engine.compile(small, TWO)
    assert one._static is two._static
    x = image(small)
    two(x)
    assert torch.get_num_threads() == 2
    one(x)
    assert torch.get_num_threads() == 1


@pytest.fixture
def openvino():
    return create_engine('openvino')


@pytest.fixture
def blob(openvino, small):
    """The cached file of the small sub-network for one thread."""
    openvino.compile(small, ONE)
    (blob,) = small.cache.folder.glob(f'openvino-*/{small.key}-1-threads.blob')
    return blob


def test_openvino_caches_compiled_sub_networks(openvino, small, blob):
    content = blob.read_bytes()
    openvino._compiled = None  # compiling would fail
    openvino.compile(small, ONE)
    assert blob.read_bytes() == content


def test_openvino_recompiles_an_unreadable_blob(openvino, small, blob):
    name = str(blob.relative_to(small.cache.folder))
    small.cache.discard(name, 'test')
    small.cache.get(name, lambda: b'of another build')
    x = image(small)
    expected = create_engine('torch').compile(small, ONE)(x)
    assert relative_error(openvino.compile(small, ONE)(x), expected) < FLOAT32
