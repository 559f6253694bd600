# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import torch.nn.functional as F

from dynofa_ros.supernet.depthwise import depthwise_conv2d

# Square and oblong maps below and above the size limit of our own backward pass.
MAPS = [(1, 1), (2, 3), (4, 4), (6, 6), (7, 7), (5, 9)]


def gradients(convolve, x, weight, grad):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = convolve(x, weight)
    y.backward(grad)
    return y, x.grad, weight.grad


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('size', [3, 5, 7])
@pytest.mark.parametrize('height_width', MAPS, ids=str)
def test_output_and_gradients_equal_those_of_pytorch(height_width, size, stride):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, *height_width, generator=rng, dtype=torch.float64)
    weight = torch.randn(4, 1, size, size, generator=rng, dtype=torch.float64)

    def pytorch(x, weight):
        return F.conv2d(x, weight, stride=stride, padding=size // 2, groups=4)

    grad = torch.randn(pytorch(x, weight).shape, generator=rng, dtype=torch.float64)
    ours = gradients(lambda x, weight: depthwise_conv2d(x, weight, stride), x, weight, grad)
    for mine, its in zip(ours, gradients(pytorch, x, weight, grad), strict=True):
        torch.testing.assert_close(mine, its)


def test_the_gradient_reaches_the_sliced_part_of_a_larger_weight():
    weight = torch.randn(6, 1, 5, 5, requires_grad=True)
    depthwise_conv2d(torch.randn(2, 4, 4, 4), weight[:4], 1).sum().backward()
    assert weight.grad[:4].abs().sum() > 0
    assert weight.grad[4:].abs().sum() == 0
