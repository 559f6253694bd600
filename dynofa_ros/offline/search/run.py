# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa search`: find the front of accuracy and latency, measure it here, write a profile.

Predicted accuracy and modelled latency only rank sub-networks. The best ones are run as whole
networks on this machine, and the profile holds measurements only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynofa_ros.atomic_file import write_json, write_text
from dynofa_ros.engine import CompiledCache, Engine, Measurement, networks
from dynofa_ros.engine.measure import thread_counts
from dynofa_ros.offline.cascade.run import (
    LEAST_IMAGES,
    CascadeOptions,
    run_cascade,
)
from dynofa_ros.offline.console import print_dropped, reporting
from dynofa_ros.offline.data.dataset import random_subset
from dynofa_ros.offline.data.image_sets import images_of
from dynofa_ros.offline.data.known_images import copy_images
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.data.split import parse_amount
from dynofa_ros.offline.evaluation.selection import (
    CALIBRATION_IMAGES,
    Candidate,
    accuracy_front,
    evenly_spaced,
    finalize,
    measure_candidates,
    sample_candidates,
)
from dynofa_ros.offline.search.accuracy import SearchImages, measured_rows
from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor
from dynofa_ros.offline.search.accuracy_rows import read_rows
from dynofa_ros.offline.search.latency import (
    SubnetLatencyModel,
    choose_timing_engine,
    fastest_latency_s,
    measure_latency,
)
from dynofa_ros.offline.search.nsga2 import PredictedSubnet, SearchSettings, evolve
from dynofa_ros.offline.training.hardware import available_threads
from dynofa_ros.profiles.measured import host_name, measured_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.supernet.model import Model, ModelError, SubnetRecord, load_model, save_model
from dynofa_ros.supernet.zoo import create_supernet

SAMPLE_ROUNDS = 5
"""Timed runs of each sub-network of the sample that the latency model is fitted to."""


@dataclass(frozen=True)
class MeasuredSubnet(Candidate):
    """A sub-network of the front, measured; without images its accuracy is the predicted one."""

    predicted: PredictedSubnet
    latency_s: float
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class _Search:
    """The model, images and engine of one search."""

    options: argparse.Namespace
    settings: SearchSettings
    threads: int
    model: Model
    images: SearchImages | None
    engine: Engine


