from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest
import torch
import torch.nn.functional as F

from dynofa_ros.supernet import SubnetConfigError, create_supernet
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.vision_transformer_layers import attention, pool_sequence


def vit(seed=0):
    """A Vision Transformer of which every parameter matters."""
    torch.manual_seed(seed)
    net = create_supernet('vit_cifar10').eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith(('norm.weight', 'bn.weight')):
                value.uniform_(0.5, 1.5)
            elif value.ndim == 1:
                value.normal_(0, 0.2)
            elif value.ndim == 2:
                value.normal_(0, value.shape[1] ** -0.5)
            elif name == 'position':
                value.normal_(0, 0.5)
    return net


@pytest.fixture(scope='module')
def net():
    return vit()


def images(config, count=2):
    return torch.randn(count, 3, config.r, config.r, generator=torch.Generator().manual_seed(1))


def configs(space):
    return [space.min_config(), space.max_config(), *(space.sample(Random(i)) for i in range(10))]


def test_the_space_is_autoformers_with_a_resolution(net):
    assert net.space.fields == ('e', 'd', 'w', 'h')
    assert (len(net.space.d), len(net.space.w)) == (1, 1)
    assert len(net.space.h) == len(net.space.e) == max(net.space.allowed('d'))


def test_its_size_counts_networks_that_differ(net):
    of_one_layer = 3 * 3
    networks = of_one_layer + of_one_layer**2 + of_one_layer**3
    assert net.space.size == networks * 3 * 3


@pytest.mark.parametrize('seed', range(4))
@torch.no_grad()
def test_every_sub_network_names_every_class(net, seed):
    config = net.space.sample(Random(seed))
    assert net(images(config, 3), config).shape == (3, 10)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'d': (4,)}, r'd\[0\] is 4; expected 1, 2, 3'),
        ({'w': (72,)}, r'w\[0\] is 72; expected 64, 80, 96'),
        ({'h': (4, 4, 1)}, r'h\[2\] is 1; expected 2, 3, 4'),
        ({'e': (2, 1.25, 2)}, r'e\[1\] is 1.25; expected 1, 1.5, 2'),
        ({'h': (4, 4)}, 'h has 2 values; this space has 3'),
        ({'ks': (3,)}, 'ks has 1 values; this space has 0'),
        ({'r': 30}, 'r is 30; expected 24, 28, 32'),
    ],
)
def test_what_is_not_of_the_space_is_refused(net, change, message):
    config = replace(net.space.max_config(), **change)
    for refuse in (net.set_active_subnet, net.extract_subnet):
        with pytest.raises(SubnetConfigError, match=message):
            refuse(config)


@pytest.mark.parametrize('field', ['d', 'w', 'h', 'e'])
@torch.no_grad()
def test_every_choice_changes_the_output(net, field):
    config = net.space.max_config()
    smaller = replace(config, **{field: getattr(net.space.min_config(), field)})
    assert not torch.allclose(net(images(config), config), net(images(config), smaller))


@pytest.mark.parametrize('field', ['d', 'w', 'h', 'e', 'r'])
def test_more_of_anything_costs_more(net, field):
    config = net.space.min_config()
    larger = replace(config, **{field: getattr(net.space.max_config(), field)})
    costs = [cost(net.extract_subnet(each), each.r).flops for each in (config, larger)]
    assert costs[0] < costs[1]


@torch.no_grad()
def test_layers_that_are_not_run_do_not_matter(net):
    config = replace(net.space.max_config(), d=(1,))
    other = replace(config, h=(4, 2, 3), e=(2, 1, 1.5))
    assert torch.equal(net(images(config), config), net(images(config), other))


def test_operations_are_counted_by_hand(net):
    config = net.space.min_config()  # 24x24 pixels, 36 tokens of 64 channels, 2 heads of 24
    tokenizer = 24 * 24 * 27 * 24 + 12 * 12 * 9 * 24 * 40 + 36 * 9 * 40 * 64
    linears = 36 * (64 * 3 * 48 + 48 * 64 + 2 * 64 * 64)
    attention_products = 2 * 36 * 36 * 48
    head = 36 * 64 + 36 * 64 + 64 * 10
    counted = cost(net.extract_subnet(config), config.r)
    assert counted.flops == 2 * (tokenizer + linears + attention_products + head)
    assert counted.layers == 3 + 4 + 2


