# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import zlib

import pytest
import torch

from dynofa_ros.supernet import create_supernet


@pytest.fixture(scope='module')
def net(random_supernet):
    """A supernet shared by the tests of one file."""
    return random_supernet()


@pytest.fixture(scope='session')
def images():
    """Return a function that makes the same random images for every call with one resolution."""

    def images(resolution, count=2):
        rng = torch.Generator().manual_seed(1)
        return torch.randn(count, 3, resolution, resolution, generator=rng)

    return images


@pytest.fixture(scope='session')
def make_net(random_supernet, seeded_weight):
    """Return a function that builds a supernet of any family in which every parameter matters."""

    def make(name, seed=0):
        if name == 'ofa_mbv3_cifar10':
            return random_supernet(seed)
        torch.manual_seed(seed)
        net = create_supernet(name).eval()
        with torch.no_grad():
            if name == 'vit_cifar10':
                fill_transformer(net)
            elif name == 'slimmable_mbv2_cifar10':
                fill_norms(net)
            elif name == 'efficientnet_lite':
                fill_efficientnet(net, seed)
            else:
                for key, value in net.state_dict().items():
                    value.copy_(seeded_weight(net.official_key(key), value.shape))
        return net

    return make


def fill_norms(net):
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)


def fill_transformer(net):
    for name, value in net.named_parameters():
        if name.endswith(('norm.weight', 'bn.weight')):
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.normal_(0, 0.2)
        elif value.ndim == 2:
            value.normal_(0, value.shape[1] ** -0.5)
        elif name == 'position':
            value.normal_(0, 0.5)


def fill_efficientnet(net, seed):
    """Set weights that depend only on the seed and preserve the scale of the activations."""
    rng = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=rng)
        if value.ndim == 4:
            value.copy_(noise * (2 / value[0].numel()) ** 0.5)
        elif value.ndim == 2:
            value.copy_(noise * value.shape[1] ** -0.5)
        elif name.endswith(('norm.weight', 'running_var')):
            value.copy_(1 + 0.2 * noise.clamp(-3, 3))
        else:
            value.copy_(0.2 * noise)


@pytest.fixture(scope='session')
def seeded_weight():
    """Return a function that makes the weight of a plain official key, reproducibly.

    Every kind of weight matters, including batch norm statistics and kernel transformations, and
    the logits are of the order of 1.
    """

    def weight(key, shape):
        rng = torch.Generator().manual_seed(zlib.crc32(key.encode()))
        if key.endswith('running_var'):
            return 0.5 + torch.rand(shape, generator=rng)
        if key.endswith('_matrix'):
            return torch.eye(shape[0]) + 0.2 * torch.randn(shape, generator=rng) / shape[0] ** 0.5
        if key.endswith(('running_mean', 'bias')):
            return 0.2 * torch.randn(shape, generator=rng)
        if key.endswith(('point_linear.bn.weight', 'conv3.bn.weight')):  # last of a residual block
            return 0.3 + 0.3 * torch.rand(shape, generator=rng)
        if len(shape) == 1:
            return 0.7 + 0.6 * torch.rand(shape, generator=rng)
        inputs = shape[1:].numel()
        return torch.randn(shape, generator=rng) * (1.5 / inputs) ** 0.5

    return weight
