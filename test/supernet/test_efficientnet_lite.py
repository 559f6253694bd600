# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch
from torch import nn

from dynofa_ros.supernet import SubnetConfig, SubnetConfigError, create_supernet
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.efficientnet_lite_layers import SameConvNorm, same_padding

VARIANTS = (0, 1, 2)
# arXiv 1905.11946 and the TensorFlow blog: 4.7, 5.4 and 6.1 M parameters.
PARAMETERS = (4_652_008, 5_416_680, 6_092_072)
TENSORS = (296, 386, 386)
# Odd and even sides at every stride: 260, 130, 65, 33, 17, 9 and 132, 66, 33, 17, 9, 5.
RESOLUTIONS = (128, 132, 156, 260)


@pytest.fixture(scope='module')
def net(make_net):
    return make_net('efficientnet_lite')


@pytest.fixture(scope='module')
def exact_net(net):
    """The same network in double precision, where rounding does not mask differences."""
    return copy.deepcopy(net).double()


def image(r):
    return torch.randn(1, 3, r, r, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_variant_has_the_published_number_of_parameters(net, variant):
    network = net.network(variant)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[variant]
    assert len(network.state_dict()) == TENSORS[variant]


@pytest.mark.parametrize(
    ('variant', 'key', 'shape'),
    [
        (0, 'stem.conv.weight', (32, 3, 3, 3)),
        (0, 'blocks.0.depthwise.conv.weight', (32, 1, 3, 3)),
        (0, 'blocks.3.depthwise.conv.weight', (144, 1, 5, 5)),
        (0, 'blocks.15.project.conv.weight', (320, 1152, 1, 1)),
        (1, 'blocks.20.project.conv.weight', (320, 1152, 1, 1)),
        (2, 'blocks.0.project.conv.weight', (16, 32, 1, 1)),
        (2, 'blocks.19.project.conv.weight', (208, 1248, 1, 1)),
        (2, 'blocks.20.project.conv.weight', (352, 1248, 1, 1)),
        (2, 'head.conv.weight', (1280, 352, 1, 1)),
        (2, 'classifier.weight', (1000, 1280)),
    ],
)
def test_width_and_depth_scale_but_stem_and_head_do_not(net, variant, key, shape):
    assert net.network(variant).state_dict()[key].shape == shape


# Logits of the package efficientnet-lite-pytorch 0.1.0 with the same weights.
@pytest.mark.parametrize(
    ('variant', 'r', 'expected'),
    [
        (0, 128, [1.319989, -0.062242, 1.022908, -3.808389]),
        (1, 132, [-3.902136, 3.763984, -1.583744, -0.622956]),
        (2, 260, [4.68457, -0.370271, -1.713171, -2.388267]),
    ],
)
def test_logits_equal_those_of_the_published_implementation(net, variant, r, expected):
    with torch.inference_mode():
        logits = net(image(r), SubnetConfig(v=(variant,), r=r))
    torch.testing.assert_close(logits[0, :4], torch.tensor(expected), rtol=1e-4, atol=1e-5)


def outputs(net, variant, r):
    """Return the logits of a sub-network within the supernet and extracted."""
    config = SubnetConfig(v=(variant,), r=r)
    x = image(r).to(next(net.parameters()).dtype)
    with torch.inference_mode():
        return net(x, config), net.extract_subnet(config)(x)


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('r', RESOLUTIONS)
def test_extraction_preserves_the_output(exact_net, variant, r):
    expected, found = outputs(exact_net, variant, r)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('variant', VARIANTS)
def test_in_single_precision_extraction_changes_only_rounding(net, variant):
    expected, found = outputs(net, variant, 128)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize(('r', 'layers'), [(128, 5), (260, 2)])
def test_only_asymmetric_padding_becomes_a_layer(net, r, layers):
    static = net.extract_subnet(SubnetConfig(v=(0,), r=r))
    assert sum(isinstance(module, nn.ZeroPad2d) for module in static.modules()) == layers


@pytest.mark.parametrize(
    ('side', 'kernel_size', 'stride', 'expected'),
    [
        (224, 3, 2, (0, 1)),
        (65, 3, 2, (1, 1)),
        (56, 5, 2, (1, 2)),
        (33, 5, 2, (2, 2)),
        (7, 5, 1, (2, 2)),
        (7, 1, 1, (0, 0)),
        (1, 3, 2, (1, 1)),
    ],
)
def test_padding_equals_that_of_tensorflow(side, kernel_size, stride, expected):
    assert same_padding(side, kernel_size, stride) == expected


@pytest.mark.parametrize(('side', 'sampled'), [(6, [1, 3, 5]), (7, [0, 2, 4, 6])])
def test_a_stride_samples_odd_pixels_of_an_even_side_and_even_pixels_of_an_odd_side(side, sampled):
    layer = SameConvNorm(1, 1, 3, stride=2).eval()
    nn.init.zeros_(layer.conv.weight)
    with torch.inference_mode():
        layer.conv.weight[0, 0, 1, 1] = 1
        found = layer(torch.arange(float(side)).expand(1, 1, side, side))
    torch.testing.assert_close(found[0, 0, 0], torch.tensor(sampled).float(), rtol=1e-3, atol=0)


def test_sub_networks_share_no_batch_norm(net):
    assert not net.shares_batch_norm


def test_the_space_contains_every_variant_at_every_resolution(net):
    assert net.space.fields == ('v',)
    assert net.space.size == 3 * 34
    assert net.space.max_config() == SubnetConfig(v=(2,), r=260)
    assert net.space.min_config() == SubnetConfig(v=(0,), r=128)
    assert {224, 240, 260} <= set(net.space.resolutions)


def test_a_larger_variant_or_resolution_costs_more(net):
    flops = [
        cost(net.extract_subnet(SubnetConfig(v=(v,), r=r)), r).flops
        for v, r in ((0, 128), (0, 160), (1, 160), (2, 160))
    ]
    assert flops == sorted(set(flops))


def test_a_removed_variant_is_refused_with_its_remedy():
    net = create_supernet('efficientnet_lite')
    net.leave_out({1: 'variant 1 needs: pip install one', 2: 'variant 2 needs: pip install two'})
    assert net.space.max_config() == net.active_subnet == SubnetConfig(v=(0,), r=260)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[0]
    with pytest.raises(SubnetConfigError, match=r'v\[0\] is 2; expected 0; .* pip install two'):
        net.set_active_subnet(SubnetConfig(v=(2,), r=260))
    with pytest.raises(SubnetConfigError, match=r'v\[0\] is 5; expected 0$'):
        net.set_active_subnet(SubnetConfig(v=(5,), r=260))
