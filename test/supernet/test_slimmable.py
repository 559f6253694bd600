# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Slimmable networks: widths that share weights, published sizes, a model folder."""

from dataclasses import replace

import pytest
import torch

from dynofa_ros.config_file import ConfigError
from dynofa_ros.supernet import SubnetConfig, create_supernet
from dynofa_ros.supernet.architecture import architecture_of, read_architecture
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.slimmable import (
    SlimmableNetwork,
    mobilenet_v2_channels,
    slimmable_mobilenet_v2,
)

NAME = 'slimmable_mbv2_cifar10'
WIDTHS = range(4)


def config(net, width):
    return SubnetConfig(w=(width,), r=net.space.resolutions[-1])


@pytest.mark.parametrize('width', WIDTHS)
@torch.no_grad()
def test_an_extracted_width_computes_the_same(make_net, images, width):
    net = make_net(NAME)
    x = images(32)
    expected = net(x, config(net, width))
    assert expected.abs().max() > 0.01
    found = net.extract_subnet(config(net, width))(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_widths_share_weights_and_have_batch_norms_of_their_own(make_net):
    net = make_net(NAME).train()
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before = [norm.running_mean.clone() for norm in net.stem.norms]
    net(x, config(net, 1)).sum().backward()
    changed = [
        not torch.equal(old, norm.running_mean)
        for old, norm in zip(before, net.stem.norms, strict=True)
    ]
    assert changed == [False, True, False, False]
    used = net.stem.weight.grad.flatten(1).abs().sum(1) > 0
    assert used[: net.stem.outputs[1]].all()
    assert not used[net.stem.outputs[1] :].any()


def test_each_width_costs_more_than_the_one_before():
    net = create_supernet(NAME).eval()
    flops = [cost(net.extract_subnet(config(net, width)), 32).flops for width in WIDTHS]
    assert flops == sorted(set(flops))
    assert flops[-1] == pytest.approx(47.0e6, rel=0.05)  # the largest of ofa_mbv3_cifar10


# Millions of multiply-adds, MobileNetV2 (arXiv 1801.04381) and arXiv 1903.05134.
@pytest.mark.parametrize(('width', 'mmacs'), [(0.35, 59), (0.5, 97), (1.0, 300)])
def test_mobilenet_v2_has_the_published_cost(width, mmacs):
    net = slimmable_mobilenet_v2((width,)).eval()
    static = net.extract_subnet(config(net, 0))
    assert cost(static, 224).flops / 2e6 == pytest.approx(mmacs, abs=1.0)


def test_channels_are_listed_in_the_order_of_the_layers():
    channels = mobilenet_v2_channels(1.0)
    assert channels[:6] == (32, 16, 96, 24, 144, 24)
    assert channels[-3:] == (960, 320, 1280)


def test_its_architecture_survives_a_file():
    net = create_supernet(NAME)
    values = architecture_of(net).to_dict()
    again = read_architecture(values).build('again')
    assert isinstance(again, SlimmableNetwork)
    assert again.state_dict().keys() == net.state_dict().keys()
    assert replace(again.spec, name=NAME) == net.spec


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'kernel_sizes': [3]}, r'kernel_sizes is \[3\]; expected 17 values'),
        ({'channels': [[8, 8]]}, r'channels\[0\] is \[8, 8\]; expected 35 values'),
        ({'channels': []}, r'channels is \[\]'),
    ],
)
def test_lists_that_do_not_fit_together_are_refused(change, text):
    values = architecture_of(create_supernet(NAME)).to_dict() | change
    with pytest.raises(ConfigError, match=text):
        read_architecture(values)


def test_other_classes_keep_the_body():
    net = create_supernet(NAME, classes=7)
    assert net.classifier.out_features == 7