@torch.no_grad()
def test_with_given_weights_it_says_what_it_always_said():
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
        said = net(x[None], config)[0, :4]
        torch.testing.assert_close(said, torch.tensor(logits), rtol=0, atol=1e-3)


@pytest.mark.parametrize('index', range(12))
@torch.no_grad()
def test_an_extracted_sub_network_says_the_same(net, index):
    config = configs(net.space)[index]
    calibrate(net, config, [images(config, 8)])
    dynamic = net(images(config), config)
    assert dynamic.abs().max() > 0.1
    torch.testing.assert_close(
        net.extract_subnet(config)(images(config)), dynamic, rtol=0, atol=1e-5
    )


@torch.no_grad()
def test_its_weights_are_its_own():
    net = vit()
    config = net.space.max_config()
    static = net.extract_subnet(config)
    before = static(images(config))
    for value in net.parameters():
        value.zero_()
    assert torch.equal(static(images(config)), before)
    assert not static.training


@torch.no_grad()
def test_smaller_sub_networks_use_the_first_channels_heads_and_layers():
    net = vit()
    small = net.space.min_config()
    before = net(images(small), small)
    for name, value in net.named_parameters():
        if name.startswith(('layers.1.', 'layers.2.')):
            value.fill_(float('nan'))  # layers that are not run
    layer, inner = net.layers[0], 2 * 24
    layer.qkv.weight.view(3, -1, 96)[:, inner:] = float('nan')
    layer.qkv.weight[:, 64:] = float('nan')
    layer.expand.weight[64:] = float('nan')
    layer.expand.weight[:, 64:] = float('nan')
    net.position[:, 64:] = float('nan')
    net.tokenizer.convs[2].conv.weight[64:] = float('nan')
    assert torch.equal(net(images(small), small), before)


@torch.no_grad()
def test_two_threads_run_two_sub_networks_of_one_supernet(net):
    both = (net.space.min_config(), net.space.max_config())
    alone = [net(images(config), config) for config in both]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            together = list(pool.map(lambda config: net(images(config), config), both))
            assert all(map(torch.equal, together, alone))


def test_every_parameter_learns_from_a_few_sub_networks():
    net = vit().train()
    for config in configs(net.space):
        F.cross_entropy(net(images(config), config), torch.tensor([3, 7])).backward()
    without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@torch.no_grad()
def test_the_position_embedding_is_interpolated_to_the_tokens_of_each_input_side(net):
    assert torch.equal(net.position_embedding(96, 32), net.position)
    small = net.position_embedding(64, 24)
    assert small.shape == (1, 64, 6, 6)
    expected = F.interpolate(net.position[:, :64], size=(6, 6), mode='bilinear')
    torch.testing.assert_close(small, expected)


@torch.no_grad()
def test_an_image_turned_upside_down_is_another_image(net):
    config = net.space.max_config()
    assert not torch.allclose(net(images(config), config), net(images(config).flip(2), config))


def test_each_head_attends_by_scaled_dot_products_of_its_own():
    qkv = torch.randn(2, 5, 3 * 3 * 4, generator=torch.Generator().manual_seed(0))
    q, k, v = qkv.chunk(3, -1)
    heads = [slice(0, 4), slice(4, 8), slice(8, 12)]
    expected = [(q[..., h] @ k[..., h].mT / 2).softmax(-1) @ v[..., h] for h in heads]
    torch.testing.assert_close(attention(qkv, 3), torch.cat(expected, -1))


def test_pooling_tokens_of_equal_importance_is_their_mean():
    tokens = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    pooled = pool_sequence(tokens, torch.ones(2, 5, 1))
    torch.testing.assert_close(pooled, tokens.mean(1))


def test_pooling_keeps_the_one_token_that_matters():
    tokens = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0))
    importance = torch.zeros(1, 5, 1)
    importance[0, 3] = 100.0
    torch.testing.assert_close(pool_sequence(tokens, importance), tokens[:, 3])
