# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
import os
import shutil
import zipfile

import pytest
import torch
import yaml

from dynofa_ros.supernet import ModelError, SubnetRecord, load_model
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.fingerprint import statistics_fingerprint
from dynofa_ros.supernet.model import Model, fingerprint, save_model


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy of the model folder, for a test to damage."""
    return shutil.copytree(model_folder, tmp_path / 'model')


@pytest.fixture
def document(folder):
    """The content of its model.yaml."""
    return yaml.safe_load((folder / 'model.yaml').read_text())


@pytest.fixture
def change(folder, document, write_changed):
    """Return a function that changes fields of its model.yaml."""
    return lambda **changes: write_changed(document, changes, folder / 'model.yaml')


def refuse(folder, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_model(str(folder))
    return str(caught.value)


def saved(net, folder):
    """Save a model of one sub-network, and load it."""
    kept = SubnetRecord('only', net.space.min_config(), 0.5, 1, 1, 1)
    save_model(folder, Model('x', net, tuple('abcdefghij'), (kept,)), {})
    return load_model(str(folder)).net


@torch.no_grad()
def test_outputs_are_unchanged_by_saving_and_loading(random_supernet, tmp_path):
    net = random_supernet().half().float()  # weights are stored in half precision
    config = net.space.min_config()
    images = torch.randn(8, 3, 20, 20)
    calibrate(net, config, [images])
    assert torch.equal(saved(net, tmp_path / 'x')(images, config), net(images, config))


def test_weights_lose_no_more_than_half_precision(random_supernet, tmp_path):
    net = random_supernet()
    calibrate(net, net.space.min_config(), [torch.randn(2, 3, 20, 20)])
    loaded = saved(net, tmp_path / 'x').state_dict()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(loaded[name], value, rtol=2**-11, atol=1e-7)


def test_saving_a_sub_network_without_calibration_is_refused(random_supernet, tmp_path):
    with pytest.raises(ModelError, match='only has no batch norm statistics'):
        saved(random_supernet(), tmp_path / 'x')


def test_all_other_values_are_unchanged_by_saving_and_loading(model):
    assert model.name == 'untrained'
    assert model.labels[0] == 'airplane'
    assert [each.subnet_id for each in model.kept] == ['small', 'middle', 'large']
    assert [each.accuracy for each in model.kept] == [0.3, 0.4, 0.5]
    assert set(model.net.statistics) == {each.config for each in model.kept}
    assert not model.net.training


def test_facts_are_written_unchanged(document):
    assert document['facts'] == {'trained': False}


def test_kept_sub_networks_are_sorted_by_flops(folder, document, change):
    change(subnets=document['subnets'][::-1])
    assert [each.subnet_id for each in load_model(str(folder)).kept] == ['small', 'middle', 'large']


def test_a_kept_sub_network_is_found_by_name(model):
    assert model.subnet('middle').accuracy == 0.4


def test_an_unknown_sub_network_is_refused_with_the_known_ones(model):
    with pytest.raises(ModelError, match=r"'huge'; expected one of small, middle, large"):
        model.subnet('huge')


def test_the_fingerprint_changes_with_any_weight(model):
    state = model.net.state_dict()
    other = {name: value.clone() for name, value in state.items()}
    other['classifier.bias'][3] += 1e-3
    assert fingerprint(state) == fingerprint(dict(reversed(state.items()))) != fingerprint(other)


def test_a_folder_without_an_architecture_is_of_a_known_supernet(folder, change, model):
    change(network=...)
    loaded = load_model(str(folder))
    assert loaded.net.spec == model.net.spec
    assert fingerprint(loaded.net.state_dict()) == fingerprint(model.net.state_dict())
    change(network=..., supernet='ofa_none')
    refuse(folder, "supernet is 'ofa_none'; .*ofa_mbv3_cifar10")


def test_an_architecture_of_other_weights_is_refused(folder, change):
    change(**{'network.final_expand': 8000})
    refuse(folder, r'shape of (final_expand|feature_mix)\..* is .*480.*; expected .*4000')


def test_a_name_that_the_package_does_not_know_is_no_obstacle(folder, change, model):
    change(supernet='my_network')
    net = load_model(str(folder)).net
    assert net.spec.name == 'my_network'
    assert net.space == model.net.space


def test_a_missing_folder_is_named(tmp_path):
    refuse(tmp_path / 'none', "none'; expected a folder, or one of: ")


@pytest.mark.parametrize('name', ['no-such-model', 'no/../such', ''])
def test_an_unknown_name_is_refused(name):
    refuse(name, f"model is '{name}'; expected a folder, or one of: ")


def test_a_folder_without_a_description_is_named(folder):
    (folder / 'model.yaml').unlink()
    refuse(folder, r'model\.yaml: file is unreadable \(No such file')


def test_missing_weights_are_named(folder):
    (folder / 'weights.pt').unlink()
    refuse(folder, r'weights\.pt does not exist or is not a regular file')


@pytest.mark.parametrize('kept_bytes', [0, 100, 1_000_000])
def test_truncated_weights_are_named(folder, kept_bytes):
    file = folder / 'weights.pt'
    file.write_bytes(file.read_bytes()[:kept_bytes])
    refuse(folder, r'weights\.pt is damaged')


@pytest.mark.parametrize('value', ['classifier.bias', 'statistics'])
def test_a_flipped_bit_is_named(folder, value):
    file = folder / 'weights.pt'
    stored = torch.load(file, weights_only=True)
    mean, _ = stored['statistics']['small']['values']['stem.bn']
    searched = stored['state_dict'].get(value, mean).numpy().tobytes()
    data = bytearray(file.read_bytes())
    data[data.index(searched)] ^= 1
    file.write_bytes(data)
    refuse(folder, r'weights\.pt is damaged: ValueError the checksum of .* is wrong')


def test_a_file_without_tensors_is_named(folder):
    (folder / 'weights.pt').write_text('hello')
    refuse(folder, r'weights\.pt is damaged')


def test_weights_of_another_network_are_named(folder):
    torch.save({'state_dict': {'x': torch.zeros(1)}, 'statistics': {}}, folder / 'weights.pt')
    refuse(folder, r'weights\.pt is damaged: ValueError x is not a weight of this supernet')


def test_weights_of_another_training_are_refused(folder, change):
    change(fingerprint='0' * 16)
    refuse(folder, 'expected 0000000000000000 of model.yaml: they are from different trainings')


def test_missing_statistics_are_named(folder, change):
    change(**{'subnets.1.subnet_id': 'renamed'})
    refuse(folder, r'weights\.pt has no batch norm statistics for renamed')


def test_statistics_of_another_config_are_refused(folder, document, change):
    change(**{'subnets.0.config': document['subnets'][1]['config']})
    refuse(folder, 'batch norm statistics for small that were measured with other weights or')


def test_statistics_of_other_weights_are_refused(folder, change):
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    stored['state_dict']['classifier.bias'] += 1
    torch.save(stored, folder / 'weights.pt')
    change(fingerprint=fingerprint(stored['state_dict']))
    refuse(folder, 'batch norm statistics for small that were measured with other weights or')


@pytest.fixture
def change_weights(folder, change):
    """Return a function that changes the stored weights, with a fingerprint that fits them."""

    def apply(edit):
        stored = torch.load(folder / 'weights.pt', weights_only=True)
        edit(stored)
        weights = stored['state_dict']
        new = fingerprint(weights)
        for subnet in load_model(str(folder)).kept:
            entry = stored['statistics'][subnet.subnet_id]
            entry['fingerprint'] = statistics_fingerprint(new, subnet.config)
        torch.save(stored, folder / 'weights.pt')
        change(fingerprint=new)

    return apply


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(folder, change_weights, value):
    change_weights(lambda stored: stored['state_dict']['classifier.bias'].fill_(value))
    refuse(folder, r'weights\.pt: classifier\.bias hold NaN or infinity; expected finite numbers')


@pytest.mark.parametrize(('part', 'value'), [(0, math.nan), (1, math.nan), (1, math.inf), (1, -1)])
def test_statistics_that_are_not_finite_are_refused(folder, change_weights, part, value):
    change_weights(
        lambda stored: stored['statistics']['small']['values']['stem.bn'][part].fill_(value)
    )
    refuse(folder, r'weights\.pt: small: batch norm statistics of stem\.bn are not finite')


def test_statistics_without_values_are_refused(folder, change_weights):
    def empty(stored):
        values = stored['statistics']['small']['values']
        values['stem.bn'] = tuple(each.to('meta') for each in values['stem.bn'])

    change_weights(empty)
    refuse(folder, r'weights\.pt: small: batch norm statistics of stem\.bn are not finite')


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (
            {'stem.bn': (torch.ones(2), torch.ones(3))},
            r'stem\.bn have the shapes \(2,\) and \(3,\)',
        ),
        ({'stem.bn': (torch.ones(999), torch.ones(999))}, 'expected up to 8 channels'),
        ({'other': (torch.ones(1), torch.ones(1))}, "batch norm layer is 'other'"),
        ({'stem.bn': torch.ones(3)}, 'stem.bn are a Tensor; expected two tensors'),
        ({'stem.bn': (1.0, 2.0)}, 'stem.bn are a tuple; expected two tensors'),
    ],
)
def test_statistics_of_another_shape_are_refused(folder, change_weights, values, message):
    change_weights(lambda stored: stored['statistics']['small'].update(values=values))
    refuse(folder, f'weights.pt: small: .*{message}')


@pytest.mark.parametrize('statistics', [None, [], {'small': 1}, {'small': {'fingerprint': ''}}])
def test_statistics_of_another_form_are_refused(folder, statistics):
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    torch.save(stored | {'statistics': statistics}, folder / 'weights.pt')
    refuse(folder, r'weights\.pt is damaged: ')


def test_a_tensor_that_claims_to_be_huge_is_not_expanded(folder, change_weights):
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    stored['state_dict']['classifier.bias'] = torch.zeros(1).expand(10**12)
    torch.save(stored, folder / 'weights.pt')
    refuse(folder, r'shape of classifier\.bias is \(1000000000000,\); expected \(10,\)')


def test_compressed_weights_are_refused(folder):
    file = folder / 'weights.pt'
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refuse(folder, 'its values are compressed')


def test_a_pipe_in_place_of_the_weights_is_refused(folder):
    (folder / 'weights.pt').unlink()
    os.mkfifo(folder / 'weights.pt')
    refuse(folder, 'is not a regular file')


def test_weights_that_half_precision_cannot_hold_are_not_saved(random_supernet, tmp_path):
    net = random_supernet()
    calibrate(net, net.space.min_config(), [torch.randn(2, 3, 20, 20)])
    net.state_dict()['stem.bn.running_var'].fill_(1e6)
    with pytest.raises(ModelError, match=r'stem\.bn\.running_var hold NaN or infinity'):
        saved(net, tmp_path / 'x')


@pytest.mark.parametrize(
    'text', ['labels: [a, b', '', '- 1\n- 2', 'supernet: [a]', '\x00'], ids=repr
)
def test_an_invalid_description_is_named(folder, text):
    (folder / 'model.yaml').write_text(text)
    refuse(folder, r'model\.yaml: .* is .*; expected')


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('supernet', ..., r'supernet is missing; expected a text'),
        ('fingerprint', ..., r'fingerprint is missing; expected a text'),
        ('labels', ..., r'labels is missing; expected a list of texts'),
        ('subnets', ..., r'subnets is missing; expected a list of sections'),
        ('colour', 'red', "colour is 'red'; expected only the keys supernet, fingerprint"),
        ('subnets.0.accuracy', 1.5, 'accuracy is 1.5; expected a finite number from 0 to 1'),
        ('subnets.0.accuracy', float('nan'), 'accuracy is nan'),
        ('subnets.0.accuracy', 'high', "accuracy is 'high'; expected a finite number"),
        ('subnets.0.flops', None, 'flops is None; expected a whole number of at least 1'),
        ('subnets.0.parameters', 0, 'parameters is 0'),
        ('subnets.0.layers', 1.5, r'layers is 1\.5'),
        ('subnets.0.subnet_id', 3, r'subnets\[0\].subnet_id is 3; expected a text'),
        ('subnets.0.colour', 'red', "colour is 'red'; expected only the keys subnet_id, config"),
        ('subnets.0.config', {'ks': [3]}, r'subnets\[0\].config: .* the key r'),
        ('subnets.0.config.r', 64, 'r is 64; expected 20, 24, 28, 32'),
        ('network', ['x'], r'network is \[.x.\]; expected'),
        ('network.family', 'alexnet', "network.family is 'alexnet'; expected one of mobilenet_v3"),
        (
            'network.classes',
            10**12,
            'network.classes is 1000000000000; expected .* from 1 to 100000',
        ),
        ('network.classes', 4, 'labels has 10 entries; expected 4 for ofa_mbv3_cifar10'),
        ('network.width', -0.5, r'network.width is -0.5; expected a finite number from 0.05 to 8'),
        ('network.colour', 'red', 'network.colour is .red.; expected only the keys classes'),
        ('labels.9', ..., 'labels has 9 entries; expected 10 for ofa_mbv3_cifar10'),
        ('subnets', [], r'subnets is \[\]; expected at least one'),
    ],
)
def test_an_invalid_field_is_named(folder, change, field, value, message):
    change(**{field: value})
    assert 'model.yaml: ' in refuse(folder, message)


def test_a_duplicate_sub_network_is_refused(folder, document, change):
    change(subnets=[*document['subnets'], document['subnets'][0]])
    refuse(folder, 'subnets is small, middle, large, small; expected each name once')
