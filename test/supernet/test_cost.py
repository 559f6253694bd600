# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from torch import nn

from dynofa_ros.supernet.cost import Cost, cost


def test_convolutions_and_matrix_products_are_counted():
    static = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 5 * 5, 2)
    )
    convolution = 2 * (3 * 3 * 3) * 4 * 5 * 5
    product = 2 * 100 * 2
    assert cost(static, 5) == Cost(
        flops=convolution + product, parameters=(27 * 4 + 4) + (200 + 2), layers=2
    )


def test_a_grouped_convolution_counts_the_channels_of_each_group():
    static = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
    assert cost(static, 4).flops == 2 * 9 * 3 * 4 * 4


def test_costs_of_the_largest_and_the_smallest_sub_network(net):
    largest, smallest = net.space.max_config(), net.space.min_config()
    assert cost(net.extract_subnet(largest), largest.r) == Cost(47007232, 1766378, 90)
    assert cost(net.extract_subnet(smallest), smallest.r) == Cost(4949152, 549762, 48)


class OneHead(nn.Module):
    def forward(self, x):
        tokens = x.flatten(2)[:, None]
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)


def test_attention_counts_its_two_products():
    tokens, channels = 3, 5 * 5
    assert cost(OneHead(), 5).flops == 2 * (2 * tokens * tokens * channels)
