"""Behaviour that all engines share, and their differences."""

import sys

import numpy as np
import pytest
import torch

from dynofa_ros.engine import CPU, ENGINES, EngineError, Place, create_engine
from dynofa_ros.engine.torch_engine import relative_error

FLOAT32 = 1e-4  # of the largest logit


@pytest.fixture(params=ENGINES, scope='module')
def engine(request):
    return create_engine(request.param)


def image(network):
    return np.random.default_rng(0).standard_normal(network.shape, np.float32)


@pytest.mark.parametrize('index', range(3), ids=['small', 'middle', 'large'])
@pytest.mark.parametrize('threads', [1, 2])
def test_logits_equal_those_of_the_supernet(engine, model, small_networks, index, threads):
    network = small_networks[index]
    x = image(network)
    with torch.inference_mode():
        expected = model.net(torch.from_numpy(x), network.kept.config)[0].numpy()
    logits = engine.compile(network, Place(CPU, threads))(x)
    assert logits.shape == (10,)
    assert relative_error(logits, expected) < FLOAT32


def test_runs_are_reproducible(engine, small_networks):
    run, x = engine.compile(small_networks[0], Place(CPU, 1)), image(small_networks[0])
    first = run(x).copy()
    run(np.zeros_like(x))
    np.testing.assert_array_equal(run(x), first)


def test_sub_networks_are_independent(engine, small_networks):
    small, large = (engine.compile(each, Place(CPU, 1)) for each in small_networks[::2])
    x, y = image(small_networks[0]), image(small_networks[2])
    alone = small(x).copy()
    large(y)
    np.testing.assert_array_equal(small(x), alone)


def test_an_engine_has_its_name_and_version(engine):
    assert ENGINES[engine.name] is type(engine)
    assert engine.version[0].isdigit()


def test_float32_sub_networks_run_in_float32_on_a_cpu(engine, small_networks):
    assert engine.precision(small_networks[0], CPU) == 'float32'


def test_an_unavailable_processor_is_refused(engine, small_networks):
    with pytest.raises(EngineError, match=r"processor of .* is 'npu'; expected .*cpu"):
        engine.compile(small_networks[0], Place('npu', 1))


@pytest.mark.parametrize('name', ['openvino', 'onnxruntime'])
def test_an_engine_that_is_not_installed_is_reported(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=f'{name} cannot be imported'):
        create_engine(name)


def test_an_unknown_engine_is_refused_listing_the_known_ones():
    with pytest.raises(
        ValueError, match="engine is 'caffe'; expected auto, openvino, onnxruntime, torch"
    ):
        create_engine('caffe')


def test_torch_uses_the_thread_count_of_the_compiled_sub_network(small_networks):
    engine = create_engine('torch')
    one, two = (engine.compile(small_networks[0], Place(CPU, threads)) for threads in (1, 2))
    x = image(small_networks[0])
    two(x)
    assert torch.get_num_threads() == 2
    one(x)
    assert torch.get_num_threads() == 1


def test_torch_extracts_a_sub_network_once_for_all_thread_counts(small_networks):
    engine = create_engine('torch')
    one, two = (engine.compile(small_networks[0], Place(CPU, threads)) for threads in (1, 2))
    assert one._static is two._static


def test_openvino_caches_compiled_sub_networks(small_networks):
    engine, network = create_engine('openvino'), small_networks[0]
    engine.compile(network, Place(CPU, 1))
    (blob,) = network.cache.folder.glob(f'openvino-*/{network.key}-1-threads.blob')
    written = blob.stat().st_mtime_ns, blob.read_bytes()
    engine._compiled = None  # compiling would fail
    engine.compile(network, Place(CPU, 1))
    assert blob.read_bytes() == written[1]


def test_openvino_recompiles_an_unreadable_blob(small_networks):
    engine, network = create_engine('openvino'), small_networks[0]
    engine.compile(network, Place(CPU, 1))
    (blob,) = network.cache.folder.glob(f'openvino-*/{network.key}-1-threads.blob')
    name = str(blob.relative_to(network.cache.folder))
    network.cache.discard(name)
    network.cache.get(name, lambda: b'of another build')
    x = image(network)
    expected = create_engine('torch').compile(network, Place(CPU, 1))(x)
    assert relative_error(engine.compile(network, Place(CPU, 1))(x), expected) < FLOAT32
