"""Measure the top-1 accuracy of sub-networks on labelled images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dynofa_ros.offline.batches import network_input
from dynofa_ros.offline.dataset import Dataset
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet


def input_batches(
    net: Supernet, data: Dataset, resolution: int, *, size: int = 128
) -> Iterator[Tensor]:
    """Yield (N, 3, r, r) float32 batches of all images, in order."""
    for start in range(0, len(data), size):
        images = data.images[start : start + size]
        yield network_input(images, resolution, net.spec.mean, net.spec.std)


@torch.inference_mode()
def top1(net: Supernet, static: nn.Module, data: Dataset, resolution: int) -> float:
    """Return the fraction of images whose class an extracted sub-network names first."""
    static = static.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    correct = 0
    start = 0
    for batch in input_batches(net, data, resolution):
        best = static(batch).argmax(1)
        correct += int((best == data.classes[start : start + len(batch)]).sum())
        start += len(batch)
    return correct / len(data)


def calibrated_top1(
    net: Supernet, config: SubnetConfig, *, calibration: Dataset, test: Dataset
) -> float:
    """Calibrate a sub-network's batch norm on one set and return its top-1 on another."""
    calibrate(net, config, input_batches(net, calibration, config.r))
    return top1(net, net.extract_subnet(config), test, config.r)
