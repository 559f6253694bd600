# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest
import torch
import torch.nn.functional as F

from dynofa_ros.supernet import create_supernet
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.vision_transformer_layers import attention, pool_sequence


@pytest.fixture(scope='module')
def net(make_net):
    return make_net('vit_cifar10')


def test_the_space_is_autoformers_with_a_resolution(net):
    assert net.space.fields == ('e', 'd', 'w', 'h')
    assert (len(net.space.d), len(net.space.w)) == (1, 1)
    assert len(net.space.h) == len(net.space.e) == max(net.space.allowed('d'))


def test_its_size_counts_different_networks_once(net):
    of_one_layer = 3 * 3
    networks = of_one_layer + of_one_layer**2 + of_one_layer**3
    assert net.space.size == networks * 3 * 3


def test_operations_match_a_count_by_hand(net):
    config = net.space.min_config()  # 24x24 pixels, 36 tokens of 64 channels, 2 heads of 24
    tokenizer = 24 * 24 * 27 * 24 + 12 * 12 * 9 * 24 * 40 + 36 * 9 * 40 * 64
    linears = 36 * (64 * 3 * 48 + 48 * 64 + 2 * 64 * 64)
    attention_products = 2 * 36 * 36 * 48
    head = 36 * 64 + 36 * 64 + 64 * 10
    counted = cost(net.extract_subnet(config), config.r)
    assert counted.flops == 2 * (tokenizer + linears + attention_products + head)
    assert counted.layers == 3 + 4 + 2


@torch.no_grad()
def test_fixed_weights_give_the_reference_logits():
    net = create_supernet('vit_cifar10').eval()
    assert sum(p.numel() for p in net.parameters()) == 306731
    for number, value in enumerate(net.parameters()):
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 1.7 + number)
        value.copy_(wave.view_as(value) / value[0].numel() ** 0.5)
    expected = {
        net.space.max_config(): [-4.2047, -4.0469, -5.2315, -4.4087],
        net.space.min_config(): [-2.6573, -2.5502, -3.8251, -3.1298],
    }
    for config, logits in expected.items():
        side = torch.linspace(-1, 1, config.r)
        x = torch.stack([side[:, None] * side, side[:, None] + 0 * side, side * side[:, None] ** 2])
        found = net(x[None], config)[0, :4]
        torch.testing.assert_close(found, torch.tensor(logits), rtol=0, atol=1e-3)


@torch.no_grad()
def test_smaller_sub_networks_use_the_first_channels_heads_and_layers(make_net, images):
    net = make_net('vit_cifar10')
    small = net.space.min_config()
    before = net(images(small.r), small)
    for name, value in net.named_parameters():
        if name.startswith(('layers.1.', 'layers.2.')):
            value.fill_(float('nan'))  # skipped layers
    layer, inner = net.layers[0], 2 * 24
    layer.qkv.weight.view(3, -1, 96)[:, inner:] = float('nan')
    layer.qkv.weight[:, 64:] = float('nan')
    layer.expand.weight[64:] = float('nan')
    layer.expand.weight[:, 64:] = float('nan')
    net.position[:, 64:] = float('nan')
    net.tokenizer.convs[2].conv.weight[64:] = float('nan')
    assert torch.equal(net(images(small.r), small), before)


def test_a_few_sub_networks_train_every_parameter(make_net, images):
    net = make_net('vit_cifar10').train()
    samples = [net.space.sample(Random(seed)) for seed in range(10)]
    for config in (net.space.min_config(), net.space.max_config(), *samples):
        F.cross_entropy(net(images(config.r), config), torch.tensor([3, 7])).backward()
    without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@torch.no_grad()
def test_the_position_embedding_is_interpolated_to_the_input_resolution(net):
    assert torch.equal(net.position_embedding(96, 32), net.position)
    small = net.position_embedding(64, 24)
    assert small.shape == (1, 64, 6, 6)
    expected = F.interpolate(net.position[:, :64], size=(6, 6), mode='bilinear')
    torch.testing.assert_close(small, expected)


@torch.no_grad()
def test_the_output_depends_on_token_positions(net, images):
    config = net.space.max_config()
    x = images(config.r)
    assert not torch.allclose(net(x, config), net(x.flip(2), config))


def test_each_head_computes_scaled_dot_product_attention():
    qkv = torch.randn(2, 5, 3 * 3 * 4, generator=torch.Generator().manual_seed(0))
    q, k, v = qkv.chunk(3, -1)
    heads = [slice(0, 4), slice(4, 8), slice(8, 12)]
    expected = [(q[..., h] @ k[..., h].mT / 2).softmax(-1) @ v[..., h] for h in heads]
    torch.testing.assert_close(attention(qkv, 3), torch.cat(expected, -1))


def test_pooling_tokens_of_equal_importance_averages_them():
    tokens = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    pooled = pool_sequence(tokens, torch.ones(2, 5, 1))
    torch.testing.assert_close(pooled, tokens.mean(1))


def test_pooling_selects_a_dominant_token():
    tokens = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0))
    importance = torch.zeros(1, 5, 1)
    importance[0, 3] = 100.0
    torch.testing.assert_close(pool_sequence(tokens, importance), tokens[:, 3])
