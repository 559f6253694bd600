from dataclasses import replace
from random import Random

import pytest
import torch
from torch import nn

from dynofa_ros.supernet import SubnetConfigError
from dynofa_ros.supernet.calibration import calibrate


def images(config, count=2):
    return torch.randn(count, 3, config.r, config.r, generator=torch.Generator().manual_seed(1))


def configs(space):
    return [space.min_config(), space.max_config(), *(space.sample(Random(i)) for i in range(4))]


@pytest.mark.parametrize('index', range(6))
@torch.no_grad()
def test_it_says_what_the_sub_network_in_the_supernet_says(net, index):
    config = configs(net.space)[index]
    calibrate(net, config, [images(config, 8)])
    dynamic = net(images(config), config)
    assert dynamic.abs().max() > 0.1
    torch.testing.assert_close(
        net.extract_subnet(config)(images(config)), dynamic, rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_without_calibration_too(random_supernet):
    net = random_supernet()
    config = net.space.sample(Random(0))
    torch.testing.assert_close(
        net.extract_subnet(config)(images(config)),
        net(images(config), config),
        rtol=1e-4,
        atol=1e-5,
    )


def test_nothing_in_it_is_left_to_fold_or_to_choose(net):
    static = net.extract_subnet(net.space.max_config())
    leaves = {type(module) for module in static.modules() if not list(module.children())}
    assert leaves == {nn.Conv2d, nn.Linear, nn.ReLU, nn.Hardswish}


def test_it_is_in_evaluation_mode_whatever_the_supernet_is_in(random_supernet):
    net = random_supernet().train()
    assert not net.extract_subnet(net.space.min_config()).training


@torch.no_grad()
def test_its_weights_are_its_own(random_supernet):
    net = random_supernet()
    config = net.space.max_config()
    static = net.extract_subnet(config)
    before = static(images(config))
    for value in net.parameters():
        value.zero_()
    assert torch.equal(static(images(config)), before)


def test_a_smaller_one_holds_fewer_weights(net):
    def weights(config):
        return sum(p.numel() for p in net.extract_subnet(config).parameters())

    assert weights(net.space.min_config()) < 0.5 * weights(net.space.max_config())


def test_what_is_not_of_the_space_is_refused(net):
    with pytest.raises(SubnetConfigError, match=r'ks\[0\] is 9'):
        net.extract_subnet(replace(net.space.max_config(), ks=(9,) * 20))
