"""Accuracies for the search: a predictor from a file, from a table, or from measuring a sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynofa_ros.offline.data.dataset import Dataset, random_split, random_subset
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.offline.evaluation.selection import TRIAL_CALIBRATION_IMAGES, sample_candidates
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor
from dynofa_ros.offline.search.accuracy_rows import config_of, read_rows
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import fingerprint
from dynofa_ros.supernet.supernet import Supernet

OFA_SUFFIXES = ('.pth', '.pt')


@dataclass(frozen=True)
class SearchImages:
    """What sub-networks are calibrated on, tried on, and in the end measured on."""

    training: Dataset
    held_out: Dataset
    test: Dataset

    @classmethod
    def of(
        cls, data: Dataset, test: Dataset, *, held_out: int, held_out_seed: int, trial: int
    ) -> SearchImages:
        """Split the training images as training did, and try on ``trial`` of those held out."""
        training, others = random_split(data, held_out, seed=held_out_seed)
        return cls(training, random_subset(others, trial, seed=held_out_seed), test)


def read_predictor(file: Path) -> AccuracyPredictor:
    """Read what :meth:`AccuracyPredictor.save` wrote, or (.pth) what Once-for-All published.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    if file.suffix in OFA_SUFFIXES:
        return AccuracyPredictor.from_ofa(file)
    return AccuracyPredictor.load(file)


def measured_rows(
    net: Supernet, images: SearchImages, *, count: int, seed: int, file: Path, threads: int
) -> list[dict[str, Any]]:
    """Measure ``count`` sub-networks on held-out images; what the file has is not done again.

    Each row is written as soon as it is measured, so that nothing is lost when this ends early.
    """
    key = _key(net, images)
    known: dict[SubnetConfig, dict[str, Any]] = {
        config_of(row): row
        for row in (read_rows(file) if file.exists() else [])
        if row.get('measured_with') == key
    }
    configs = sample_candidates(net.space, count=count, seed=seed)
    calibration = random_subset(images.training, TRIAL_CALIBRATION_IMAGES, seed=0)
    print(
        f'accuracies: {count} sub-networks on {len(images.held_out)} held-out images, '
        f'{sum(config in known for config in configs)} of them known from {file.name}',
        flush=True,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with reporting('measured', len(configs)) as report, file.open('a') as lines:
        for number, config in enumerate(configs, start=1):
            if config not in known:
                tried = try_one(net, config, calibration, images.held_out, threads)
                known[config] = config.to_dict() | {'top1': tried, 'measured_with': key}
                print(json.dumps(known[config]), file=lines, flush=True)
            report(number)
    return [known[config] for config in configs]


def try_one(
    net: Supernet, config: SubnetConfig, calibration: Dataset, held_out: Dataset, threads: int
) -> float:
    """Return the top-1 of one sub-network on held-out images."""
    accuracy = calibrated_top1(net, config, calibration=calibration, test=held_out, threads=threads)
    net.statistics.pop(config, None)
    return accuracy


def _key(net: Supernet, images: SearchImages) -> str:
    """Return what must be the same for a measured accuracy to be the same."""
    parts: Sequence[str] = (
        fingerprint(net.state_dict()),
        images.held_out.fingerprint(),
        random_subset(images.training, TRIAL_CALIBRATION_IMAGES, seed=0).fingerprint(),
    )
    return hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]
