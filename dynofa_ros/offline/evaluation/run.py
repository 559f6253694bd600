"""`dynofa evaluate`: top-1 and top-5 of sub-networks on labelled images, as table and JSON."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from dynofa_ros.atomic_file import write_json
from dynofa_ros.offline.data.dataset import Dataset, class_indices, random_subset
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.evaluation.accuracy import Accuracy, calibrate_on, measure_accuracy
from dynofa_ros.offline.evaluation.selection import CALIBRATION_IMAGES
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.offline.training.precision import choose_device
from dynofa_ros.offline.training.run import read_config
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import Model, load_model


@dataclass(frozen=True)
class NamedSubnet:
    """A sub-network to measure; ``card_top1`` is that of the model card, NaN where it has none."""

    subnet_id: str
    config: SubnetConfig
    card_top1: float = math.nan


@dataclass(frozen=True)
class EvaluatedSubnet:
    """A sub-network with its cost and its accuracy."""

    subject: NamedSubnet
    cost: Cost
    accuracy: Accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return figures for a JSON file; an unknown one is None, which JSON has."""
        low, high = self.accuracy.interval
        card = self.subject.card_top1
        return {
            'subnet_id': self.subject.subnet_id,
            'config': self.subject.config.to_dict(),
            'flops': self.cost.flops,
            'parameters': self.cost.parameters,
            'top1': self.accuracy.top1,
            'top1_low': low,
            'top1_high': high,
            'top5': self.accuracy.top5,
            'card_top1': None if math.isnan(card) else card,
            'images': self.accuracy.images,
            'images_per_s': self.accuracy.images / self.accuracy.seconds,
        }


def run_evaluation(options: argparse.Namespace) -> int:
    """Run the command; return its exit code.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    if options.batch_size < 1:
        raise ValueError(f'batch-size is {options.batch_size}; it must be at least 1')
    threads = options.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    device = choose_device(options.device)
    model = load_model(options.model)
    subjects = selected_subnets(model, options)
    data = load_dataset(options.data)
    classes = class_indices(data, model.labels, what=str(options.data))
    model.net.to(device)
    for config, statistics in model.net.statistics.items():
        moved = {name: (m.to(device), v.to(device)) for name, (m, v) in statistics.items()}
        model.net.statistics[config] = moved
    _calibrate(model, subjects, options.calibration, threads)
    measured = []
    with reporting('images', len(subjects) * len(data)) as report:
        for number, subject in enumerate(subjects):
            static = model.net.extract_subnet(subject.config)
            accuracy = measure_accuracy(
                model.net,
                static,
                data,
                subject.config.r,
                classes=classes,
                batch_size=options.batch_size,
                threads=threads,
                report=lambda done, n=number, s=subject: report(  # type: ignore[misc]
                    n * len(data) + done, s.subnet_id
                ),
            )
            counted = cost(static.cpu(), subject.config.r)
            measured.append(EvaluatedSubnet(subject, counted, accuracy))
    _show(model, data, measured, options)
    return 0


def selected_subnets(model: Model, options: argparse.Namespace) -> list[NamedSubnet]:
    """Return the sub-networks that the options name; the kept float32 ones if they name none.

    Raises:
        ValueError: for a sub-network that the model or its supernet does not have, or an int8 one.
    """
    space = model.net.space
    float32 = [kept for kept in model.kept if kept.precision == 'float32']
    subjects = [_kept(model, subnet_id) for subnet_id in options.subnet]
    subjects += [NamedSubnet(Path(path).stem, read_config(Path(path))) for path in options.config]
    if options.smallest:
        subjects.append(NamedSubnet('smallest', space.min_config()))
    if options.largest:
        subjects.append(NamedSubnet('largest', space.max_config()))
    if options.sample < 0:
        raise ValueError(f'sample is {options.sample}; it must not be below 0')
    rng = Random(options.seed)
    for _ in range(options.sample):
        config = space.canonical(space.sample(rng))
        subjects.append(NamedSubnet(f'r{config.r}-{config.digest()}', config))
    if not subjects:
        subjects = [_kept(model, kept.subnet_id) for kept in float32]
    cards = {kept.config: kept.accuracy for kept in float32}
    configs = [space.canonical(subject.config) for subject in subjects]
    return [
        NamedSubnet(subject.subnet_id, config, cards.get(config, math.nan))
        for subject, config in zip(subjects, configs, strict=True)
    ]


def _kept(model: Model, subnet_id: str) -> NamedSubnet:
    kept = model.subnet(subnet_id)
    if kept.precision != 'float32':
        raise ValueError(
            f'{subnet_id} is {kept.precision}, which PyTorch does not run; dynofa quantize '
            'measures it through the engine that does'
        )
    return NamedSubnet(subnet_id, kept.config)


def _calibrate(
    model: Model, subjects: Sequence[NamedSubnet], source: str | None, threads: int
) -> None:
    """Give batch norm statistics to the sub-networks that have none.

    Raises:
        ValueError: naming them, if there are no images to calibrate with.
    """
    net = model.net
    without = [each for each in subjects if each.config not in net.statistics]
    if not net.shares_batch_norm or not without:
        return
    names = ', '.join(each.subnet_id for each in without)
    if source is None:
        raise ValueError(
            f'{names}: no batch norm statistics; name images that were trained on with '
            '--calibration'
        )
    images = random_subset(load_dataset(source), CALIBRATION_IMAGES)
    print(f'calibrating {names} on {len(images)} images of {source}', flush=True)
    for each in without:
        calibrate_on(net, each.config, images, threads=threads)


def _show(
    model: Model, data: Dataset, measured: Sequence[EvaluatedSubnet], options: argparse.Namespace
) -> None:
    table = Table(title=f'{model.name} on {len(data)} images of {options.data}')
    table.add_column('sub-network', no_wrap=True)
    for heading in ('MFLOP', 'M param.', 'r', 'top-1', 'top-5', '95 %', 'card', 'images/s'):
        table.add_column(heading, justify='right')
    for each in measured:
        low, high = each.accuracy.interval
        card = each.subject.card_top1
        table.add_row(
            each.subject.subnet_id,
            f'{each.cost.flops / 1e6:.1f}',
            f'{each.cost.parameters / 1e6:.2f}',
            str(each.subject.config.r),
            f'{each.accuracy.top1:.2%}',
            f'{each.accuracy.top5:.2%}',
            f'{100 * low:.1f}-{100 * high:.1f}',
            '-' if math.isnan(card) else f'{card:.2%}',
            f'{each.accuracy.images / each.accuracy.seconds:.0f}',
        )
    console = Console()
    # A pipe has no width of its own, and a table that is cut to fit 80 columns loses figures.
    (console if console.is_terminal else Console(width=120)).print(table)
    if options.json:
        write_json(options.json, [each.to_dict() for each in measured])
