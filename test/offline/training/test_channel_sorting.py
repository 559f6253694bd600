# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.training.channel_sorting import sort_channels
from dynofa_ros.supernet.batch_norm import BatchStatistics
from dynofa_ros.supernet.resnet import Bottleneck


def is_descending(values):
    return bool((values[1:] <= values[:-1] + 1e-6).all())


@pytest.fixture(params=['tiny_mobilenet', 'tiny_transformer'])
def net(request, make_net):
    net = make_net(request.param)
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 1:
                value.uniform_(0.5, 1.5)  # blocks are initialised as the identity
            value += 0.2 * torch.randn_like(value)
    return net


@pytest.mark.parametrize('elastic', [1, 2])
def test_elastic_widths_compute_the_same_as_before(net, elastic):
    x, config = torch.randn(4, 3, 12, 12), net.space.max_config()
    ratios = net.space.allowed('e')[-elastic:]
    config = net.space.canonical(replace(config, e=(ratios[0],) * len(config.e)))
    before = net(x, config)
    assert sort_channels(net, ratios) > 0
    torch.testing.assert_close(net(x, config), before, rtol=1e-4, atol=1e-5)


def test_the_most_important_channels_come_first(make_net):
    net = make_net()
    sort_channels(net, net.space.allowed('e')[-1:])
    for block in net.stages[0]:
        assert is_descending(block.project.weight.abs().sum((0, 2, 3)))
    transformer = make_net('tiny_transformer')
    sort_channels(transformer, transformer.space.allowed('e')[-1:])
    for layer in transformer.layers:
        assert is_descending(layer.reduce.weight.abs().sum(0))


def test_the_two_hidden_widths_of_a_bottleneck_are_sorted():
    torch.manual_seed(0)
    block = Bottleneck(8, 32, max_expand=0.5, stride=1, reshapes=True)
    x = torch.randn(4, 8, 6, 6)
    before = block(x, 32, 0.5, BatchStatistics())
    assert sort_channels(torch.nn.ModuleList([block]), (0.5,)) == 2
    after = block(x, 32, 0.5, BatchStatistics())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert is_descending(block.conv3.conv.weight.abs().sum((0, 2, 3)))
