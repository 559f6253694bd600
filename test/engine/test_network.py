# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import shutil

import numpy as np
import pytest
import torch

from dynofa_ros.engine import CompiledCache, EngineError, Network, Place, create_engine, networks
from dynofa_ros.engine.network import export_onnx
from dynofa_ros.supernet import load_model
from dynofa_ros.supernet.model import save_model
from dynofa_ros.supernet.quantized import quantized_subnet


@pytest.fixture
def cache(tmp_path):
    return CompiledCache(tmp_path / 'cache')


@pytest.fixture
def small(model, cache):
    return networks(model, cache)[0]


@pytest.fixture
def int8(small, tmp_path):
    """An int8 sub-network with an arbitrary file."""
    file = tmp_path / 'small.onnx'
    file.write_bytes(b'int8 ONNX')
    kept = quantized_subnet(small.kept, 0.29)
    return Network(kept, small.net, small.cache, small.fingerprint, file)


def test_every_kept_sub_network_is_a_network(model, cache):
    found = networks(model, cache)
    assert [each.kept for each in found] == list(model.kept)
    assert [each.shape for each in found] == [(1, 3, r, r) for r in (20, 24, 32)]


def test_sub_networks_have_different_keys(model, cache):
    assert len({each.key for each in networks(model, cache)}) == 3


def test_keys_are_reproducible(model, model_folder, cache):
    again = load_model(str(model_folder))
    assert [n.key for n in networks(model, cache)] == [n.key for n in networks(again, cache)]


def test_other_weights_change_all_keys(model, model_folder, tmp_path, cache):
    folder = shutil.copytree(model_folder, tmp_path / 'other')
    other = load_model(str(folder))
    with torch.no_grad():
        other.net.classifier.bias += 1
    save_model(folder, other, {})
    changed = networks(load_model(str(folder)), cache)
    assert not {n.key for n in changed} & {n.key for n in networks(model, cache)}


def test_statistics_change_only_the_key_of_their_sub_network(model_folder, cache):
    model = load_model(str(model_folder))
    before = [each.key for each in networks(model, cache)]
    mean, _ = model.net.statistics[model.subnet('middle').config]['stem.bn']
    mean += 1
    after = [each.key for each in networks(model, cache)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_the_onnx_file_is_exported_once(small, monkeypatch):
    first = small.onnx()
    monkeypatch.setattr('dynofa_ros.engine.network.export_onnx', None)  # a call would fail
    assert small.onnx() == first
    [file] = (small.cache.folder).rglob('*.onnx')
    assert small.key in file.name


def test_the_onnx_file_computes_the_same_as_the_supernet(small):
    onnxruntime = pytest.importorskip('onnxruntime')
    session = onnxruntime.InferenceSession(small.onnx(), providers=['CPUExecutionProvider'])
    x = np.random.default_rng(0).standard_normal(small.shape, np.float32)
    with torch.no_grad():
        expected = small.net(torch.from_numpy(x), small.kept.config).numpy()
    [found] = session.run(['logits'], {'image': x})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_export_gives_no_warnings(small, recwarn):
    export_onnx(small.static(), small.shape)
    assert not recwarn.list


def test_the_onnx_file_of_an_int8_network_is_returned_unchanged(int8):
    assert int8.onnx() == b'int8 ONNX'


def test_the_key_of_an_int8_network_depends_on_the_content_of_its_file(int8, small, tmp_path):
    other = tmp_path / 'other.onnx'
    keys = {int8.key, small.key}
    for content in (b'int8 ONNX', b'int8 ONNY'):
        other.write_bytes(content)
        keys.add(Network(int8.kept, int8.net, int8.cache, int8.fingerprint, other).key)
    assert len(keys) == 3


def test_an_int8_network_cannot_become_a_plain_module(int8):
    with pytest.raises(
        ValueError, match='precision of small-int8 is int8; expected float32 for a plain'
    ):
        int8.static()


def test_torch_refuses_an_int8_network(int8):
    with pytest.raises(EngineError, match='precision of small-int8 is int8; expected float32'):
        create_engine('torch').compile(int8, Place('cpu', 1))


def test_a_changed_int8_file_is_refused(int8):
    assert int8.key
    int8.int8.write_bytes(b'another')
    with pytest.raises(ValueError, match=r'small\.onnx has changed since the model was loaded'):
        int8.onnx()


def test_a_missing_int8_file_is_reported(int8):
    int8.int8.unlink()
    with pytest.raises(ValueError, match=r'small\.onnx cannot be read: No such file'):
        int8.onnx()


def test_an_int8_network_without_a_file_is_refused(int8, small):
    with pytest.raises(
        ValueError, match='ONNX file of small-int8 is None; expected a file for int8'
    ):
        Network(int8.kept, small.net, small.cache, small.fingerprint)


def test_a_float32_network_with_a_file_is_refused(int8, small):
    with pytest.raises(
        ValueError, match=r'ONNX file of small is .*small\.onnx; expected None for float32'
    ):
        Network(small.kept, small.net, small.cache, small.fingerprint, int8.int8)
