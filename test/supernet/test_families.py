# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Behaviour that all families of supernets share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from random import Random

import pytest
import torch
from torch import nn

from dynofa_ros.supernet import SubnetConfigError, create_supernet
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.cost import cost

SMALL = ('ofa_mbv3_cifar10', 'vit_cifar10')
OFFICIAL = (
    'ofa_mbv3_d234_e346_k357_w1.0',
    'ofa_mbv3_d234_e346_k357_w1.2',
    'ofa_proxyless_d234_e346_k357_w1.3',
    'ofa_resnet50',
)
ALL = (*SMALL, 'efficientnet_lite', 'slimmable_mbv2_cifar10', *OFFICIAL)
small_families = pytest.mark.parametrize('name', SMALL)
all_families = pytest.mark.parametrize('name', ALL)


@pytest.fixture(scope='module')
def shared(make_net):
    """Return a function that gives the supernet of a name; tests must not change it."""
    return cache(make_net)


def configs(space, samples):
    drawn = [space.sample(Random(seed)) for seed in range(samples)]
    return [space.min_config(), space.max_config(), *drawn]


def test_an_unknown_supernet_is_refused_listing_the_known_ones():
    with pytest.raises(ValueError, match=r"supernet is 'resnet'; expected .*ofa_mbv3_cifar10, "):
        create_supernet('resnet')


@all_families
def test_the_largest_sub_network_is_active_at_first(make_net, name):
    net = make_net(name)
    assert net.active_subnet == net.space.max_config()


@small_families
@torch.no_grad()
def test_a_forward_pass_runs_the_active_sub_network(make_net, images, name):
    net = make_net(name)
    config = net.space.sample(Random(0))
    net.set_active_subnet(config)
    x = images(config.r)
    assert torch.equal(net(x), net(x, config))


@pytest.mark.parametrize('seed', range(4))
@small_families
@torch.no_grad()
def test_every_sub_network_returns_one_logit_per_class(shared, images, name, seed):
    net = shared(name)
    config = net.space.sample(Random(seed))
    assert net(images(config.r, 3), config).shape == (3, 10)


@small_families
@torch.no_grad()
def test_every_elastic_dimension_changes_the_output(shared, images, name):
    net = shared(name)
    largest, smallest = net.space.max_config(), net.space.min_config()
    x = images(largest.r)
    expected = net(x, largest)
    for field in net.space.fields:
        smaller = replace(largest, **{field: getattr(smallest, field)})
        assert not torch.allclose(net(x, smaller), expected), field


@small_families
def test_every_elastic_dimension_changes_the_cost(shared, name):
    net = shared(name)
    largest, smallest = net.space.max_config(), net.space.min_config()
    least = cost(net.extract_subnet(smallest), smallest.r)
    for field in (*net.space.fields, 'r'):
        larger = replace(smallest, **{field: getattr(largest, field)})
        assert cost(net.extract_subnet(larger), larger.r).flops > least.flops, field


@pytest.mark.parametrize('name', [*SMALL, *OFFICIAL])
@torch.no_grad()
def test_skipped_blocks_do_not_affect_the_output(shared, images, name):
    net = shared(name)
    shallow = replace(
        net.space.max_config(), d=net.space.min_config().d, r=net.space.resolutions[0]
    )
    canonical = net.space.canonical(shallow)
    assert canonical != shallow
    x, mode = images(shallow.r), net.mode(canonical)
    assert torch.equal(net.run(x, shallow, mode), net.run(x, canonical, mode))
    assert torch.equal(net(x, shallow), net(x, canonical))


@all_families
@torch.no_grad()
def test_threads_can_run_different_sub_networks_of_one_supernet(shared, images, name):
    net = shared(name)
    pair = [replace(config, r=net.space.resolutions[0]) for config in configs(net.space, 1)[::2]]
    x = images(pair[0].r)
    expected = [net(x, config) for config in pair]

    @torch.no_grad()
    def run(config):
        return [net(x, config) for _ in range(8)]

    with ThreadPoolExecutor(2) as pool:
        for found, single in zip(pool.map(run, pair), expected, strict=True):
            assert all(torch.equal(each, single) for each in found)


