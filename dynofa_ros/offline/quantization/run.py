# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa quantize`: int8 sub-networks of a model, measured against float32."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.table import Table

from dynofa_ros.atomic_file import write_json
from dynofa_ros.engine import AUTO, Engine, EngineError, create_engine, default_cache, networks
from dynofa_ros.offline.console import print_dropped, print_table
from dynofa_ros.offline.data.dataset import Dataset, random_subset
from dynofa_ros.offline.data.image_sets import images_of
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.quantization.card import COLUMNS, Row, add_to_card, card_section
from dynofa_ros.offline.quantization.model import index_entries, measure_pairs, quantize_all
from dynofa_ros.platform.host import cpu_model
from dynofa_ros.platform.linux.confinement import usable_cpus
from dynofa_ros.supernet.model import Model, drop_cascades, load_model, model_folder
from dynofa_ros.supernet.quantized import INT8, write_index

INT8_ENGINES = ('openvino', 'onnxruntime')
"""Engines that support int8, the faster first."""


@dataclass(frozen=True)
class QuantizationOptions:
    """Options of `dynofa quantize`; raises ValueError for those out of range."""

    model: str
    data: str
    out: Path
    test: str | None
    subnets: Sequence[str]
    engine: str
    calibration_images: int
    test_images: int
    seed: int
    rounds: int
    threads: int
    json: Path | None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        for name, least in (
            ('calibration_images', 1),
            ('test_images', 0),
            ('rounds', 3),
            ('threads', 0),
            ('seed', 0),
        ):
            if (value := getattr(self, name)) < least:
                raise ValueError(f'{name.replace("_", "-")} is {value}; expected at least {least}')
        if self.json and not self.json.parent.is_dir():
            raise ValueError(f'json is {self.json}; expected a file in an existing folder')


def run_quantization(options: QuantizationOptions) -> None:
    """Quantise sub-networks of a model and write them into a copy of it, or into the model itself.

    Raises:
        ValueError: naming the option, file or field at fault.
    """
    folder = model_folder(options.model)
    in_place = options.out.resolve() == folder.resolve()
    if not in_place and options.out.exists():
        raise ValueError(
            f'out is {options.out}, which exists; expected a new folder, or the model itself, '
            f'{folder}'
        )
    threads = options.threads or usable_cpus()
    torch.set_num_threads(threads)
    model = _selected(load_model(options.model, quantized=False), options.subnets)
    engine = int8_engine(options.engine)
    calibration, test = _images(model, options)
    settings = {
        'model': model.name,
        'engine': engine.name,
        'engine_version': engine.version,
        'nncf_version': version('nncf'),
        'cpu': cpu_model(),
        'threads': threads,
        'rounds': options.rounds,
        'calibration_images': len(calibration),
        'test_images': len(test),
        'seed': options.seed,
    }
    float32 = networks(model, default_cache())
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        parent = folder if in_place else options.out.parent
        with TemporaryDirectory(prefix='quantize.partial-', dir=parent) as scratch:
            made = Path(scratch) / INT8
            int8 = quantize_all(float32, calibration, made)
            rows = measure_pairs(
                float32, int8, engine, test, rounds=options.rounds, threads=threads
            )
            write_index(made, index_entries(rows, int8, settings))
            stale = [each.kept.subnet_id for each in int8]
            _install(made, folder, options.out, card_section(rows, settings), stale)
    except OSError as error:
        raise ValueError(f'{options.out} cannot be written: {error}') from error
    print_table(_table(rows, settings), width=140)
    print(f'{options.out / INT8} contains {len(rows)} int8 sub-networks', flush=True)
    if options.json:
        write_json(options.json, settings | {'subnets': [row.to_dict() for row in rows]})


def int8_engine(name: str) -> Engine:
    """Return an engine that supports int8, by name; ``auto``: the first that is installed.

    Raises:
        EngineError: if it is not installed, or with ``auto`` none is.
    """
    reasons = []
    for each in INT8_ENGINES if name == AUTO else (name,):
        try:
            engine = create_engine(each)
        except EngineError as error:
            reasons.append(str(error))
            continue
        print(f'running both in {engine.name} {engine.version}', *reasons, sep='; ')
        return engine
    raise EngineError('; '.join(reasons))


def _images(model: Model, options: QuantizationOptions) -> tuple[Dataset, Dataset]:
    """Return calibration and test images, the latter with the class indices of the model."""
    print(f'reading {options.data}', flush=True)
    images = images_of(
        model,
        options.model,
        options.data,
        options.test,
        selects=False,
        reader=Reader(options.skip_bad, options.threads),
    )
    test = images.test
    if options.test_images:
        test = random_subset(test, options.test_images, seed=options.seed)
    return random_subset(images.training, options.calibration_images, seed=options.seed), test


def _selected(model: Model, subnet_ids: Sequence[str]) -> Model:
    """Return the model with only these sub-networks; without any, the model itself."""
    if not subnet_ids:
        return model
    wanted = {model.subnet(subnet_id).subnet_id for subnet_id in subnet_ids}
    return replace(model, kept=tuple(k for k in model.kept if k.subnet_id in wanted))


def _install(int8: Path, folder: Path, out: Path, section: str, stale: Sequence[str]) -> None:
    """Move the folder ``int8`` and the card's section into the model, or into a copy at ``out``.

    Cascades with a ``stale`` stage, an int8 sub-network that was made anew, are removed.
    """
    if folder.resolve() == out.resolve():
        print_dropped(drop_cascades(folder, stale))
        if (folder / INT8).exists():
            (folder / INT8).rename(int8.with_name('before'))
        int8.rename(folder / INT8)
        add_to_card(folder, folder.resolve().name, section)
        return
    copy = int8.with_name('model')
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(INT8, 'training', '*.partial*'))
    print_dropped(drop_cascades(copy, stale))
    int8.rename(copy / INT8)
    add_to_card(copy, out.resolve().name, section)
    copy.rename(out)


def _table(rows: Sequence[Row], settings: dict[str, Any]) -> Table:
    table = Table(
        title=f'{settings["model"]}: float32 and int8 in {settings["engine"]}, '
        f'{settings["test_images"]} test images, threads: {settings["threads"]}'
    )
    name, *headings = COLUMNS
    table.add_column(name, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify='right')
    for row in rows:
        table.add_row(*row.cells())
    return table
