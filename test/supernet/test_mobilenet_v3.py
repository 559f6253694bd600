# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import torch

from dynofa_ros.supernet import create_supernet
from dynofa_ros.supernet.calibration import calibrate


@torch.no_grad()
def test_calibration_of_a_sub_network_affects_only_that_one(random_supernet, images):
    net = random_supernet()
    config, other = net.space.min_config(), net.space.max_config()
    before, other_before = net(images(config.r), config), net(images(other.r), other)
    calibrate(net, config, [images(config.r, 16)])
    assert not torch.allclose(net(images(config.r), config), before)
    assert torch.equal(net(images(other.r), other), other_before)


@torch.no_grad()
def test_statistics_do_not_depend_on_skipped_blocks(random_supernet, images):
    net = random_supernet()
    config = replace(net.space.max_config(), d=(2,) * 5)
    calibrate(net, config, [images(config.r, 16)])
    canonical = net.space.canonical(config)
    assert torch.equal(net(images(config.r), config), net(images(config.r), canonical))


def test_a_block_is_residual_if_its_input_has_the_shape_of_its_output(net):
    for stage in net.stages:
        assert [block.residual for block in stage] == [False, True, True, True]


def test_a_new_residual_block_is_the_identity():
    torch.manual_seed(0)
    net = create_supernet('ofa_mbv3_cifar10').eval()
    block = net.stages[0][1]
    x = torch.randn(2, block.in_channels, 8, 8)
    assert torch.equal(block(x, 7, 6, net.mode(net.active_subnet)), x)


@torch.no_grad()
def test_a_residual_block_adds_to_its_input(net, monkeypatch):
    block, mode = net.stages[0][1], net.mode(net.active_subnet)
    x = torch.randn(2, block.in_channels, 8, 8)
    with_input = block(x, 5, 4, mode)
    monkeypatch.setattr(block, 'residual', False)
    torch.testing.assert_close(with_input, x + block(x, 5, 4, mode))


def test_training_a_sub_network_updates_only_the_weights_it_uses(random_supernet, images):
    net = random_supernet().train()
    config = net.space.min_config()
    net(images(config.r, 4), config).sum().backward()
    last = net.stages[4]
    assert last[1].project.weight.grad.abs().sum() > 0
    assert last[2].project.weight.grad is None
