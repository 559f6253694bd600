# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The int8 part of a model folder. The ONNX files are not parsed here, so any bytes will do."""

import hashlib
import shutil

import pytest
import torch
import yaml

from dynofa_ros.supernet import ModelError, SubnetRecord, create_supernet, load_model
from dynofa_ros.supernet.fingerprint import subnet_fingerprints
from dynofa_ros.supernet.model import save_model
from dynofa_ros.supernet.quantized import QuantizedSubnet, write_index


@pytest.fixture
def folder(model_folder, model, tmp_path):
    """A model folder with int8 sub-networks of `small` and `large`."""
    folder = shutil.copytree(model_folder, tmp_path / 'model')
    (folder / 'int8').mkdir()
    fingerprints = subnet_fingerprints(model.net, [each.config for each in model.kept])
    entries = []
    for name, accuracy in (('small', 0.29), ('large', 0.49)):
        content = f'ONNX of {name}'.encode()
        (folder / 'int8' / f'{name}.onnx').write_bytes(content)
        entries.append(
            QuantizedSubnet(
                subnet_id=f'{name}-int8',
                accuracy=accuracy,
                test_images=100,
                engine='openvino',
                engine_version='2026.4',
                calibration_images=30,
                seed=0,
                sha256=hashlib.sha256(content).hexdigest(),
                float_network=fingerprints[model.subnet(name).config],
            )
        )
    write_index(folder / 'int8', entries)
    return folder


@pytest.fixture
def change(folder):
    """Return a function that changes fields of the entry of `small`."""

    def change(**fields):
        file = folder / 'int8' / 'int8.yaml'
        document = yaml.safe_load(file.read_text())
        document['subnets'][0] |= fields
        file.write_text(yaml.safe_dump(document))

    return change


def refuse(folder, message):
    with pytest.raises(ModelError, match=message):
        load_model(str(folder))


def test_a_folder_without_int8_has_only_float32_sub_networks(model):
    assert {each.precision for each in model.kept} == {'float32'}
    assert model.quantized == {}


def test_int8_sub_networks_are_listed_next_to_their_float32_versions(folder):
    names = [each.subnet_id for each in load_model(str(folder)).kept]
    assert names == ['small-int8', 'small', 'middle', 'large-int8', 'large']


def test_an_int8_version_differs_only_in_name_precision_and_accuracy(folder):
    loaded = load_model(str(folder))
    small, int8 = loaded.subnet('small'), loaded.subnet('small-int8')
    assert (int8.precision, int8.accuracy) == ('int8', 0.29)
    assert (small.precision, small.accuracy) == ('float32', 0.3)
    for field in ('config', 'flops', 'parameters', 'layers'):
        assert getattr(int8, field) == getattr(small, field)


def test_the_model_has_the_path_of_every_onnx_file(folder):
    assert load_model(str(folder)).quantized == {
        f'{name}-int8': folder / 'int8' / f'{name}.onnx' for name in ('small', 'large')
    }


def test_a_model_loads_without_its_int8_sub_networks(folder):
    (folder / 'int8' / 'small.onnx').unlink()
    loaded = load_model(str(folder), quantized=False)
    assert [each.subnet_id for each in loaded.kept] == ['small', 'middle', 'large']


def test_a_missing_onnx_file_is_reported(folder):
    (folder / 'int8' / 'small.onnx').unlink()
    refuse(folder, r'int8/small\.onnx cannot be read: No such file')


@pytest.mark.parametrize('content', [b'', b'ONNX of smalk', b'ONNX of small '])
def test_a_damaged_onnx_file_is_reported(folder, content):
    (folder / 'int8' / 'small.onnx').write_bytes(content)
    refuse(folder, r'int8/small\.onnx: SHA-256 is .*; expected .* of int8\.yaml')


def test_a_folder_without_an_index_is_refused(folder):
    (folder / 'int8' / 'int8.yaml').unlink()
    refuse(folder, r'int8/int8\.yaml: file is unreadable \(No such file')


