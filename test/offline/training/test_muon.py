# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynofa_ros.offline.training.muon import MATRIX_RATE, Muon, orthogonalised


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('shape', [(32, 32), (20, 50), (50, 20)])
def test_singular_values_become_about_one(shape):
    values = torch.linalg.svdvals(orthogonalised(random_tensor(*shape)))
    # The smallest of a square random matrix is too close to 0 for five iterations.
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_singular_vectors_are_unchanged():
    matrix = random_tensor(20, 50)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    rotated = left.T @ orthogonalised(matrix) @ right.T
    assert (rotated - torch.diag(rotated.diagonal())).abs().max() < 1e-4


def test_the_step_of_a_matrix_depends_on_the_learning_rate_and_not_on_the_gradient_norm():
    for size in (1e-3, 1e3):
        weight = nn.Parameter(torch.zeros(16, 40))
        weight.grad = size * random_tensor(16, 40)
        Muon([weight], lr=0.003).step()
        moved = torch.linalg.svdvals(weight.detach()) / (0.003 * MATRIX_RATE)
        assert moved.min() > 0.6 and moved.max() < 1.3


def test_a_kernel_is_updated_as_the_matrix_of_its_output_channels():
    kernel = nn.Parameter(torch.zeros(16, 5, 3, 3).to(memory_format=torch.channels_last))
    matrix = nn.Parameter(torch.zeros(16, 45))
    matrix.grad = random_tensor(16, 45)
    kernel.grad = matrix.grad.view(16, 5, 3, 3).clone(memory_format=torch.channels_last)
    Muon([kernel, matrix], lr=0.1).step()
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach())


@pytest.mark.parametrize('shape', [(7,), (10, 64), (1, 64, 8, 8)])
def test_other_parameters_are_updated_by_adamw(shape):
    ours, theirs = (nn.Parameter(random_tensor(*shape)) for _ in range(2))
    muon = Muon([ours], lr=0.01, weight_decay=0.1)
    adamw = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for seed in range(3):
        ours.grad = theirs.grad = random_tensor(*shape, seed=seed)
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs)


def test_weight_decay_shrinks_a_matrix_without_a_gradient_step():
    weight = nn.Parameter(torch.ones(16, 16))
    weight.grad = torch.zeros(16, 16)
    Muon([weight], lr=0.003, weight_decay=0.5).step()
    expected = 1 - 0.003 * MATRIX_RATE * 0.5
    torch.testing.assert_close(weight.detach(), torch.full((16, 16), expected))


def test_a_parameter_without_gradient_is_not_updated():
    weight = nn.Parameter(random_tensor(16, 16))
    Muon([weight], lr=0.1, weight_decay=0.1).step()
    torch.testing.assert_close(weight.detach(), random_tensor(16, 16))


def learner():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 3))
    return net, Muon(net.parameters(), lr=0.003, weight_decay=0.01)


def learn(net, optimizer, steps):
    x, classes = random_tensor(64, 20), torch.arange(64) % 3
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), classes)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_network_learns():
    losses = learn(*learner(), 60)
    assert losses[-1] < 0.5 * losses[0]


def test_a_run_resumes_exactly_from_its_saved_state():
    whole = learn(*learner(), 6)
    net, optimizer = learner()
    learn(net, optimizer, 3)
    weights, state = copy.deepcopy(net.state_dict()), copy.deepcopy(optimizer.state_dict())
    net, optimizer = learner()
    net.load_state_dict(weights)
    optimizer.load_state_dict(state)
    assert learn(net, optimizer, 3) == whole[3:]
