"""`dynofa evaluate`: top-1 and top-5 of sub-networks on labelled images, as a table and as JSON."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from rich.table import Table

from dynofa_ros.atomic_file import write_json
from dynofa_ros.offline.console import print_table, reporting
from dynofa_ros.offline.data.dataset import Dataset, class_indices, random_subset
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.evaluation.accuracy import Accuracy, calibrate_on, measure_accuracy
from dynofa_ros.offline.evaluation.selection import CALIBRATION_IMAGES
from dynofa_ros.offline.training.hardware import available_threads, choose_device
from dynofa_ros.offline.training.run import read_config
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import Model, load_model


@dataclass(frozen=True)
class NamedSubnet:
    """A sub-network to evaluate."""

    subnet_id: str
    config: SubnetConfig
    card_top1: float = math.nan
    """Top-1 from the model card; NaN if it has none."""


@dataclass(frozen=True)
class EvaluatedSubnet:
    """A sub-network with its cost and its accuracy."""

    subnet: NamedSubnet
    cost: Cost
    accuracy: Accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for a JSON file; unknown ones are None."""
        low, high = self.accuracy.interval
        card = self.subnet.card_top1
        return {
            'subnet_id': self.subnet.subnet_id,
            'config': self.subnet.config.to_dict(),
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
        raise ValueError(f'batch-size is {options.batch_size}; expected 1 or above')
    threads = available_threads(options.threads)
    torch.set_num_threads(threads)
    device = choose_device(options.device)
    model = load_model(options.model)
    subnets = selected_subnets(model, options)
    data = load_dataset(options.data)
    classes = class_indices(data, model.labels, what=str(options.data))
    model.net.to(device)
    for config, statistics in model.net.statistics.items():
        moved = {name: (m.to(device), v.to(device)) for name, (m, v) in statistics.items()}
        model.net.statistics[config] = moved
    _calibrate(model, subnets, options.calibration, threads)
    evaluated = []
    with reporting('images', len(subnets) * len(data)) as report:
        for number, subnet in enumerate(subnets):
            static = model.net.extract_subnet(subnet.config)
            accuracy = measure_accuracy(
                model.net,
                static,
                data,
                subnet.config.r,
                classes=classes,
                batch_size=options.batch_size,
                threads=threads,
                report=lambda done, n=number, s=subnet: report(  # type: ignore[misc]
                    n * len(data) + done, s.subnet_id
                ),
            )
            subnet_cost = cost(static.cpu(), subnet.config.r)
            evaluated.append(EvaluatedSubnet(subnet, subnet_cost, accuracy))
    _print_table(model, data, evaluated, options)
    if options.json:
        write_json(options.json, [each.to_dict() for each in evaluated])
    return 0


def selected_subnets(model: Model, options: argparse.Namespace) -> list[NamedSubnet]:
    """Return the sub-networks selected by the options; by default the kept float32 ones.

    Raises:
        ValueError: for a sub-network that is int8, or that the model or its supernet lacks.
    """
    space = model.net.space
    float32 = [kept for kept in model.kept if kept.precision == 'float32']
    subnets = [_kept(model, subnet_id) for subnet_id in options.subnet]
    subnets += [NamedSubnet(Path(path).stem, read_config(Path(path))) for path in options.config]
    if options.smallest:
        subnets.append(NamedSubnet('smallest', space.min_config()))
    if options.largest:
        subnets.append(NamedSubnet('largest', space.max_config()))
    if options.sample < 0:
        raise ValueError(f'sample is {options.sample}; expected 0 or above')
    rng = Random(options.seed)
    for _ in range(options.sample):
        config = space.canonical(space.sample(rng))
        subnets.append(NamedSubnet(f'r{config.r}-{config.digest()}', config))
    if not subnets:
        subnets = [_kept(model, kept.subnet_id) for kept in float32]
    card_top1 = {kept.config: kept.accuracy for kept in float32}
    configs = [space.canonical(subnet.config) for subnet in subnets]
    return [
        NamedSubnet(subnet.subnet_id, config, card_top1.get(config, math.nan))
        for subnet, config in zip(subnets, configs, strict=True)
    ]


def _kept(model: Model, subnet_id: str) -> NamedSubnet:
    kept = model.subnet(subnet_id)
    if kept.precision != 'float32':
        raise ValueError(
            f'{subnet_id} is {kept.precision}, which PyTorch does not run; use dynofa quantize to '
            'measure it with an engine that does'
        )
    return NamedSubnet(subnet_id, kept.config)


def _calibrate(
    model: Model, subnets: Sequence[NamedSubnet], source: str | None, threads: int
) -> None:
    """Calibrate the sub-networks that have no batch norm statistics.

    Raises:
        ValueError: naming them, if there are no images to calibrate with.
    """
    net = model.net
    uncalibrated = [each for each in subnets if each.config not in net.statistics]
    if not net.shares_batch_norm or not uncalibrated:
        return
    names = ', '.join(each.subnet_id for each in uncalibrated)
    if source is None:
        raise ValueError(
            f'{names}: no batch norm statistics; give training images with --calibration'
        )
    images = random_subset(load_dataset(source), CALIBRATION_IMAGES)
    print(f'calibrating {names} on {len(images)} images of {source}', flush=True)
    for each in uncalibrated:
        calibrate_on(net, each.config, images, threads=threads)


def _print_table(
    model: Model, data: Dataset, evaluated: Sequence[EvaluatedSubnet], options: argparse.Namespace
) -> None:
    table = Table(title=f'{model.name} on {len(data)} images of {options.data}')
    table.add_column('sub-network', no_wrap=True)
    for heading in ('MFLOP', 'M param.', 'r', 'top-1', 'top-5', '95 %', 'card', 'images/s'):
        table.add_column(heading, justify='right')
    for each in evaluated:
        low, high = each.accuracy.interval
        card = each.subnet.card_top1
        table.add_row(
            each.subnet.subnet_id,
            f'{each.cost.flops / 1e6:.1f}',
            f'{each.cost.parameters / 1e6:.2f}',
            str(each.subnet.config.r),
            f'{each.accuracy.top1:.2%}',
            f'{each.accuracy.top5:.2%}',
            f'{100 * low:.1f}-{100 * high:.1f}',
            '-' if math.isnan(card) else f'{card:.2%}',
            f'{each.accuracy.images / each.accuracy.seconds:.0f}',
        )
    print_table(table, width=120)
