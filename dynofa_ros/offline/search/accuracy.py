# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measure the accuracies of a sample of sub-networks, which the predictor is fitted to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynofa_ros.offline.console import reporting
from dynofa_ros.offline.data.dataset import Dataset, random_subset
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.offline.evaluation.selection import TRIAL_CALIBRATION_IMAGES, sample_candidates
from dynofa_ros.offline.search.accuracy_rows import config_of, read_rows
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet


@dataclass(frozen=True)
class SearchImages:
    """The images for calibration, for the search, and for the final measurement."""

    training: Dataset
    held_out: Dataset
    test: Dataset

    @property
    def calibration(self) -> Dataset:
        """Training images that calibrate the batch norm of a candidate."""
        return random_subset(self.training, TRIAL_CALIBRATION_IMAGES, seed=0)


def measured_rows(
    net: Supernet, images: SearchImages, *, count: int, seed: int, file: Path, threads: int
) -> list[dict[str, Any]]:
    """Measure ``count`` sub-networks on held-out images, except those that ``file`` already has.

    Every row is appended to the file at once, so an interrupted run loses nothing.
    """
    key = _measurement_key(net, images)
    known: dict[SubnetConfig, dict[str, Any]] = {
        config_of(row): row
        for row in (read_rows(file) if file.exists() else [])
        if row.get('measured_with') == key
    }
    configs = sample_candidates(net.space, count=count, seed=seed)
    calibration = images.calibration
    print(
        f'accuracies: {count} sub-networks on {len(images.held_out)} held-out images, '
        f'{sum(config in known for config in configs)} of them known from {file.name}',
        flush=True,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with reporting('measured', len(configs)) as report, file.open('a') as lines:
        for number, config in enumerate(configs, start=1):
            if config not in known:
                top1 = calibrated_top1(
                    net,
                    config,
                    calibration=calibration,
                    test=images.held_out,
                    threads=threads,
                    keep_statistics=False,
                )
                known[config] = config.to_dict() | {'top1': top1, 'measured_with': key}
                print(json.dumps(known[config]), file=lines, flush=True)
            report(number)
    return [known[config] for config in configs]


def _measurement_key(net: Supernet, images: SearchImages) -> str:
    """Return a hash of everything that a measured accuracy depends on."""
    parts = (
        fingerprint(net.state_dict()),
        images.held_out.fingerprint(),
        images.calibration.fingerprint(),
    )
    return hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]
