# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import torch.nn.functional as F

from dynofa_ros.supernet.layers import (
    ElasticConv,
    ElasticDepthwise,
    ElasticSqueezeExcite,
    make_divisible,
)


@pytest.mark.parametrize(
    ('channels', 'rounded'),
    [
        (3, 8),  # at least the divisor
        (8, 8),
        (11, 16),  # 8 would be more than 10 % down
        (12, 16),  # ties go up
        (16 * 1.2, 24),  # the stem of OFA-MobileNetV3 w1.2
        (24 * 1.2, 32),
        (40 * 1.2, 48),
        (80 * 1.2, 96),
        (112 * 1.2, 136),
        (160 * 1.2, 192),
        (67, 64),  # less than 10 % down
    ],
)
def test_channels_are_rounded_as_in_the_mobilenets(channels, rounded):
    assert make_divisible(channels) == rounded


@pytest.mark.parametrize(('kernel_size', 'stride'), [(1, 1), (3, 1), (3, 2)])
def test_a_convolution_uses_its_first_channels_and_pads_the_map(kernel_size, stride):
    layer = ElasticConv(8, 16, kernel_size=kernel_size, stride=stride)
    x = torch.randn(2, 4, 7, 7)
    expected = F.conv2d(x, layer.weight[:5, :4], stride=stride, padding=kernel_size // 2)
    assert torch.equal(layer(x, 5), expected)


def test_a_smaller_convolution_shares_weights_with_the_largest():
    layer = ElasticConv(8, 16)
    layer.active_weight(4, 5).data.fill_(7.0)
    assert (layer.weight[:5, :4] == 7).all()


@pytest.fixture
def depthwise():
    return ElasticDepthwise(6, (3, 5, 7), stride=1)


def test_the_largest_kernel_is_the_weight_itself(depthwise):
    assert torch.equal(depthwise.active_weight(6, 7), depthwise.weight)


@pytest.mark.parametrize('size', [3, 5])
def test_an_untrained_smaller_kernel_is_the_centre_of_the_largest(depthwise, size):
    margin = (7 - size) // 2
    centre = depthwise.weight[:4, :, margin : 7 - margin, margin : 7 - margin]
    assert torch.equal(depthwise.active_weight(4, size), centre)


def test_a_3x3_kernel_includes_the_transformation_of_5x5(depthwise):
    with torch.no_grad():
        depthwise.transforms['to_5'].mul_(2)
        depthwise.transforms['to_3'].mul_(3)
    centre = depthwise.weight[:, :, 2:5, 2:5]
    torch.testing.assert_close(depthwise.active_weight(6, 3), 6 * centre)


def test_a_transformation_maps_the_flattened_kernel(depthwise):
    torch.nn.init.normal_(depthwise.transforms['to_5'])
    matrix = depthwise.transforms['to_5']
    flat = depthwise.weight[1, 0, 1:6, 1:6].flatten()
    expected = (matrix @ flat).view(5, 5)
    torch.testing.assert_close(depthwise.active_weight(6, 5)[1, 0], expected)


@pytest.mark.parametrize('size', [3, 5, 7])
@pytest.mark.parametrize(('stride', 'shape'), [(1, (9, 8)), (2, (5, 4))])
def test_a_depthwise_convolution_divides_the_map_size_by_its_stride_rounding_up(
    size, stride, shape
):
    layer = ElasticDepthwise(6, (3, 5, 7), stride=stride)
    assert layer(torch.randn(2, 4, 9, 8), size).shape == (2, 4, *shape)


def test_squeeze_excite_scales_each_channel_by_a_gate_of_0_to_1():
    layer = ElasticSqueezeExcite(48)
    x = torch.rand(2, 32, 3, 3) + 0.1
    gate = layer(x) / x
    assert (gate >= 0).all()
    assert (gate <= 1).all()
    torch.testing.assert_close(gate, gate[:, :, :1, :1].expand_as(gate))


def test_squeeze_excite_uses_its_first_channels():
    layer = ElasticSqueezeExcite(96)
    x = torch.randn(2, 48, 3, 3)
    hidden = F.relu(
        F.linear(x.mean((2, 3)), layer.reduce.weight[:16, :48, 0, 0], layer.reduce.bias[:16])
    )
    gate = F.linear(hidden, layer.expand.weight[:48, :16, 0, 0], layer.expand.bias[:48])
    expected = x * ((gate + 3).clamp(0, 6) / 6)[:, :, None, None]
    torch.testing.assert_close(layer(x), expected)
