"""Measure the accuracy of sub-networks on labelled images, as a node would see them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.data.loader import input_batches
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet

NORMAL_95 = 1.959964
"""Half-width of the 95 % interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Accuracy:
    """What a sub-network named right; fractions 0..1."""

    top1: float
    top5: float
    images: int
    seconds: float
    """Decoding, preparing and running all images."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the top-1, Wilson's for a binomial proportion."""
        z, n, p = NORMAL_95, self.images, self.top1
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@torch.inference_mode()
def measure_accuracy(
    net: Supernet,
    static: nn.Module,
    data: Dataset,
    resolution: int,
    *,
    classes: Tensor | None = None,
    batch_size: int = 128,
    threads: int = 1,
    report: Callable[[int], None] = lambda done: None,
) -> Accuracy:
    """Run an extracted sub-network, on the device of the supernet, over all images.

    ``classes`` are those of the network's outputs, (N,) int64, where the data numbers them
    otherwise. ``threads`` decode and prepare images. ``report`` gets the number of images done.

    Raises:
        ValueError: naming an image that cannot be decoded.
    """
    static = static.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = next(net.parameters()).device
    truth = (data.classes if classes is None else classes).to(device)
    start_s, done = time.monotonic(), 0
    first = among_first = 0
    for batch in input_batches(net, data, resolution, size=batch_size, threads=threads):
        logits = static(batch.to(device))
        best = logits.topk(min(5, logits.shape[1]), 1).indices
        right = best == truth[done : done + len(batch), None]
        first += int(right[:, 0].sum())
        among_first += int(right.sum())
        done += len(batch)
        report(done)
    return Accuracy(first / done, among_first / done, done, time.monotonic() - start_s)


def calibrate_on(net: Supernet, config: SubnetConfig, data: Dataset, *, threads: int = 1) -> None:
    """Measure a sub-network's batch norm statistics on images, on the device of the network."""
    device = next(net.parameters()).device
    batches = input_batches(net, data, config.r, threads=threads)
    calibrate(net, config, (batch.to(device) for batch in batches))


def calibrated_top1(
    net: Supernet,
    config: SubnetConfig,
    *,
    calibration: Dataset,
    test: Dataset,
    threads: int = 1,
) -> float:
    """Calibrate a sub-network's batch norm on one set and return its top-1 on another."""
    if net.shares_batch_norm:
        calibrate_on(net, config, calibration, threads=threads)
    static = net.extract_subnet(config)
    return measure_accuracy(net, static, test, config.r, threads=threads).top1
