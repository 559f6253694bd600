# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import yaml

from dynofa_ros.offline.training.initial_weights import InitialWeights, choose_architecture
from dynofa_ros.supernet import create_supernet
from dynofa_ros.supernet.architecture import architecture_of, resized

HEAD = ('classifier.weight', 'classifier.bias')


@pytest.fixture
def checkpoint(make_net, tmp_path):
    """Return a function that writes a checkpoint of a tiny supernet, without some weights."""

    def write(family='tiny_mobilenet', without=()):
        state = make_net(family, seed=1).state_dict()
        kept = {key: value for key, value in state.items() if key not in without}
        torch.save({'state_dict': kept}, tmp_path / 'x.pt')
        return str(tmp_path / 'x.pt'), state

    return write


def load(source, net, labels=()):
    return InitialWeights.find(source).load(net, labels)


def equal(net, state, without=()):
    own = net.state_dict()
    return {key for key in own if torch.equal(own[key], state[key])} == own.keys() - set(without)


def for_classes(net, classes):
    return resized(architecture_of(net), classes=classes).build('own')


def test_a_run_starts_from_the_weights_of_a_model(model, model_folder):
    net = create_supernet('ofa_mbv3_cifar10')
    said = load(str(model_folder), net, model.labels)
    assert equal(net, model.net.state_dict())
    assert said == f'all weights are those of {model_folder}'


def test_the_head_of_a_model_starts_anew_for_other_labels(model, model_folder):
    net = create_supernet('ofa_mbv3_cifar10')
    said = load(str(model_folder), net, tuple('0123456789'))
    assert equal(net, model.net.state_dict(), without=HEAD)
    assert said.endswith('; the head starts anew for 10 classes')


def test_the_head_of_a_model_starts_anew_for_another_number_of_classes(model, model_folder):
    net = create_supernet('ofa_mbv3_cifar10', classes=4)
    assert 'the head starts anew for 4 classes' in load(str(model_folder), net, tuple('abcd'))
    body = {key: value for key, value in model.net.state_dict().items() if key not in HEAD}
    assert all(torch.equal(net.state_dict()[key], value) for key, value in body.items())


def test_a_run_starts_from_a_checkpoint_file(make_net, checkpoint):
    source, state = checkpoint()
    net = make_net()
    assert load(source, net) == f'all weights are those of {source}'
    assert equal(net, state)


@pytest.mark.parametrize('without', [(), HEAD[:1], HEAD])
def test_the_head_of_a_file_starts_anew_where_it_does_not_fit(make_net, checkpoint, without):
    source, state = checkpoint(without=without)
    net = for_classes(make_net(), 5)
    fresh = {key: net.state_dict()[key].clone() for key in HEAD}
    assert load(source, net) == (
        f'the body is that of {source}; the head starts anew for 5 classes'
    )
    assert equal(net, state | fresh)


def test_a_body_of_another_supernet_is_refused(make_net, model_folder, checkpoint):
    with pytest.raises(
        ValueError, match='is ofa_mbv3_cifar10; expected tiny_mobilenet of the same'
    ):
        load(str(model_folder), make_net())
    source, _ = checkpoint('tiny_transformer')
    with pytest.raises(ValueError, match=r'x\.pt does not fit'):
        load(source, make_net())
    source, _ = checkpoint(without=('stem.bn.bias',))
    with pytest.raises(ValueError, match=r'x\.pt does not fit: 1 missing \(stem\.bn\.bias\)'):
        load(source, make_net())


def test_the_architecture_is_by_default_that_of_the_initial_model(model_folder):
    initial = InitialWeights.find(str(model_folder))
    name, found = choose_architecture(None, initial, resolutions=(40, 48))
    assert (name, found.resolutions) == ('ofa_mbv3_cifar10', (40, 48))
    assert choose_architecture('vit_cifar10', initial)[0] == 'vit_cifar10'
    assert choose_architecture(None, None)[0] == 'ofa_mbv3_cifar10'


def test_an_architecture_may_be_given_by_a_file(tmp_path, make_net):
    described = architecture_of(make_net())
    file = tmp_path / 'own.yaml'
    file.write_text(yaml.safe_dump(described.to_dict()))
    assert choose_architecture(str(file), None) == ('own', described)
    file.write_text(yaml.safe_dump(described.to_dict() | {'classes': -1}))
    with pytest.raises(ValueError, match=r'own\.yaml: classes is -1; expected a whole number'):
        choose_architecture(str(file), None)
