# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa evaluate`: top-1 and top-5 of sub-networks on labelled images, as a table and as JSON."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

from dynofa_ros.atomic_file import write_json
from dynofa_ros.engine import AUTO, CPU, Place, ResidentSet, default_cache, networks
from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.offline.console import Report, print_table, reporting
from dynofa_ros.offline.data.dataset import Dataset, class_indices, random_subset
from dynofa_ros.offline.data.image_sets import images_to_evaluate
from dynofa_ros.offline.data.known_images import read_images
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.evaluation.accuracy import (
    Accuracy,
    calibrate_on,
    move_to_device,
    predict,
)
from dynofa_ros.offline.evaluation.predictions import Predictions
from dynofa_ros.offline.evaluation.report import class_figures, write_report, write_summary
from dynofa_ros.offline.evaluation.selection import CALIBRATION_IMAGES
from dynofa_ros.offline.quantization.run import int8_engine
from dynofa_ros.offline.training.hardware import available_threads, choose_device
from dynofa_ros.offline.training.run import read_config
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import Model, load_model
from dynofa_ros.supernet.quantized import INT8


@dataclass(frozen=True)
class NamedSubnet:
    """A sub-network to evaluate."""

    subnet_id: str
    config: SubnetConfig
    card_top1: float = math.nan
    """Top-1 from the model card; NaN if it has none."""
    is_int8: bool = False


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
    reader = Reader(options.skip_bad, threads)
    data = images_to_evaluate(
        reader.images(options.data),
        read_images(model, options.model),
        options.part,
        what=options.data,
        log=reader.log,
    )
    classes = class_indices(data, model.labels, what=str(options.data))
    move_to_device(model.net, device)
    _calibrate(model, subnets, options.calibration, reader)
    int8 = _Int8(model, threads) if any(each.is_int8 for each in subnets) else None
    title = f'{model.name} on {len(data)} images of {options.data}'
    figures = []
    with reporting('images', len(subnets) * len(data)) as report:
        for number, subnet in enumerate(subnets):
            shown = partial(_report, report, number * len(data), subnet.subnet_id)
            start_s = time.monotonic()
            if subnet.is_int8:
                assert int8 is not None
                found, subnet_cost = int8.predict(subnet, data, classes, shown)
            else:
                static = model.net.extract_subnet(subnet.config)
                found = predict(
                    model.net,
                    static,
                    data,
                    subnet.config.r,
                    classes=classes,
                    batch_size=options.batch_size,
                    threads=threads,
                    report=shown,
                )
                subnet_cost = cost(static.cpu(), subnet.config.r)
            accuracy = Accuracy.of(found, time.monotonic() - start_s)
            classed = class_figures(found, model.labels)
            figures.append(_figures(subnet, subnet_cost, accuracy) | {'classes': classed})
            if options.report:
                name = f'{model.name} {subnet.subnet_id}, top-1 {accuracy.top1:.1%}'
                write_report(options.report / subnet.subnet_id, name, found, data, model.labels)
    print_table(_table(figures, title), width=120)
    if options.json:
        write_json(options.json, figures)
    if options.report:
        write_summary(options.report, title, figures)
        print(f'{options.report / "README.md"} shows the classes and mistakes', flush=True)
    return 0


class _Int8:
    """Runs int8 sub-networks with an engine, because PyTorch does not."""

    def __init__(self, model: Model, threads: int) -> None:
        self._model, self._place = model, Place(CPU, threads)
        kept = tuple(each for each in model.kept if each.precision == INT8)
        chosen = networks(replace(model, kept=kept), default_cache())
        self._residents = ResidentSet(chosen, int8_engine(AUTO))

    def predict(
        self, subnet: NamedSubnet, data: Dataset, classes: Tensor, report: Callable[[int], None]
    ) -> tuple[Predictions, Cost]:
        """Return the predictions for all images, and the operations of the sub-network."""
        kept, spec = self._model.subnet(subnet.subnet_id), self._model.net.spec
        run = self._residents.load(subnet.subnet_id, self._place).run
        preprocess = Preprocessor(kept.config.r, spec.mean, spec.std)
        rows = []
        for index in range(len(data)):
            rows.append(torch.from_numpy(run(preprocess(data.image(index)))).flatten().clone())
            report(index + 1)
        found = torch.stack(rows).float().softmax(1).topk(min(5, spec.classes), 1)
        predictions = Predictions(classes.numpy(), found.indices.numpy(), found.values.numpy())
        return predictions, Cost(kept.flops, kept.parameters, kept.layers)


def _report(report: Report, before: int, subnet_id: str, done: int) -> None:
    report(before + done, subnet_id)


def selected_subnets(model: Model, options: argparse.Namespace) -> list[NamedSubnet]:
    """Return the sub-networks selected by the options; by default all that the model keeps.

    Raises:
        ValueError: for a sub-network that the model or its supernet lacks.
    """
    space = model.net.space
    ids = [model.subnet(subnet_id).subnet_id for subnet_id in options.subnet]
    subnets = [NamedSubnet(Path(path).stem, read_config(Path(path))) for path in options.config]
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
    if not subnets and not ids:
        ids = [kept.subnet_id for kept in model.kept]
    card_top1 = {kept.config: kept.accuracy for kept in model.kept if kept.precision != INT8}
    configs = [space.canonical(subnet.config) for subnet in subnets]
    named = [
        NamedSubnet(kept.subnet_id, kept.config, kept.accuracy, kept.precision == INT8)
        for kept in map(model.subnet, ids)
    ]
    return named + [
        NamedSubnet(subnet.subnet_id, config, card_top1.get(config, math.nan))
        for subnet, config in zip(subnets, configs, strict=True)
    ]


def _calibrate(
    model: Model, subnets: Sequence[NamedSubnet], source: str | None, reader: Reader
) -> None:
    """Calibrate the sub-networks that have no batch norm statistics.

    Raises:
        ValueError: naming them, if there are no images to calibrate with.
    """
    net = model.net
    uncalibrated = [
        each for each in subnets if not each.is_int8 and each.config not in net.statistics
    ]
    if not net.shares_batch_norm or not uncalibrated:
        return
    names = ', '.join(each.subnet_id for each in uncalibrated)
    if source is None:
        raise ValueError(
            f'{names}: no batch norm statistics; give training images with --calibration'
        )
    images = random_subset(reader.images(source), CALIBRATION_IMAGES)
    print(f'calibrating {names} on {len(images)} images of {source}', flush=True)
    for each in uncalibrated:
        calibrate_on(net, each.config, images, threads=reader.threads)


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
