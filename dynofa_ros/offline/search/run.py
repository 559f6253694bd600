"""`dynofa search`: find the front of accuracy and latency, measure it here, write a profile.

Predicted accuracy and modelled latency only rank: the paper's own table of latencies is wrong by a
factor of two. What they rank first is run as whole networks on this machine, and only what was
measured is written to the profile.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynofa_ros.atomic_file import write_json
from dynofa_ros.engine import CompiledCache, Engine, Measurement, networks
from dynofa_ros.engine.measure import thread_counts
from dynofa_ros.offline.data.dataset import Dataset, class_indices, random_subset
from dynofa_ros.offline.data.readers import load_training_sets
from dynofa_ros.offline.evaluation.selection import (
    CALIBRATION_IMAGES,
    TRIAL_CALIBRATION_IMAGES,
    Candidate,
    evenly_spaced,
    finalize,
    sample_candidates,
)
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.offline.search.accuracy import SearchImages, measured_rows, read_predictor, try_one
from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor
from dynofa_ros.offline.search.accuracy_rows import read_rows
from dynofa_ros.offline.search.latency import (
    SubnetLatencyModel,
    available_threads,
    choose_timing_engine,
    fastest_latency_s,
    measure_latency,
    named,
)
from dynofa_ros.offline.search.nsga2 import PredictedSubnet, SearchSettings, evolve
from dynofa_ros.profiles.measured import host_name, measured_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.cost import Cost, cost
from dynofa_ros.supernet.model import Model, ModelError, SubnetRecord, load_model, save_model
from dynofa_ros.supernet.zoo import create_supernet


@dataclass(frozen=True)
class MeasuredSubnet:
    """A found sub-network with what was measured of it."""

    found: PredictedSubnet
    cost: Cost
    accuracy: float
    """On held-out images; without images, what was predicted."""
    latency_s: float
    measurements: tuple[Measurement, ...]

    @property
    def config(self) -> SubnetConfig:
        """The sub-network."""
        return self.found.config


@dataclass(frozen=True)
class LatencyRatio:
    """Measured latency over that by which the search ranked."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, checked: Sequence[MeasuredSubnet]) -> LatencyRatio:
        """Return the ratio over a front."""
        ratios = [each.latency_s / each.found.latency_s for each in checked]
        return cls(float(np.median(ratios)), min(ratios), max(ratios))


def not_dominated(checked: Sequence[MeasuredSubnet]) -> list[MeasuredSubnet]:
    """Return those more accurate than every faster one, fastest first."""
    front: list[MeasuredSubnet] = []
    best = -math.inf
    for each in sorted(checked, key=lambda c: (c.latency_s, -c.accuracy)):
        if each.accuracy > best:
            front.append(each)
            best = each.accuracy
    return front


def search_card(found: Model, source: str, figures: dict[str, Any], images: SearchImages) -> str:
    """Return the card as Markdown."""
    latency_s = {row['subnet_id']: row['latency_s'] for row in figures['measured']}
    rows = '\n'.join(
        f'| `{k.subnet_id}` | {k.flops / 1e6:.1f} | {k.parameters / 1e6:.2f} | {k.config.r} | '
        f'{latency_s[k.subnet_id] * 1e3:.2f} | {k.accuracy:.2%} |'
        for k in found.kept
    )
    ratio = figures['measured_over_ranked_latency']
    return f"""# {found.name}

Sub-networks of `{source}`, found by `dynofa search` (NSGA-II over predicted accuracy and modelled
latency). Weights, data and limits are those of `{source}`: see its card.

| sub-network | MFLOP (2 per multiply-add) | M parameters | input | latency [ms] | top-1 |
|---|---|---|---|---|---|
{rows}

Latency, on {figures['machine']} with {figures['engine']}, is the median of whole networks on one
image, without pre- and postprocessing; measured over ranked: {ratio['median']:.2f}
({ratio['least']:.2f} to {ratio['most']:.2f}). Top-1 is that of {len(images.test)} test images;
{len(images.held_out)} images that were not trained on chose the sub-networks. Batch norm is
calibrated for each. `profile.json` has the operating points.
"""


SAMPLE_ROUNDS = 5
"""Timed runs of each sub-network that the latency model is fitted to."""


