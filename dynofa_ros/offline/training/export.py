"""From a finished training run to a model: choose, calibrate and measure what is kept."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from dynofa_ros.offline.data.dataset import Dataset, random_subset
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.offline.evaluation.selection import (
    CALIBRATION_IMAGES,
    TRIAL_CALIBRATION_IMAGES,
    Candidate,
    evenly_spaced,
    finalize,
    measure_candidates,
    pareto_front,
    sample_candidates,
)
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.offline.training.model_card import TrainingFacts, model_card, write_model_card
from dynofa_ros.offline.training.trainer import Trainer
from dynofa_ros.supernet.cost import cost
from dynofa_ros.supernet.model import Model, save_model
from dynofa_ros.supernet.supernet import Supernet


def write_trained_model(
    trainer: Trainer,
    train_data: Dataset,
    held_out: Dataset,
    test: Dataset,
    *,
    options: argparse.Namespace,
    command: str,
    threads: int = 1,
) -> Model:
    """Keep the best sub-networks and write the model folder and its card."""
    net = trainer.net.eval()
    round_to_float16(net)
    chosen = _chosen(trainer, train_data, held_out, options, threads)
    print(f'measuring {len(chosen)} sub-networks on {len(test)} test images', flush=True)
    calibration = random_subset(train_data, CALIBRATION_IMAGES, seed=trainer.plan.seed)
    kept = finalize(net, chosen, calibration=calibration, test=test, threads=threads)
    for each in kept:
        print(f'  {each.subnet_id}: {each.accuracy:.2%}', flush=True)
    _to_cpu(net)
    labels = train_data.labels or tuple(map(str, range(net.spec.classes)))
    model = Model(options.out.resolve().name, net, labels, tuple(kept))
    facts = TrainingFacts(
        plan=trainer.plan,
        data=options.data_name or _name(options.data),
        initial_weights=options.initial_weights or '',
        processes=trainer.ranks.count,
        train_images=len(train_data),
        held_out_images=len(held_out),
        test_images=len(test),
        decoded_per_batch=train_data.decodes,
        command=command,
    )
    save_model(options.out, model, facts.to_dict())
    write_model_card(options.out, model_card(model, facts))
    print(f'{options.out} holds the model: {len(kept)} sub-networks', flush=True)
    return model


def round_to_float16(net: Supernet) -> None:
    """Give the network the weights that the file will hold, so that those are what is measured."""
    net.load_state_dict({name: value.half().float() for name, value in net.state_dict().items()})


def _chosen(
    trainer: Trainer,
    train_data: Dataset,
    held_out: Dataset,
    options: argparse.Namespace,
    threads: int,
) -> list[Candidate]:
    """Return the sub-networks to keep, tried on the held-out images."""
    net, plan = trainer.net, trainer.plan
    calibration = random_subset(train_data, TRIAL_CALIBRATION_IMAGES, seed=plan.seed)
    if plan.alone is not None:
        accuracy = calibrated_top1(
            net, plan.alone, calibration=calibration, test=held_out, threads=threads
        )
        counted = cost(net.extract_subnet(plan.alone).cpu(), plan.alone.r)
        return [Candidate(plan.alone, counted, accuracy)]
    everyone = sample_candidates(net.space, count=options.candidates, seed=plan.seed)
    print(f'trying {len(everyone)} sub-networks on {len(held_out)} held-out images', flush=True)
    with reporting('tried', len(everyone)) as report:
        tried = measure_candidates(
            net,
            everyone,
            calibration=calibration,
            held_out=held_out,
            report=report,
            threads=threads,
        )
    rows = [
        asdict(each.cost) | {'accuracy': each.accuracy, 'config': each.config.to_dict()}
        for each in tried
    ]
    (options.out / 'training' / 'tried.json').write_text(json.dumps(rows))
    return evenly_spaced(pareto_front(tried), options.keep)


def _to_cpu(net: Supernet) -> None:
    """Move weights and statistics to where they are written from."""
    net.cpu()
    for config, statistics in net.statistics.items():
        moved = {name: (mean.cpu(), var.cpu()) for name, (mean, var) in statistics.items()}
        net.statistics[config] = moved


def _name(data: str) -> str:
    """Return a data set's name without the folders of this machine."""
    return data.rstrip('/').rpartition('/')[2] or data
