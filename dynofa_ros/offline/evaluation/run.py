# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
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
from dynofa_ros.offline.data.dataset import class_indices, random_subset
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.evaluation.accuracy import (
    Accuracy,
    calibrate_on,
    measure_accuracy,
    move_to_device,
)
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
    move_to_device(model.net, device)
    _calibrate(model, subnets, options.calibration, threads)
    figures = []
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
            figures.append(_figures(subnet, cost(static.cpu(), subnet.config.r), accuracy))
    print_table(_table(figures, f'{model.name} on {len(data)} images of {options.data}'), width=120)
    if options.json:
        write_json(options.json, figures)
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


def _figures(subnet: NamedSubnet, subnet_cost: Cost, accuracy: Accuracy) -> dict[str, Any]:
    low, high = accuracy.interval
    return {
        'subnet_id': subnet.subnet_id,
        'config': subnet.config.to_dict(),
        'flops': subnet_cost.flops,
        'parameters': subnet_cost.parameters,
        'top1': accuracy.top1,
        'top1_low': low,
        'top1_high': high,
        'top5': accuracy.top5,
        'card_top1': None if math.isnan(subnet.card_top1) else subnet.card_top1,
        'images': accuracy.images,
        'images_per_s': accuracy.images / accuracy.seconds,
    }


def _table(figures: Sequence[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    table.add_column('sub-network', no_wrap=True)
    for heading in ('MFLOP', 'M param.', 'r', 'top-1', 'top-5', '95 %', 'card', 'images/s'):
        table.add_column(heading, justify='right')
    for each in figures:
        table.add_row(
            each['subnet_id'],
            f'{each["flops"] / 1e6:.1f}',
            f'{each["parameters"] / 1e6:.2f}',
            str(each['config']['r']),
            f'{each["top1"]:.2%}',
            f'{each["top5"]:.2%}',
            f'{100 * each["top1_low"]:.1f}-{100 * each["top1_high"]:.1f}',
            '-' if each['card_top1'] is None else f'{each["card_top1"]:.2%}',
            f'{each["images_per_s"]:.0f}',
        )
    return table