def run_search(options: argparse.Namespace) -> dict[str, Any]:
    """Run the command; return the figures that it writes to ``search.json``.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    settings = SearchSettings(options.population, options.generations, options.seed)
    for option, least in (('keep', 2), ('samples', 2), ('latency_samples', 2), ('rounds', 3)):
        if getattr(options, option) < least:
            name = option.replace('_', '-')
            raise ValueError(f'{name} is {getattr(options, option)}; expected {least} or above')
    threads = available_threads(options.threads)
    torch.set_num_threads(threads)
    model = _load_model(options)
    images = _load_images(model, options)
    chosen = choose_timing_engine(options.engine, model.net, threads=threads)
    print(f'engine: {chosen.engine.name}, {chosen.reason}', flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    search = _Search(options, settings, threads, model, images, chosen.engine)
    front = _find_front(search, _predictor(search))
    measured = _measure(search, evenly_spaced(front, 2 * options.keep))
    best = evenly_spaced(accuracy_front(measured, lambda each: each.latency_s), options.keep)
    records = _records(search, best)
    return _write(search, front=front, measured=measured, records=records)


def _load_model(options: argparse.Namespace) -> Model:
    """Return the model, or an untrained supernet of that name."""
    try:
        model = load_model(options.model)
    except ModelError as error:
        try:
            net = create_supernet(options.model).eval()
        except ValueError:
            raise error from None
        return Model(options.model, net, (), ())
    if Path(options.model).is_dir() and Path(options.model).resolve() == options.out.resolve():
        raise ValueError(f'out is {options.out}, the model itself; expected another folder')
    return model


def _load_images(model: Model, options: argparse.Namespace) -> SearchImages | None:
    if options.data is None:
        if options.test is not None:
            raise ValueError('test images are given without --data to calibrate on')
        if options.predictor is None and options.table is None:
            raise ValueError('accuracies are unknown; give --data, --predictor or --table')
        return None
    if not model.kept:
        raise ValueError(
            f'{model.name} is a supernet without trained weights and cannot be measured on '
            f'{options.data}; give the folder of a model, or omit --data'
        )
    print(f'reading {options.data}', flush=True)
    images = images_of(
        model,
        options.model,
        options.data,
        options.test,
        held_out=parse_amount(options.held_out),
        seed=options.held_out_seed,
        reader=Reader(options.skip_bad, available_threads(options.threads)),
    )
    trial = random_subset(images.held_out, options.trial_images, seed=options.held_out_seed)
    return SearchImages(images.training, trial, images.test)


def _predictor(search: _Search) -> AccuracyPredictor:
    """Return the given predictor, or fit one to a table or to measurements and save it."""
    options = search.options
    if options.predictor is not None:
        return AccuracyPredictor.load(options.predictor)
    if options.table is not None:
        rows = read_rows(options.table)
    else:
        assert search.images is not None
        rows = measured_rows(
            search.model.net,
            search.images,
            count=options.samples,
            seed=options.seed,
            file=options.out / 'accuracies.jsonl',
            threads=search.threads,
        )
    predictor = AccuracyPredictor(search.model.net.space).fit(rows)
    predictor.save(options.out / 'predictor.npz')
    return predictor


def _find_front(search: _Search, predictor: AccuracyPredictor) -> list[PredictedSubnet]:
    """Fit the latency model to a timed sample and return the predicted front."""
    net, threads, options = search.model.net, search.threads, search.options
    space = net.space
    if predictor.resolutions is not None:
        common = tuple(r for r in space.resolutions if r in predictor.resolutions)
        space = replace(space, resolutions=common)
    sample = sample_candidates(space, count=options.latency_samples, seed=options.seed)
    print(f'latency: timing {len(sample)} sub-networks, threads: {threads}', flush=True)
    timed = measure_latency(search.engine, net, sample, threads=(threads,), rounds=SAMPLE_ROUNDS)
    latency_model = SubnetLatencyModel(space, sample, fastest_latency_s(timed))
    with reporting('generation', search.settings.generations) as report:
        return evolve(
            space,
            accuracy=lambda configs: predictor.predict(configs),
            latency_s=latency_model,
            settings=search.settings,
            report=report,
        )


def _measure(search: _Search, front: Sequence[PredictedSubnet]) -> list[MeasuredSubnet]:
    """Measure the latency of whole networks and, with images, their accuracy."""
    net, threads, images = search.model.net, search.threads, search.images
    configs = [each.config for each in front]
    print(f'measuring {len(front)} sub-networks of the front as whole networks', flush=True)
    counts = thread_counts(threads)
    timed = measure_latency(
        search.engine, net, configs, threads=counts, rounds=search.options.rounds
    )
    if images is None:
        candidates = [Candidate.of(net, each.config, each.accuracy) for each in front]
    else:
        with reporting('accuracy measured', len(front)) as report:
            candidates = measure_candidates(
                net,
                configs,
                calibration=images.calibration,
                held_out=images.held_out,
                report=report,
                threads=threads,
            )
    return [
        MeasuredSubnet(each.config, each.cost, each.accuracy, predicted, latency_s, tuple(points))
        for each, predicted, latency_s, points in zip(
            candidates, front, fastest_latency_s(timed), timed, strict=True
        )
    ]


def _records(
    search: _Search, best: Sequence[MeasuredSubnet]
) -> list[tuple[SubnetRecord, MeasuredSubnet]]:
    """Return the records to keep; with images, calibrate batch norm and measure the test top-1."""
    images = search.images
    if images is None:
        return [
            (each.record(f'r{each.config.r}-{each.config.digest()}', each.accuracy), each)
            for each in best
        ]
    print(f'measuring {len(best)} sub-networks on {len(images.test)} test images', flush=True)
    records = finalize(
        search.model.net,
        best,
        calibration=random_subset(images.training, CALIBRATION_IMAGES, seed=0),
        test=images.test,
        threads=search.threads,
    )
    by_config = {each.config: each for each in best}
    return [(record, by_config[record.config]) for record in records]


def _write(
    search: _Search,
    *,
    front: Sequence[PredictedSubnet],
    measured: Sequence[MeasuredSubnet],
    records: Sequence[tuple[SubnetRecord, MeasuredSubnet]],
) -> dict[str, Any]:
    """Write profile, model and figures; return the figures."""
    model, images, out = search.model, search.images, search.options.out
    found = Model(
        out.resolve().name,
        model.net,
        model.labels,
        tuple(record for record, _ in records),
        data=model.data,
    )
    measurements = [
        replace(measurement, subnet_id=record.subnet_id)
        for record, subnet in records
        for measurement in subnet.measurements
    ]
    record_of = {record.config: record for record, _ in records}
    figures: dict[str, Any] = {
        'model': model.name,
        'machine': host_name(),
        'engine': search.engine.name,
        'accuracy_source': 'predicted' if images is None else 'measured',
        'settings': asdict(search.settings),
        'measured_over_ranked_latency': latency_ratio(measured),
        'front': [
            {'config': f.config.to_dict(), 'top1': f.accuracy, 'latency_s': f.latency_s}
            for f in front
        ],
        'measured': [_figures(each, record_of.get(each.config)) for each in measured],
    }
    if images is not None:
        copy_images(model, search.options.model, out)
        print_dropped(save_model(out, found, {'searched': model.name} | figures['settings']))
        write_text(out / 'README.md', search_card(found, model.name, figures, images))
    profile = measured_profile(search.options.app, found, search.engine.name, measurements)
    conditions = Conditions.here(
        networks(found, CompiledCache(None)), [search.engine], now=datetime.now(timezone.utc)
    )
    StoredProfile(profile, conditions).save(out / 'profile.json')
    if images is not None and len(found.kept) > 1:
        figures['cascades'] = _cascades(search, images)
    write_json(out / 'search.json', figures)
    return figures


def _cascades(search: _Search, images: SearchImages) -> dict[str, Any]:
    """Find the cascades of the model that was written, by measured latency on this machine."""
    out = search.options.out
    if len(images.test) < 2 * LEAST_IMAGES:
        print(f'no cascades: {len(images.test)} test images; expected {2 * LEAST_IMAGES} or more')
        return {}
    return run_cascade(
        CascadeOptions(
            model=str(out),
            data=str(search.options.test or search.options.data),
            profile=out / 'profile.json',
            engine=search.engine.name,
            threads=search.threads,
            seed=search.options.seed,
        ),
        images.test,
    )


def latency_ratio(measured: Sequence[MeasuredSubnet]) -> dict[str, float]:
    """Return median, least and most of measured latency over the latency used for ranking."""
    ratios = [each.latency_s / each.predicted.latency_s for each in measured]
    return {'median': float(np.median(ratios)), 'least': min(ratios), 'most': max(ratios)}


def _figures(subnet: MeasuredSubnet, record: SubnetRecord | None) -> dict[str, Any]:
    return {
        'subnet_id': record and record.subnet_id,
        'config': subnet.config.to_dict(),
        'flops': subnet.cost.flops,
        'parameters': subnet.cost.parameters,
        'predicted_top1': subnet.predicted.accuracy,
        'held_out_top1': subnet.accuracy,
        'top1': record and record.accuracy,
        'ranked_latency_s': subnet.predicted.latency_s,
        'latency_s': subnet.latency_s,
        'energy_j': None,
    }


def search_card(found: Model, source: str, figures: dict[str, Any], images: SearchImages) -> str:
    """Return the model card as Markdown."""
    latency_s = {row['subnet_id']: row['latency_s'] for row in figures['measured']}
    rows = '\n'.join(
        f'| `{k.subnet_id}` | {k.flops / 1e6:.1f} | {k.parameters / 1e6:.2f} | {k.config.r} | '
        f'{latency_s[k.subnet_id] * 1e3:.2f} | {k.accuracy:.2%} |'
        for k in found.kept
    )
    ratio = figures['measured_over_ranked_latency']
    return f"""# {found.name}

Sub-networks of `{source}`, found by `dynofa search` (NSGA-II on predicted accuracy and modelled
latency). Weights, data and limits are those of `{source}`; see its card.

| sub-network | MFLOP (2 per multiply-add) | M parameters | input | latency [ms] | top-1 |
|---|---|---|---|---|---|
{rows}

Latency is the median of whole networks on one image, without pre- and postprocessing, on
{figures['machine']} with {figures['engine']}; measured over ranked latency: {ratio['median']:.2f}
({ratio['least']:.2f} to {ratio['most']:.2f}). Top-1 is measured on {len(images.test)} test images;
{len(images.held_out)} held-out images selected the sub-networks. Batch norm is calibrated for each.
`profile.json` has the operating points.
"""
