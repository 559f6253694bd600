"""`dynofa quantize`: int8 sub-networks of a model, measured beside their float32 ones."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from dynofa_ros.atomic_file import write_json
from dynofa_ros.engine import (
    AUTO,
    Engine,
    EngineError,
    create_engine,
    default_cache,
    networks,
)
from dynofa_ros.offline.data.dataset import Dataset, class_indices, random_subset
from dynofa_ros.offline.data.readers import load_training_sets
from dynofa_ros.offline.quantization.card import COLUMNS, Row, add_to_card, card_section
from dynofa_ros.offline.quantization.model import index_entries, measure_pairs, quantize_all
from dynofa_ros.platform.host import cpu_model
from dynofa_ros.supernet.model import Model, load_model, model_folder
from dynofa_ros.supernet.quantized import INT8, write_index

INT8_ENGINES = ('openvino', 'onnxruntime')
"""Engines that run int8, the faster first."""
LEAST_ROUNDS = 3


def run_quantization(options: argparse.Namespace) -> list[Row]:
    """Run the command; return what was measured.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    _check(options)
    folder = model_folder(options.model)
    in_place = options.out.resolve() == folder.resolve()
    if not in_place and options.out.exists():
        raise ValueError(
            f'out is {options.out}, which is there already; name a new folder, or the model '
            f'itself, {folder}'
        )
    threads = options.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    model = _chosen(load_model(options.model, quantized=False), options.subnets)
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
        where = folder if in_place else options.out.parent
        with TemporaryDirectory(prefix='quantize.partial-', dir=where) as scratch:
            made = Path(scratch) / INT8
            int8 = quantize_all(float32, calibration, made)
            rows = measure_pairs(
                float32, int8, engine, test, rounds=options.rounds, threads=threads
            )
            write_index(made, index_entries(rows, int8, settings))
            _move(made, folder, options.out, card_section(rows, settings))
    except OSError as error:
        raise ValueError(f'{options.out} cannot be written: {error}') from error
    _show(rows, settings, options)
    if options.json:
        write_json(options.json, settings | {'subnets': [row.to_dict() for row in rows]})
    return rows


def int8_engine(name: str) -> Engine:
    """Return an engine that runs int8, by name; ``auto``: the first that is installed.

    Raises:
        EngineError: if it is not installed, or with ``auto`` none is.
    """
    missing = []
    for each in INT8_ENGINES if name == AUTO else (name,):
        try:
            engine = create_engine(each)
        except EngineError as error:
            missing.append(str(error))
            continue
        print(f'both run through {engine.name} {engine.version}', *missing, sep='; ')
        return engine
    raise EngineError('; '.join(missing))


def _check(options: argparse.Namespace) -> None:
    for name, least in (
        ('calibration_images', 1),
        ('test_images', 0),
        ('rounds', LEAST_ROUNDS),
        ('threads', 0),
        ('seed', 0),
    ):
        if (value := getattr(options, name)) < least:
            raise ValueError(f'{name.replace("_", "-")} is {value}; it must be at least {least}')
    if options.json and not options.json.parent.is_dir():
        raise ValueError(f'json is {options.json}; its folder does not exist')


def _images(model: Model, options: argparse.Namespace) -> tuple[Dataset, Dataset]:
    """Return calibration and test images, the latter with the class indices of the model."""
    print(f'reading {options.data}', flush=True)
    training, test = load_training_sets(options.data, options.test)
    classes = class_indices(test, model.labels, what=options.test or options.data)
    test = replace(test, classes=classes)  # type: ignore[type-var]
    if options.test_images:
        test = random_subset(test, options.test_images, seed=options.seed)
    return random_subset(training, options.calibration_images, seed=options.seed), test


def _chosen(model: Model, subnet_ids: Sequence[str]) -> Model:
    """Return the model with the sub-networks of these names alone; with all if there are none."""
    if not subnet_ids:
        return model
    wanted = {model.subnet(subnet_id).subnet_id for subnet_id in subnet_ids}
    return replace(model, kept=tuple(k for k in model.kept if k.subnet_id in wanted))


def _move(int8: Path, folder: Path, out: Path, section: str) -> None:
    """Put the folder ``int8`` and the section of the card into the model, or a copy of it."""
    if folder.resolve() == out.resolve():
        before = int8.with_name('before')
        if (folder / INT8).exists():
            (folder / INT8).rename(before)
        int8.rename(folder / INT8)
        add_to_card(folder, folder.resolve().name, section)
        return
    copy = int8.with_name('model')
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(INT8, 'training', '*.partial*'))
    int8.rename(copy / INT8)
    add_to_card(copy, out.resolve().name, section)
    copy.rename(out)


def _show(rows: Sequence[Row], settings: dict[str, Any], options: argparse.Namespace) -> None:
    images, threads = settings['test_images'], settings['threads']
    table = Table(
        title=f'{settings["model"]}: float32 and int8 in {settings["engine"]}, '
        f'{images} test images, threads: {threads}'
    )
    table.add_column(COLUMNS[0], no_wrap=True)
    for heading in COLUMNS[1:]:
        table.add_column(heading, justify='right')
    for row in rows:
        table.add_row(*row.cells())
    console = Console()
    # A pipe has no width of its own, and a table that is cut to fit 80 columns loses figures.
    (console if console.is_terminal else Console(width=140)).print(table)
    print(f'{options.out / INT8} holds {len(rows)} int8 sub-networks', flush=True)
