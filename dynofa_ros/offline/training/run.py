# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa train`: train a supernet, select sub-networks, write the model and its card."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from dynofa_ros.offline.console import Report, reporting
from dynofa_ros.offline.data.dataset import Dataset, listed, random_subset
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.data.split import parse_amount
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.offline.evaluation.selection import TRIAL_CALIBRATION_IMAGES
from dynofa_ros.offline.training.config import TrainingPlan, default_plan
from dynofa_ros.offline.training.distributed import Ranks, join_ranks, local_rank
from dynofa_ros.offline.training.export import write_trained_model
from dynofa_ros.offline.training.hardware import available_threads, choose_device, choose_precision
from dynofa_ros.offline.training.images import check_indices, fitting_batch_size, load_images
from dynofa_ros.offline.training.initial_weights import InitialWeights, choose_architecture
from dynofa_ros.offline.training.log import TrainingLog, draw_curves
from dynofa_ros.offline.training.trainer import Progress, Trainer, train
from dynofa_ros.supernet.architecture import resized
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import load_model
from dynofa_ros.supernet.supernet import Supernet


def run_training(options: argparse.Namespace) -> int:
    """Run the command, resuming an interrupted run; return the exit code.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    parse_amount(options.held_out)
    device = choose_device(options.device, local_rank=local_rank())
    ranks = join_ranks(device)
    try:
        return _run(options, device, ranks)
    finally:
        ranks.leave()


def _run(options: argparse.Namespace, device: torch.device, ranks: Ranks) -> int:
    threads = available_threads(options.threads, processes=ranks.local_world_size)
    torch.set_num_threads(threads)
    initial = InitialWeights.find(options.initial_weights) if options.initial_weights else None
    name, architecture = choose_architecture(
        options.supernet, initial, resolutions=options.resolutions, width=options.width
    )
    with torch.device('meta'):  # without weights, so that faults show before images are read
        net = architecture.build(name)
    plan = _plan(options, net, device, ranks)
    ranks.log(f'reading {options.data}')
    images = load_images(
        options.data,
        options.test,
        held_out=parse_amount(options.held_out),
        seed=options.seed,
        earlier=initial.images if initial is not None else None,
        reader=Reader(options.skip_bad, threads, ranks.log, progress=ranks.is_first),
    )
    train_data, held_out = images.training, images.held_out
    if images.labels:
        architecture = resized(architecture, classes=len(images.labels))
        ranks.log(f'{len(images.labels)} classes: {listed(images.labels)}')
    else:
        check_indices(train_data, options.data, architecture.classes)
    torch.manual_seed(options.seed)
    net = architecture.build(name)
    if initial is not None:
        ranks.log(initial.load(net, images.labels))
    plan = _fitting(plan, options, len(train_data), ranks)
    trainer = Trainer(
        net.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        train_data,
        plan,
        options.out / 'training' / 'checkpoint.pt',
        ranks=ranks,
        device=device,
    )
    resumed = trainer.resume()
    ranks.log(
        f'{"resuming at" if resumed else "training from"} step {trainer.step} of {trainer.steps}, '
        f'{len(train_data)} images; Ctrl-C stops, the same command resumes'
    )
    stop_signal = _train(trainer, train_data, held_out)
    if stop_signal is not None:
        ranks.log(f'saved at step {trainer.step} of {trainer.steps}; the same command resumes')
        return 128 + stop_signal
    ranks.leave()  # the others end here, so none waits while the first measures and writes
    if ranks.is_first:
        write_trained_model(
            trainer,
            images,
            options=options,
            command=portable_command(sys.argv[1:]),
            threads=threads,
        )
    return 0


def _plan(
    options: argparse.Namespace, net: Supernet, device: torch.device, ranks: Ranks
) -> TrainingPlan:
    """Return the plan from the options and, for the rest, the family's defaults."""
    precision = choose_precision(options.precision, device)
    ranks.log(f'{device.type}, {precision.name}: {precision.reason}')
    given = {
        field.name: value
        for field in dataclasses.fields(TrainingPlan)
        if (value := getattr(options, field.name, None)) is not None
    }
    given['precision'] = precision.name
    if options.alone:
        given |= {'alone': read_subnet(net, options.alone), 'method': 'alone'}
    return TrainingPlan(**(default_plan(net) | given))


