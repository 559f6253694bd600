# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa cascade`: calibrate the scores of a model, find cascades, and write both into it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dynofa_ros.atomic_file import check_writable, write_json
from dynofa_ros.engine import default_cache, networks
from dynofa_ros.engine.choose import choose_engine
from dynofa_ros.offline.cascade.calibration import (
    Calibration,
    best_scores,
    fit_temperature,
    right,
)
from dynofa_ros.offline.cascade.card import add_to_card, sections
from dynofa_ros.offline.cascade.costs import Costs, stage_costs
from dynofa_ros.offline.cascade.front import Scored, candidates, select
from dynofa_ros.offline.cascade.logits import (
    Classes,
    Index,
    Logits,
    divided,
    engine_logits,
)
from dynofa_ros.offline.cascade.measured import MeasuredCascade, measured
from dynofa_ros.offline.data.dataset import Dataset, class_indices
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.evaluation.predictions import wilson_interval
from dynofa_ros.platform.linux.confinement import usable_cpus
from dynofa_ros.profiles.score_table import ScoreTable
from dynofa_ros.supernet.cascade_record import score_fingerprints
from dynofa_ros.supernet.model import Model, load_model, model_folder, save_cascades

LEAST_IMAGES = 20
"""In each half: below, an error bar is wider than what cascades differ by."""
Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CascadeOptions:
    """Options of `dynofa cascade`; raises ValueError for those out of range."""

    model: str
    data: str = ''
    choose_on: float = 0.5
    profile: Path | None = None
    engine: str = 'auto'
    keep: int = 8
    threads: int = 0
    seed: int = 0
    json: Path | None = None

    def __post_init__(self) -> None:
        if not 0 < self.choose_on < 1:
            raise ValueError(f'choose-on is {self.choose_on}; expected a share above 0 and below 1')
        for name, least in (('keep', 0), ('threads', 0), ('seed', 0)):
            if (value := getattr(self, name)) < least:
                raise ValueError(f'{name} is {value}; expected at least {least}')


def run_cascade(options: CascadeOptions, data: Dataset | None = None) -> Figures:
    """Find the cascades of a model, write them into its folder, and return the figures.

    ``data`` are the images; None: those of ``options.data``.

    Raises:
        ValueError: naming the option, file or field at fault, before any image runs.
    """
    folder = model_folder(options.model)
    if not os.access(folder, os.W_OK):
        raise ValueError(f'{folder} is read-only; expected a model folder that can be written')
    if options.json is not None:
        check_writable(options.json)
    # Earlier cascades may not fit to it any more: they are replaced.
    model = load_model(str(folder), cascades=False)
    if len(model.kept) < 2:
        raise ValueError(f'{model.name} keeps {len(model.kept)} sub-network; expected 2 or more')
    costs = stage_costs(model.kept, options.profile)
    data = load_dataset(options.data) if data is None else data
    classes = class_indices(data, model.labels, what=options.data or 'data').numpy()
    choosing, measuring = divided(classes, options.choose_on, seed=options.seed)
    if min(len(choosing), len(measuring)) < LEAST_IMAGES:
        raise ValueError(
            f'{len(choosing)} of {len(data)} images choose; expected {LEAST_IMAGES} or more there '
            'and among the others'
        )
    compiled = networks(model, default_cache())
    threads = options.threads or usable_cpus()
    chosen = choose_engine(options.engine, compiled, threads=threads)
    print(f'engine: {chosen.engine.name}, {chosen.reason}', flush=True)
    logits = engine_logits(compiled, chosen.engine, data, threads=threads)
    settings = {
        'model': model.name,
        'data': Path(options.data).name,
        'engine': f'{chosen.engine.name} {chosen.engine.version}',
        'choosing': len(choosing),
        'measuring': len(measuring),
        'seed': options.seed,
        'mean': costs.mean,
        'worst': costs.worst,
        'command': _command(options),
    }
    print(
        f'{len(choosing)} images choose temperatures and thresholds, {len(measuring)} measure',
        flush=True,
    )
    found = find_cascades(
        model,
        logits,
        classes,
        choosing=choosing,
        measuring=measuring,
        costs=costs,
        keep=options.keep,
    )
    return _write(folder, found, settings, options.json)


