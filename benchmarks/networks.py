# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Networks of the benchmarks: sub-networks of OFA-MobileNetV3, and two well-known networks.

Weights are random from a seed, as inference time does not depend on them. But no layer may be
trivial and no activation vanish: the scales of batch norm are random too, and its statistics are
calibrated on random images.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from dynofa_ros.engine import Network, Runner, networks
from dynofa_ros.engine.compiled_cache import CompiledCache
from dynofa_ros.engine.preprocess import Input
from dynofa_ros.supernet import Model, SearchSpace, SubnetConfig, SubnetRecord, create_supernet
from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.efficientnet_lite import EfficientNetLite
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec

SUPERNET = 'ofa_mbv3_d234_e346_k357_w1.0'
# Kernel size, expand ratio, depth and resolution of all blocks; cheapest first.
SUBNETS = (
    (3, 3, 2, 128),
    (3, 3, 2, 160),
    (5, 4, 2, 176),
    (5, 4, 3, 192),
    (3, 6, 3, 192),
    (5, 6, 3, 208),
    (7, 6, 4, 224),
)
CALIBRATION_IMAGES = 8
CLASSES, RESOLUTION = 1000, 224
"""Of EfficientNet-Lite0 and MobileNetV3-Large as published."""


def images(count: int, resolution: int, generator: torch.Generator) -> Tensor:
    """Return random images, (count, 3, r, r): noise of different grain, contrast and tint.

    With white noise alone, a network would put all images in the same class.
    """
    made = []
    for _ in range(count):
        grain = int(torch.randint(2, 33, (), generator=generator))
        noise = torch.randn(1, 3, grain, grain, generator=generator)
        contrast = torch.rand((), generator=generator) + 0.5
        tint = torch.randn(1, 3, 1, 1, generator=generator)
        size = (resolution, resolution)
        made.append(F.interpolate(noise, size, mode='bilinear') * contrast + tint)
    return torch.cat(made)


def ofa_networks(
    seed: int, choices: Sequence[tuple[int, int, int, int]] = SUBNETS
) -> tuple[Network, ...]:
    """Return sub-networks of OFA-MobileNetV3 w1.0, cheapest first."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net = create_supernet(SUPERNET).eval()
        for module in net.modules():
            if isinstance(module, ElasticBatchNorm):  # some start at 0, which disables their block
                nn.init.uniform_(module.weight, 0.5, 1.5)
    named = {
        f'k{k} e{e} d{d} r{r}': net.space.canonical(net.space.uniform(ks=k, e=e, d=d, r=r))
        for k, e, d, r in choices
    }
    generator = torch.Generator().manual_seed(seed)
    for config in named.values():
        calibrate(net, config, [images(CALIBRATION_IMAGES, config.r, generator)])
    return _networks(net, named)


def lite0_network(seed: int) -> Network:
    """Return EfficientNet-Lite0 at its training resolution."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        net = create_supernet('efficientnet_lite').eval()
    assert isinstance(net, EfficientNetLite)
    calibrate_plain(net.network(0), seed)
    config = SubnetConfig(v=(0,), r=RESOLUTION)
    return _networks(net, {'EfficientNet-Lite0 r224': config})[0]


def torchvision_network(seed: int) -> Network:
    """Return torchvision's MobileNetV3-Large.

    Raises:
        ImportError: if torchvision is not installed or does not match torch.
    """
    module = _mobilenet_v3_large(seed)
    calibrate_plain(module, seed)
    net = PlainNetwork('mobilenet_v3_large', module).eval()
    return _networks(net, {'torchvision mobilenet_v3_large r224': net.space.max_config()})[0]


def eager_runner(net: Supernet, config: SubnetConfig, device: str) -> Runner:
    """Return the forward pass of the dynamic network, as in the paper, as a runner."""

    @torch.inference_mode()
    def run(x: Input) -> Input:
        logits: Input = net(torch.from_numpy(x).to(device), config)[0].cpu().numpy()
        return logits

    return run


class PlainNetwork(Supernet):
    """A fixed network as a supernet of one sub-network, so that engines can run it."""

    def __init__(self, name: str, module: nn.Module) -> None:
        space = SearchSpace(resolutions=(RESOLUTION,))
        super().__init__(
            SupernetSpec(
                name=name, space=space, classes=CLASSES, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
            )
        )
        self.module = module

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run it on (N, 3, r, r); return (N, classes). Its batch norm needs no ``mode``."""
        logits: Tensor = self.module(x)
        return logits

    def extract_subnet(self, config: SubnetConfig) -> nn.Module:
        """Return a copy with batch norm folded."""
        return fuse(copy.deepcopy(self.module)).eval()


def network(net: Supernet, name: str, config: SubnetConfig) -> Network:
    """Return a sub-network for engines, under a name."""
    return _networks(net, {name: config})[0]


def _networks(net: Supernet, named: dict[str, SubnetConfig]) -> tuple[Network, ...]:
    kept = []
    for name, config in named.items():
        counted = cost(net.extract_subnet(config), config.r)
        chance = 1 / net.spec.classes  # the accuracy of random weights
        kept.append(
            SubnetRecord(name, config, chance, counted.flops, counted.parameters, counted.layers)
        )
    labels = tuple(map(str, range(net.spec.classes)))
    kept.sort(key=lambda each: each.flops)
    model = Model(net.spec.name, net, labels, tuple(kept))
    return networks(model, CompiledCache(None))


@torch.no_grad()
def calibrate_plain(module: nn.Module, seed: int, *arguments: SubnetConfig) -> None:
    """Set the statistics of the plain batch norm layers to those of random images.

    Of the layers that a forward pass with these further arguments runs.
    """
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.momentum = 1.0  # measured statistics replace the old ones
    generator = torch.Generator().manual_seed(seed)
    module.train()(images(CALIBRATION_IMAGES, RESOLUTION, generator), *arguments)
    module.eval()


def _mobilenet_v3_large(seed: int) -> nn.Module:
    try:
        try:
            torchvision = importlib.import_module('torchvision')
        except RuntimeError:
            # Its compiled part was built for another torch (PyPI's for CUDA, with a CPU build of
            # torch). A classifier does not need it, but the import requires these two operators:
            # declare them as torchvision/csrc/ops does, without an implementation.
            for name in ('nms', 'qnms'):
                torch.library.define(
                    f'torchvision::{name}',
                    '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
                )
            torchvision = importlib.import_module('torchvision')
    except (ImportError, RuntimeError) as error:
        raise ImportError(f'torchvision cannot be imported: {error}') from error
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        module: nn.Module = torchvision.models.mobilenet_v3_large(weights=None)
        return module