def run_search(options: argparse.Namespace) -> dict[str, Any]:
    """Run the command; return the figures that ``search.json`` holds.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    settings = SearchSettings(options.population, options.generations, options.seed)
    for option, least in (('keep', 2), ('samples', 2), ('latency_samples', 2), ('rounds', 3)):
        if getattr(options, option) < least:
            name = option.replace('_', '-')
            raise ValueError(f'{name} is {getattr(options, option)}; it must be at least {least}')
    threads = available_threads(options.threads)
    torch.set_num_threads(threads)
    model = _model(options)
    images = _images(model, options)
    chosen = choose_timing_engine(options.engine, model.net, threads=threads)
    engine = chosen.engine
    print(f'engine: {engine.name}, {chosen.reason}', flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    predictor = _predictor(model, images, options, threads)
    space = model.net.space
    if predictor.resolutions is not None:
        both = tuple(r for r in space.resolutions if r in predictor.resolutions)
        space = replace(space, resolutions=both)
    sample = sample_candidates(space, count=options.latency_samples, seed=options.seed)
    print(f'latency: timing {len(sample)} sub-networks, threads: {threads}', flush=True)
    timed = measure_latency(engine, model.net, sample, threads=(threads,), rounds=SAMPLE_ROUNDS)
    latency_model = SubnetLatencyModel(space, sample, fastest_latency_s(timed))
    with reporting('generation', settings.generations) as report:
        front = evolve(
            space,
            accuracy=lambda configs: predictor.predict(configs),
            latency_s=latency_model,
            settings=settings,
            report=report,
        )
    checked = _check(
        engine, model, images, evenly_spaced(front, 2 * options.keep), options, threads
    )
    best = evenly_spaced(not_dominated(checked), options.keep)
    kept = _kept(model, images, best, threads)
    return _write(engine, model, images, kept, front=front, checked=checked, options=options)


def _model(options: argparse.Namespace) -> Model:
    """Return the model, or a supernet of that name, whose weights say nothing."""
    try:
        model = load_model(options.model)
    except ModelError as error:
        try:
            net = create_supernet(options.model).eval()
        except ValueError:
            raise error from None
        return Model(options.model, net, (), ())
    if Path(options.model).is_dir() and Path(options.model).resolve() == options.out.resolve():
        raise ValueError(f'out is {options.out}, the model itself; name another folder')
    return model


def _images(model: Model, options: argparse.Namespace) -> SearchImages | None:
    if options.data is None:
        if options.test is not None:
            raise ValueError('test images are given without --data to calibrate on')
        if options.predictor is None and options.table is None:
            raise ValueError('accuracies are unknown: give --data, --predictor or --table')
        return None
    if not model.kept:
        raise ValueError(
            f'{model.name} is a supernet without trained weights: it cannot be measured on '
            f'{options.data}; give the folder of a model, or leave out --data'
        )
    print(f'reading {options.data}', flush=True)
    data, test = load_training_sets(options.data, options.test)
    data, test = (_as_numbered(each, model, options.data) for each in (data, test))
    return SearchImages.of(
        data,
        test,
        held_out=options.held_out,
        held_out_seed=options.held_out_seed,
        trial=options.trial_images,
    )


def _as_numbered(data: Dataset, model: Model, what: str) -> Dataset:
    """Return the images with the class indices of the model."""
    classes = class_indices(data, model.labels, what=what)
    return replace(data, classes=classes, labels=model.labels)  # type: ignore[type-var]


def _predictor(
    model: Model, images: SearchImages | None, options: argparse.Namespace, threads: int
) -> AccuracyPredictor:
    if options.predictor is not None:
        return read_predictor(options.predictor)
    if options.table is not None:
        rows = read_rows(options.table)
    else:
        assert images is not None
        rows = measured_rows(
            model.net,
            images,
            count=options.samples,
            seed=options.seed,
            file=options.out / 'accuracies.jsonl',
            threads=threads,
        )
    predictor = AccuracyPredictor(model.net.space).fit(rows)
    predictor.save(options.out / 'predictor.npz')
    return predictor


def _check(
    engine: Engine,
    model: Model,
    images: SearchImages | None,
    front: Sequence[PredictedSubnet],
    options: argparse.Namespace,
    threads: int,
) -> list[MeasuredSubnet]:
    """Measure the front again: latency of whole networks, accuracy on held-out images."""
    configs = [each.config for each in front]
    print(f'measuring {len(front)} sub-networks of the front as whole networks', flush=True)
    measured = measure_latency(
        engine, model.net, configs, threads=thread_counts(threads), rounds=options.rounds
    )
    accuracies = [each.accuracy for each in front]
    if images is not None:
        calibration = random_subset(images.training, TRIAL_CALIBRATION_IMAGES, seed=0)
        with reporting('accuracy measured', len(front)) as report:
            for number, config in enumerate(configs):
                accuracies[number] = try_one(
                    model.net, config, calibration, images.held_out, threads
                )
                report(number + 1)
    return [
        MeasuredSubnet(
            found, cost(model.net.extract_subnet(found.config), found.config.r), top1, took, each
        )
        for found, top1, took, each in zip(
            front, accuracies, fastest_latency_s(measured), map(tuple, measured), strict=True
        )
    ]


def _kept(
    model: Model, images: SearchImages | None, best: Sequence[MeasuredSubnet], threads: int
) -> list[tuple[SubnetRecord, MeasuredSubnet]]:
    """Name what is kept; with images its batch norm is calibrated, and its top-1 measured."""
    if images is None:
        named_subnets = [
            SubnetRecord(
                f'r{each.config.r}-{each.config.digest()}',
                each.config,
                each.accuracy,
                **asdict(each.cost),
            )
            for each in best
        ]
    else:
        print(f'measuring {len(best)} sub-networks on {len(images.test)} test images', flush=True)
        named_subnets = finalize(
            model.net,
            [Candidate(each.config, each.cost, each.accuracy) for each in best],
            calibration=random_subset(images.training, CALIBRATION_IMAGES, seed=0),
            test=images.test,
            threads=threads,
        )
    of_config = {each.config: each for each in best}
    return [(kept, of_config[kept.config]) for kept in named_subnets]


def _write(
    engine: Engine,
    model: Model,
    images: SearchImages | None,
    kept: Sequence[tuple[SubnetRecord, MeasuredSubnet]],
    *,
    front: Sequence[PredictedSubnet],
    checked: Sequence[MeasuredSubnet],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Write profile, model and figures; return the figures."""
    subnets = tuple(subnet for subnet, _ in kept)
    found = Model(options.out.resolve().name, model.net, model.labels, subnets)
    measurements = [
        each for subnet, check in kept for each in named(check.measurements, subnet.subnet_id)
    ]
    names = {check.config: subnet for subnet, check in kept}
    figures: dict[str, Any] = {
        'model': model.name,
        'machine': host_name(),
        'engine': engine.name,
        'accuracy_source': 'predicted' if images is None else 'measured',
        'settings': asdict(SearchSettings(options.population, options.generations, options.seed)),
        'measured_over_ranked_latency': asdict(LatencyRatio.of(checked)),
        'front': [
            {'config': f.config.to_dict(), 'top1': f.accuracy, 'latency_s': f.latency_s}
            for f in front
        ],
        'measured': [_figures(each, names.get(each.config)) for each in checked],
    }
    if images is not None:
        save_model(options.out, found, {'searched': model.name} | figures['settings'])
        (options.out / 'README.md').write_text(search_card(found, model.name, figures, images))
    profile = measured_profile(options.app, found, engine.name, measurements)
    conditions = Conditions.here(
        networks(found, CompiledCache(None)), [engine], now=datetime.now(timezone.utc)
    )
    StoredProfile(profile, conditions).save(options.out / 'profile.json')
    write_json(options.out / 'search.json', figures)
    return figures


def _figures(each: MeasuredSubnet, kept: SubnetRecord | None) -> dict[str, Any]:
    return {
        'subnet_id': kept and kept.subnet_id,
        'config': each.config.to_dict(),
        'flops': each.cost.flops,
        'parameters': each.cost.parameters,
        'predicted_top1': each.found.accuracy,
        'held_out_top1': each.accuracy,
        'top1': kept and kept.accuracy,
        'ranked_latency_s': each.found.latency_s,
        'latency_s': each.latency_s,
        'energy_j': None,
    }