@dataclass(frozen=True)
class Found:
    """Temperatures, cascades and their scores."""

    calibrations: Sequence[Calibration]
    cascades: Sequence[MeasuredCascade]
    table: ScoreTable
    subnets: Sequence[Figures]


def find_cascades(
    model: Model,
    logits: Mapping[str, Logits],
    classes: Classes,
    *,
    choosing: Index,
    measuring: Index,
    costs: Costs,
    keep: int,
) -> Found:
    """Fit temperatures and choose cascades on some images, and measure both on others."""
    temperatures = {
        name: fit_temperature(each[choosing], classes[choosing]) for name, each in logits.items()
    }
    kept = {
        each.subnet_id: replace(each, temperature=temperatures[each.subnet_id])
        for each in model.kept
    }
    scored = {
        name: Scored.of(each[choosing], classes[choosing], temperatures[name])
        for name, each in logits.items()
    }
    fingerprints = score_fingerprints(model.keys(), kept.values(), model.labels)
    pairs = {name: (cost.mean, cost.worst) for name, cost in costs.of.items()}
    cascades = [
        measured(
            each,
            kept=kept,
            logits=logits,
            classes=classes,
            choosing=choosing,
            measuring=measuring,
            fingerprints=fingerprints,
            costs=pairs,
        )
        for each in select(candidates(scored, costs.of, kept.values()), keep)
    ]
    unseen = {name: each[measuring] for name, each in logits.items()}
    truth = classes[measuring]
    table = ScoreTable(
        tuple(kept),
        np.stack([best_scores(unseen[name], temperatures[name]) for name in kept], axis=1),
        np.stack([right(unseen[name], truth) for name in kept], axis=1),
        fingerprint=tuple(fingerprints[name] for name in kept),
    )
    calibrations = [Calibration.of(name, temperatures[name], unseen[name], truth) for name in kept]
    subnets = [
        _subnet_figures(name, float(table.correct[:, column].mean()), len(truth), pairs[name][0])
        for column, name in enumerate(kept)
    ]
    unique = {each.record.cascade_id: each for each in cascades}
    return Found(calibrations, tuple(unique.values()), table, subnets)


def _subnet_figures(name: str, top1: float, images: int, mean: float) -> Figures:
    low, high = wilson_interval(top1 * images, images)
    return {'name': name, 'accuracy': top1, 'low': low, 'high': high, 'mean': mean}


def _write(folder: Path, found: Found, settings: Figures, json: Path | None) -> Figures:
    """Write the model folder and the figures; return the figures."""
    save_cascades(
        folder,
        temperatures={each.subnet_id: each.temperature for each in found.calibrations},
        cascades=[each.record for each in found.cascades],
        scores=found.table.to_bytes(),
    )
    add_to_card(folder, settings['model'], sections(found.cascades, found.calibrations, settings))
    figures = settings | {
        'subnets': list(found.subnets),
        'cascades': [
            {
                'name': each.record.cascade_id,
                'accuracy': each.top1,
                'low': each.interval[0],
                'high': each.interval[1],
                'mean': each.mean,
                'worst': each.worst,
                'difference': each.difference,
                'difference_interval': list(each.difference_interval),
                'record': asdict(each.record),
            }
            for each in found.cascades
        ],
        'calibrations': [asdict(each) for each in found.calibrations],
    }
    if json is not None:
        write_json(json, figures)
    return figures


def _command(options: CascadeOptions) -> str:
    profile = f' --profile {options.profile.name}' if options.profile else ''
    data = Path(options.data).name or 'DATA'
    model = Path(options.model).name
    return (
        f'dynofa cascade --model {model} --data {data} --choose-on {options.choose_on:g} '
        f'--seed {options.seed} --keep {options.keep}{profile}'
    )