def _fitting(
    plan: TrainingPlan, options: argparse.Namespace, images: int, ranks: Ranks
) -> TrainingPlan:
    """Return the plan with a batch size that fits the images, unless it was given.

    The learning rate of SGD is proportional to it (arXiv 1706.02677, section 2.1).
    """
    size = fitting_batch_size(plan.batch_size, images, ranks.world_size)
    if options.batch_size is not None or size == plan.batch_size:
        return plan
    ranks.log(f'batch size {size}, for {images} images')
    rate = plan.peak_learning_rate
    if options.peak_learning_rate is None and plan.optimizer == 'sgd':
        rate *= size / plan.batch_size
    return dataclasses.replace(plan, batch_size=size, peak_learning_rate=rate)


def _train(trainer: Trainer, train_data: Dataset, held_out: Dataset) -> int | None:
    """Train with log, curves and progress; return the signal that stopped the run, if any."""
    first = trainer.ranks.is_first
    folder = trainer.checkpoint.parent
    calibration = random_subset(train_data, TRIAL_CALIBRATION_IMAGES, seed=trainer.plan.seed)
    log = TrainingLog(folder / 'log.jsonl', first_step=trainer.step) if first else None
    progress_bar: AbstractContextManager[Report] = nullcontext(lambda done, text='': None)
    if first:
        progress_bar = reporting('step', trainer.steps, done=trainer.step)

    def on_step(progress: Progress) -> None:
        if log is None:
            return
        log.step(progress)
        if progress.ends_epoch:
            top1 = held_out_top1(trainer, calibration, held_out)
            log.held_out(progress, top1)
            draw_curves(folder / 'log.jsonl', folder / 'curves.png', title=folder.parent.name)
            figures = ', '.join(f'{name} {value:.1%}' for name, value in top1.items())
            epoch = progress.step // progress.steps_per_epoch
            print(f'epoch {epoch}: held-out top-1 {figures}', flush=True)
        report(progress.step, _status(progress))

    with _stop_signals() as received, progress_bar as report:
        done = train(trainer, on_step=on_step, stop=lambda: bool(received))
    if done:
        return None
    return received[0] if received else int(signal.SIGTERM)  # another rank received it


def held_out_top1(trainer: Trainer, calibration: Dataset, held_out: Dataset) -> dict[str, float]:
    """Return the top-1 of the smallest and largest sub-network, or of the one trained alone.

    Batch norm is calibrated for each; the network keeps none of these statistics.
    """
    net = trainer.net
    configs = {'smallest': net.space.min_config(), 'largest': net.space.max_config()}
    if trainer.plan.alone is not None:
        configs = {'alone': trainer.plan.alone}
    return {
        name: calibrated_top1(
            net, config, calibration=calibration, test=held_out, keep_statistics=False
        )
        for name, config in configs.items()
    }


def _status(progress: Progress) -> str:
    return (
        f'loss {progress.loss:.3f}, batch top-1 {progress.accuracy:.1%}, '
        f'{progress.seconds_per_step:.2f} s/step, {progress.remaining_s / 60:.0f} min remaining'
    )


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect the first Ctrl-C and the first SIGTERM; a second one has its usual effect."""
    received: list[int] = []
    handlers: dict[int, Any] = {}

    def collect(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, handlers[number])

    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        handlers[number] = signal.signal(number, collect)
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def read_subnet(net: Supernet, source: str) -> SubnetConfig:
    """Return the sub-network given as ``CONFIG.json`` or ``SUBNET_ID@MODEL``, in canonical form.

    Raises:
        ValueError: if it does not exist, or the supernet does not contain it.
    """
    subnet_id, at, model = source.rpartition('@')
    if at and not Path(source).is_file():
        return net.space.canonical(load_model(model).subnet(subnet_id).config)
    return net.space.canonical(read_config(Path(source)))


def read_config(path: Path) -> SubnetConfig:
    """Read a sub-network's config from a JSON file.

    Raises:
        ValueError: naming the file and its fault.
    """
    try:
        return SubnetConfig.from_dict(json.loads(path.read_text()))
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} holds no sub-network config: {error}') from error


def portable_command(arguments: Sequence[str]) -> str:
    """Return the command line without the folders of this machine."""
    portable = [
        re.sub(r'(^|[=:@])[\w.~/-]*/(?=[^/])', r'\1', each.rstrip('/')) for each in arguments
    ]
    return shlex.join(['dynofa', *portable])
