# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Export a finished training run: select, calibrate and measure sub-networks, write the model."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

import torch

from dynofa_ros.atomic_file import write_text
from dynofa_ros.offline.console import print_dropped, reporting
from dynofa_ros.offline.data.dataset import Dataset, random_subset
from dynofa_ros.offline.data.image_sets import ImageSets
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1, move_to_device
from dynofa_ros.offline.evaluation.selection import (
    CALIBRATION_IMAGES,
    LEAST_GAIN,
    TRIAL_CALIBRATION_IMAGES,
    Candidate,
    accuracy_front,
    evenly_spaced,
    finalize,
    measure_candidates,
    sample_candidates,
)
from dynofa_ros.offline.training.model_card import TrainingFacts, model_card, write_model_card
from dynofa_ros.offline.training.trainer import Trainer
from dynofa_ros.supernet.model import Model, half_precision, save_model
from dynofa_ros.supernet.supernet import Supernet


def write_trained_model(
    trainer: Trainer,
    images: ImageSets,
    *,
    options: argparse.Namespace,
    command: str,
    threads: int = 1,
) -> Model:
    """Select the best sub-networks; write the model folder and its card."""
    net = trainer.net.eval()
    train_data, held_out, test = images.training, images.held_out, images.test
    round_to_float16(net)
    selected = _select(trainer, train_data, held_out, options, threads)
    print(f'measuring {len(selected)} sub-networks on {len(test)} test images', flush=True)
    calibration = random_subset(train_data, CALIBRATION_IMAGES, seed=trainer.plan.seed)
    kept = finalize(net, selected, calibration=calibration, test=test, threads=threads)
    for each in kept:
        print(f'  {each.subnet_id}: {each.accuracy:.2%}', flush=True)
    move_to_device(net, torch.device('cpu'))
    labels = train_data.labels or tuple(map(str, range(net.spec.classes)))
    data = options.data_name or options.data.rstrip('/').rpartition('/')[2] or options.data
    record = images.write_record(options.out, data)
    model = Model(options.out.resolve().name, net, labels, tuple(kept), data=record)
    facts = TrainingFacts(
        plan=trainer.plan,
        data=data,
        initial_weights=options.initial_weights or '',
        processes=trainer.ranks.world_size,
        train_images=len(train_data),
        held_out_images=len(held_out),
        test_images=len(test),
        decoded_per_batch=train_data.decodes,
        command=command,
    )
    print_dropped(save_model(options.out, model, facts.to_dict()))
    write_model_card(options.out, model_card(model, facts))
    print(f'wrote the model with {len(kept)} sub-networks to {options.out}', flush=True)
    return model


def round_to_float16(net: Supernet) -> None:
    """Round the weights to the precision of the file, so that the stored weights are measured."""
    net.load_state_dict(half_precision(net.state_dict()))


def _select(
    trainer: Trainer,
    train_data: Dataset,
    held_out: Dataset,
    options: argparse.Namespace,
    threads: int,
) -> list[Candidate]:
    """Return the sub-networks to keep, measured on the held-out images."""
    net, plan = trainer.net, trainer.plan
    calibration = random_subset(train_data, TRIAL_CALIBRATION_IMAGES, seed=plan.seed)
    if plan.alone is not None:
        top1 = calibrated_top1(
            net, plan.alone, calibration=calibration, test=held_out, threads=threads
        )
        return [Candidate.of(net, plan.alone, top1)]
    configs = sample_candidates(net.space, count=options.candidates, seed=plan.seed)
    print(f'measuring {len(configs)} candidates on {len(held_out)} held-out images', flush=True)
    with reporting('measured', len(configs)) as report:
        candidates = measure_candidates(
            net,
            configs,
            calibration=calibration,
            held_out=held_out,
            report=report,
            threads=threads,
        )
    rows = [
        asdict(each.cost) | {'accuracy': each.accuracy, 'config': each.config.to_dict()}
        for each in candidates
    ]
    write_text(options.out / 'training' / 'tried.json', json.dumps(rows))
    front = accuracy_front(candidates, lambda each: each.cost.flops, least_gain=LEAST_GAIN)
    return evenly_spaced(front, options.keep)
