# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Networks of the benchmarks."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from dynofa_ros.engine.torch_engine import relative_error


@pytest.fixture(scope='module')
def networks(load):
    return load('networks')


def test_the_sub_networks_include_the_smallest_and_the_largest(networks):
    smallest, *_, largest = networks.SUBNETS
    assert smallest == (3, 3, 2, 128)
    assert largest == (7, 6, 4, 224)
    assert len(networks.SUBNETS) >= 6


def test_the_network_depends_on_the_seed_and_leaves_the_rng_of_torch_unchanged(networks, smallest):
    state = torch.get_rng_state()
    again = networks.ofa_networks(0, networks.SUBNETS[:1])[0]
    assert again.key == smallest.key
    assert torch.equal(torch.get_rng_state(), state)


def test_random_images_fall_into_several_classes(networks, smallest):
    made = networks.images(12, 128, torch.Generator().manual_seed(1))
    with torch.inference_mode():
        best = smallest.net(made, smallest.kept.config).argmax(1)
    assert made.shape == (12, 3, 128, 128)
    assert len(best.unique()) > 1


def test_the_forward_pass_of_the_dynamic_network_is_a_runner(networks, smallest):
    config = smallest.kept.config
    x = networks.images(1, config.r, torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = smallest.net(x, config)[0].numpy()
    run = networks.eager_runner(smallest.net, config, 'cpu')
    assert np.array_equal(run(x.numpy()), expected)


def test_a_plain_network_is_extracted_with_batch_norm_folded(networks):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=32), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 49, 5)
    )
    nn.init.uniform_(module[1].running_var, 0.5, 2)
    net = networks.PlainNetwork('plain', module).eval()
    config = net.space.max_config()
    static = net.extract_subnet(config)
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        error = relative_error(static(x).numpy(), net(x, config).numpy())
    assert error < 1e-5
    assert not any(isinstance(each, nn.BatchNorm2d) for each in static.modules())


def test_a_missing_torchvision_is_reported(networks, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    with pytest.raises(ImportError, match='torchvision cannot be imported'):
        networks.torchvision_network(0)
