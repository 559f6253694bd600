import json

import pytest
import torch

from dynofa_ros.offline.training.run import load_initial_weights, read_config, read_subnet
from dynofa_ros.supernet import create_supernet
from dynofa_ros.supernet.config import SubnetConfigError


def equal(net, state):
    return all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_a_run_starts_from_the_weights_of_a_model(model, model_folder):
    net = create_supernet('ofa_mbv3_cifar10')
    load_initial_weights(net, str(model_folder))
    assert equal(net, model.net.state_dict())


def test_a_run_starts_from_a_checkpoint_file(make_net, tmp_path):
    state = make_net(seed=1).state_dict()
    torch.save({'state_dict': state}, tmp_path / 'x.pt')
    net = make_net()
    load_initial_weights(net, str(tmp_path / 'x.pt'))
    assert equal(net, state)


def test_weights_of_another_supernet_are_refused(make_net, model_folder, tmp_path):
    with pytest.raises(ValueError, match='are of ofa_mbv3_cifar10; tiny_mobilenet is trained'):
        load_initial_weights(make_net(), str(model_folder))
    torch.save({'state_dict': make_net('tiny_transformer').state_dict()}, tmp_path / 'x.pt')
    with pytest.raises(ValueError, match=r'x\.pt does not fit'):
        load_initial_weights(make_net(), str(tmp_path / 'x.pt'))


def test_a_sub_network_alone_may_be_one_of_a_model(model, model_folder):
    config = read_subnet(create_supernet('ofa_mbv3_cifar10'), f'small@{model_folder}')
    assert config == model.subnet('small').config


def test_a_sub_network_alone_may_be_a_file(make_net, tmp_path):
    net, path = make_net(), tmp_path / 'config.json'
    path.write_text(json.dumps(net.space.max_config().to_dict()))
    assert read_subnet(net, str(path)) == net.space.max_config()


def test_a_sub_network_of_another_supernet_is_refused(make_net, model_folder):
    with pytest.raises(SubnetConfigError, match='number of values of .* is 20; expected 2'):
        read_subnet(make_net(), f'small@{model_folder}')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, r'config\.json cannot be read: No such file'),
        ('{', r'config\.json holds no sub-network config: Expecting'),
        ('{"x": 1}', r'config\.json holds no sub-network config: a sub-network config has the key'),
    ],
)
def test_a_file_that_holds_no_config_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'config.json').write_text(content)
    with pytest.raises(ValueError, match=message):
        read_config(tmp_path / 'config.json')