@pytest.mark.parametrize('index', range(12))
@small_families
@torch.no_grad()
def test_a_calibrated_sub_network_computes_the_same_when_extracted(make_net, images, name, index):
    net = make_net(name)
    config = configs(net.space, 10)[index]
    calibrate(net, config, [images(config.r, 8)])
    x = images(config.r)
    dynamic = net(x, config)
    assert dynamic.abs().max() > 0.1
    torch.testing.assert_close(net.extract_subnet(config)(x), dynamic, rtol=0, atol=1e-5)


@pytest.mark.parametrize('index', range(4))
@small_families
@torch.no_grad()
def test_an_uncalibrated_sub_network_computes_the_same_when_extracted(shared, images, name, index):
    net = shared(name)
    config = configs(net.space, 2)[index]
    x = images(config.r)
    torch.testing.assert_close(net.extract_subnet(config)(x), net(x, config), rtol=1e-4, atol=1e-5)


@all_families
@torch.no_grad()
def test_an_extracted_sub_network_has_weights_of_its_own(make_net, name):
    net = make_net(name)
    before = [value.clone() for value in net.state_dict().values()]
    for config in configs(net.space, 1):
        net.set_active_subnet(config)
        for weight in net.extract_subnet(config).parameters():
            weight.zero_()
    assert all(map(torch.equal, before, net.state_dict().values()))


@all_families
def test_an_extracted_sub_network_is_in_evaluation_mode_without_batch_norm(make_net, name):
    net = make_net(name).train()
    static = net.extract_subnet(net.space.min_config())
    assert not static.training
    assert not any(isinstance(module, nn.BatchNorm2d) for module in static.modules())


def test_an_extracted_sub_network_has_only_plain_layers(net):
    static = net.extract_subnet(net.space.max_config())
    leaves = {type(module) for module in static.modules() if not list(module.children())}
    assert leaves == {nn.Conv2d, nn.Linear, nn.ReLU, nn.Hardswish}


def test_a_smaller_extracted_sub_network_has_fewer_weights(net):
    def weights(config):
        return sum(p.numel() for p in net.extract_subnet(config).parameters())

    assert weights(net.space.min_config()) < 0.5 * weights(net.space.max_config())


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('ofa_mbv3_cifar10', {'r': 64}, 'r is 64; expected 20, 24, 28, 32'),
        ('ofa_mbv3_cifar10', {'d': (5,) * 5}, r'd\[0\] is 5; expected 2, 3, 4'),
        ('ofa_mbv3_cifar10', {'ks': (9,) * 20}, r'ks\[0\] is 9; expected 3, 5, 7'),
        ('vit_cifar10', {'d': (4,)}, r'd\[0\] is 4; expected 1, 2, 3'),
        ('vit_cifar10', {'w': (72,)}, r'w\[0\] is 72; expected 64, 80, 96'),
        ('vit_cifar10', {'h': (4, 4, 1)}, r'h\[2\] is 1; expected 2, 3, 4'),
        ('vit_cifar10', {'e': (2, 1.25, 2)}, r'e\[1\] is 1.25; expected 1, 1.5, 2'),
        ('vit_cifar10', {'h': (4, 4)}, 'number of values of h is 2; expected 3'),
        ('vit_cifar10', {'ks': (3,)}, 'number of values of ks is 1; expected 0'),
        ('vit_cifar10', {'r': 30}, 'r is 30; expected 24, 28, 32'),
        ('efficientnet_lite', {'v': (3,)}, r'v\[0\] is 3; expected 0, 1, 2'),
        ('efficientnet_lite', {'v': (0, 1)}, 'number of values of v is 2; expected 1'),
        ('efficientnet_lite', {'r': 130}, 'r is 130; expected 128, 132'),
        ('efficientnet_lite', {'d': (2,)}, 'number of values of d is 1; expected 0'),
    ],
)
def test_a_config_outside_the_space_is_refused(shared, images, name, change, message):
    net = shared(name)
    config = replace(net.space.max_config(), **change)
    for use in (net.set_active_subnet, net.extract_subnet, lambda c: net(images(c.r), c)):
        with pytest.raises(SubnetConfigError, match=message):
            use(config)
    assert net.active_subnet == net.space.max_config()
