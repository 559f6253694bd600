import zlib

import pytest
import torch


@pytest.fixture(scope='module')
def net(random_supernet):
    """A supernet that the tests of one file share."""
    return random_supernet()


@pytest.fixture(scope='session')
def seeded_weight():
    """Return a function that gives the weight of a plain official key, always the same.

    Every kind of weight matters in it, batch norm statistics and kernel transformations too, and
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
