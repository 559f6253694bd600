# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A small model with random weights, of three sub-networks."""

from __future__ import annotations

from pathlib import Path

import torch

from dynofa_ros.supernet import Model, SubnetRecord, create_supernet
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.model import save_model
from dynofa_ros.supernet.supernet import Supernet

LABELS = ('airplane', 'car', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
# Name: kernel size, expand ratio, depth and resolution of every block, cheapest first.
KEPT = {
    'small': {'ks': 3, 'e': 3, 'd': 2, 'r': 20},
    'middle': {'ks': 5, 'e': 4, 'd': 2, 'r': 24},
    'large': {'ks': 7, 'e': 6, 'd': 3, 'r': 32},
}


def random_supernet(seed: int = 0) -> Supernet:
    """Return a supernet whose output depends on every parameter."""
    torch.manual_seed(seed)
    net = create_supernet('ofa_mbv3_cifar10').eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if 'bn.weight' in name:
                value.uniform_(0.5, 1.5)  # blocks start as the identity: undo that
            elif value.ndim == 1:
                value.normal_(0, 0.2)
            elif 'transforms' in name:
                value.add_(0.1 * torch.randn(value.shape))
            elif name == 'classifier.weight':
                value.normal_(0, 0.1)
    return net


def save_random_model(folder: Path) -> Path:
    """Write a model folder as training writes it; return it."""
    torch.set_num_threads(1)
    net = random_supernet()
    kept = []
    for accuracy, (name, choice) in enumerate(KEPT.items(), start=3):
        config = net.space.canonical(net.space.uniform(**choice))
        calibrate(net, config, [torch.randn(16, 3, config.r, config.r)])
        counted = cost(net.extract_subnet(config), config.r)
        kept.append(
            SubnetRecord(
                name, config, accuracy / 10, counted.flops, counted.parameters, counted.layers
            )
        )
    save_model(folder, Model('untrained', net, LABELS, tuple(kept)), {'trained': False})
    return folder