@pytest.mark.parametrize('text', ['', 'subnets: 3', 'subnets: [3]', 'a: [', '\x00'], ids=repr)
def test_an_invalid_index_is_reported(folder, text):
    (folder / 'int8' / 'int8.yaml').write_text(text)
    refuse(folder, r'int8/int8\.yaml: .*; expected ')


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        (
            'subnet_id',
            'small',
            "subnet_id is 'small'; expected one of small-int8, middle-int8, lar",
        ),
        ('subnet_id', '-int8', r"subnet_id is '-int8'"),
        ('subnet_id', 3, 'subnet_id is 3'),
        ('subnet_id', 'huge-int8', "subnet_id is 'huge-int8'; expected one of small-int8"),
        ('subnet_id', 'large-int8', "subnet_id is 'large-int8'; expected a unique name"),
        ('accuracy', 1.5, 'accuracy is 1.5; expected a finite number from 0 to 1'),
        ('accuracy', float('nan'), 'accuracy is nan'),
        ('accuracy', 'high', "accuracy is 'high'"),
        ('test_images', 0, 'test_images is 0; expected a whole number of at least 1'),
        ('calibration_images', 2.5, r'calibration_images is 2\.5'),
        ('engine', '', "engine is ''; expected a text that is not empty"),
        ('sha256', None, 'sha256 is None'),
        ('colour', 'red', 'colour'),
    ],
)
def test_an_invalid_entry_is_reported(folder, change, field, value, message):
    change(**{field: value})
    refuse(folder, rf'int8\.yaml.*{message}')


def test_an_onnx_file_made_from_other_weights_is_refused(folder, random_supernet, model):
    net = random_supernet(seed=1)
    kept = model.kept
    for each in kept:
        net.set_statistics(each.config, model.net.statistics[each.config])
    int8 = folder.parent / 'int8'
    (folder / 'int8').rename(int8)
    save_model(folder, type(model)('other', net, model.labels, kept), {})
    int8.rename(folder / 'int8')
    refuse(
        folder,
        r'small\.onnx: fingerprint of its float32 .*; expected .*: run dynofa quantize again',
    )


def test_saving_a_model_removes_its_old_int8_sub_networks(folder, model):
    save_model(folder, model, {})
    assert not (folder / 'int8').exists()
    assert len(load_model(str(folder)).kept) == 3


def test_an_int8_sub_network_is_not_saved_as_a_float32_one(folder, tmp_path):
    with pytest.raises(ModelError, match='small-int8: precision is int8; expected float32'):
        save_model(tmp_path / 'copy', load_model(str(folder)), {})
    assert not (tmp_path / 'copy').exists()


def test_an_int8_entry_among_the_float32_ones_is_refused(folder):
    document = yaml.safe_load((folder / 'model.yaml').read_text())
    document['subnets'][0]['precision'] = 'int8'
    (folder / 'model.yaml').write_text(yaml.safe_dump(document))
    refuse(folder, r'model\.yaml: small: precision is int8; expected float32, .* listed in .*int8')


def test_an_unknown_precision_is_refused(model):
    small = model.subnet('small')
    with pytest.raises(ModelError, match=r"precision is 'int4'; expected one of float32, int8"):
        SubnetRecord('x', small.config, 0.5, 1, 1, 1, 'int4')


def fingerprint_of(net, config):
    return subnet_fingerprints(net, [config])[config]


@pytest.mark.parametrize('what', ['a weight', 'statistics', 'the config'])
def test_the_fingerprint_changes_with(random_supernet, what):
    net = random_supernet()
    config = net.space.canonical(net.space.min_config())
    mean, var = torch.zeros(8), torch.ones(8)
    net.set_statistics(config, {'stem.bn': (mean, var)})
    before = fingerprint_of(net, config)
    if what == 'a weight':
        with torch.no_grad():
            net.classifier.bias[3] += 1e-3
    elif what == 'statistics':
        var[5] += 1e-3
    else:
        config = net.space.canonical(net.space.max_config())
    assert fingerprint_of(net, config) != before


def test_the_fingerprint_is_reproducible(random_supernet):
    config = random_supernet().space.min_config()
    assert fingerprint_of(random_supernet(), config) == fingerprint_of(random_supernet(), config)


def test_the_fingerprint_of_a_variant_does_not_depend_on_other_variants():
    torch.manual_seed(0)
    net = create_supernet('efficientnet_lite')
    config = net.space.min_config()
    before = fingerprint_of(net, config)
    net.leave_out({2: 'install it'})
    assert fingerprint_of(net, config) == before
