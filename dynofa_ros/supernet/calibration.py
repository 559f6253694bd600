# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measure the batch norm statistics of a sub-network on images (Once-for-All, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from dynofa_ros.supernet.batch_norm import RecordedStatistics, Statistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet


@torch.no_grad()
def calibrate(net: Supernet, config: SubnetConfig, batches: Iterable[Tensor]) -> Statistics:
    """Run a sub-network on (N, 3, r, r) batches; store and return its batch norm statistics.

    Raises:
        ValueError: if there are no batches.
    """
    config = net.space.canonical(config)
    record = RecordedStatistics()
    for batch in batches:
        net(batch, config, record)
    statistics = record.statistics()
    if not statistics:
        raise ValueError('number of calibration batches is 0; expected at least one batch')
    net.set_statistics(config, statistics)
    return statistics
