# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Accuracy of sub-networks on labelled images, preprocessed as in the perception node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.data.loader import input_batches
from dynofa_ros.offline.evaluation.predictions import Predictions, wilson_interval
from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on a data set, as fractions 0..1."""

    top1: float
    top5: float
    images: int
    seconds: float
    """Time to decode, preprocess and run all images."""

    @classmethod
    def of(cls, found: Predictions, seconds: float) -> Accuracy:
        """Return the accuracy of predictions that took so long."""
        return cls(float(found.correct.mean()), found.top5, len(found.classes), seconds)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the top-1 (Wilson score interval)."""
        return wilson_interval(self.top1 * self.images, self.images)


@torch.inference_mode()
def predict(
    net: Supernet,
    static: nn.Module,
    data: Dataset,
    resolution: int,
    *,
    classes: Tensor | None = None,
    batch_size: int = 128,
    threads: int = 1,
    report: Callable[[int], None] = lambda done: None,
) -> Predictions:
    """Run an extracted sub-network over all images, on the device of its supernet.

    ``classes``, (N,) int64, replace those of the data set if the model numbers them differently.
    ``report`` receives the number of images done.

    Raises:
        ValueError: if an image cannot be decoded.
    """
    static = static.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = next(net.parameters()).device
    done = 0
    scores, best = [], []
    for batch in input_batches(net, data, resolution, size=batch_size, threads=threads):
        logits = static(batch.to(device)).float()
        found = logits.softmax(1).topk(min(5, logits.shape[1]), 1)
        scores.append(found.values.cpu())
        best.append(found.indices.cpu())
        done += len(batch)
        report(done)
    true = data.classes if classes is None else classes
    return Predictions(true.numpy(), torch.cat(best).numpy(), torch.cat(scores).numpy())


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
    """Return the accuracy of an extracted sub-network; see :func:`predict`."""
    start_s = time.monotonic()
    found = predict(
        net,
        static,
        data,
        resolution,
        classes=classes,
        batch_size=batch_size,
        threads=threads,
        report=report,
    )
    return Accuracy.of(found, time.monotonic() - start_s)


def move_to_device(net: Supernet, device: torch.device) -> None:
    """Move weights and batch norm statistics to a device."""
    net.to(device)
    for config, statistics in net.statistics.items():
        moved = {
            name: (mean.to(device), var.to(device)) for name, (mean, var) in statistics.items()
        }
        net.statistics[config] = moved


def calibrate_on(net: Supernet, config: SubnetConfig, data: Dataset, *, threads: int = 1) -> None:
    """Calibrate a sub-network's batch norm statistics on images, on the network's device."""
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
    keep_statistics: bool = True,
) -> float:
    """Calibrate a sub-network's batch norm on one set and return its top-1 on another."""
    if net.shares_batch_norm:
        calibrate_on(net, config, calibration, threads=threads)
    static = net.extract_subnet(config)
    if not keep_statistics:
        net.statistics.pop(net.space.canonical(config), None)
    return measure_accuracy(net, static, test, config.r, threads=threads).top1
