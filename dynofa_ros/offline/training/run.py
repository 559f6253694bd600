"""`dynofa train`: train a supernet, choose what is kept, write the model and its card."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from dynofa_ros.offline.data.dataset import Dataset, random_split, random_subset
from dynofa_ros.offline.data.readers import load_training_sets
from dynofa_ros.offline.evaluation.accuracy import calibrated_top1
from dynofa_ros.offline.evaluation.selection import TRIAL_CALIBRATION_IMAGES
from dynofa_ros.offline.progress_report import Report, reporting
from dynofa_ros.offline.training.config import TrainingPlan, default_plan
from dynofa_ros.offline.training.distributed import Ranks, join_ranks, local_rank
from dynofa_ros.offline.training.export import write_trained_model
from dynofa_ros.offline.training.log import TrainingLog, draw_curves
from dynofa_ros.offline.training.precision import choose_device, choose_precision
from dynofa_ros.offline.training.trainer import Progress, Trainer, train
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import load_model
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import create_supernet


def load_initial_weights(net: Supernet, source: str) -> None:
    """Load weights from a checkpoint file, or from a model: its name or its folder.

    Raises:
        ValueError: if the file does not fit, or the model is of another supernet.
    """
    if Path(source).is_file():
        net.load_checkpoint(source)
        return
    model = load_model(source)
    if model.net.spec.name != net.spec.name:
        raise ValueError(
            f'initial weights {source} are of {model.net.spec.name}; {net.spec.name} is trained'
        )
    net.load_state_dict(model.net.state_dict())


def read_subnet(net: Supernet, source: str) -> SubnetConfig:
    """Return the sub-network of ``CONFIG.json`` or ``SUBNET_ID@MODEL``, in canonical form.

    Raises:
        ValueError: if there is none, or the supernet does not contain it.
    """
    subnet_id, at, model = source.rpartition('@')
    if at and not Path(source).is_file():
        return net.space.canonical(load_model(model).subnet(subnet_id).config)
    return net.space.canonical(read_config(Path(source)))


def read_config(path: Path) -> SubnetConfig:
    """Read a sub-network's config from a JSON file.

    Raises:
        ValueError: naming the file, and what is wrong with it.
    """
    try:
        return SubnetConfig.from_dict(json.loads(path.read_text()))
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from error
    except ValueError as error:
        raise ValueError(f'{path} holds no sub-network config: {error}') from error


def run_training(options: argparse.Namespace) -> int:
    """Run the command; what was done before is not done again. Returns the exit code.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    device = choose_device(options.device, local_rank=local_rank())
    ranks = join_ranks(device)
    try:
        return _run(options, device, ranks)
    finally:
        ranks.leave()


def _run(options: argparse.Namespace, device: torch.device, ranks: Ranks) -> int:
    threads = options.threads or max(1, len(os.sched_getaffinity(0)) // ranks.local_count)
    torch.set_num_threads(threads)
    say = _print if ranks.is_first else _silence
    torch.manual_seed(options.seed)
    net = create_supernet(options.supernet)
    plan = _plan(options, net, device, say)
    if options.initial_weights:
        load_initial_weights(net, options.initial_weights)
    say(f'reading {options.data}')
    everything, test = load_training_sets(options.data, options.test)
    train_data, held_out = random_split(everything, options.held_out, seed=options.seed)
    if train_data.labels and len(train_data.labels) != net.spec.classes:
        raise ValueError(
            f'{options.data} has {len(train_data.labels)} classes; {options.supernet} has '
            f'{net.spec.classes}'
        )
    work = options.out / 'training'
    trainer = Trainer(
        net.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        train_data,
        plan,
        work / 'checkpoint.pt',
        ranks=ranks,
        device=device,
    )
    resumed = trainer.resume()
    say(
        f'{"resuming at" if resumed else "training from"} step {trainer.step} of {trainer.steps}, '
        f'{len(train_data)} images; Ctrl-C stops, the same command resumes'
    )
    caught = _train(trainer, train_data, held_out)
    if caught is not None:
        say(f'saved at step {trainer.step} of {trainer.steps}; the same command resumes')
        return 128 + caught
    ranks.leave()  # the others are done, and nobody waits for the first to measure and write
    if ranks.is_first:
        write_trained_model(
            trainer,
            train_data,
            held_out,
            test,
            options=options,
            command=portable_command(sys.argv[1:]),
            threads=threads,
        )
    return 0


def _plan(
    options: argparse.Namespace,
    net: Supernet,
    device: torch.device,
    say: Callable[[str], None],
) -> TrainingPlan:
    """Return what was asked for, and the family's defaults for the rest."""
    precision = choose_precision(options.precision, device)
    say(f'{device.type}, {precision.name}: {precision.reason}')
    asked = {
        field.name: value
        for field in dataclasses.fields(TrainingPlan)
        if (value := getattr(options, field.name, None)) is not None
    }
    asked['precision'] = precision.name
    if options.alone:
        asked |= {'alone': read_subnet(net, options.alone), 'method': 'alone'}
    return TrainingPlan(**(default_plan(net) | asked))


def _train(trainer: Trainer, train_data: Dataset, held_out: Dataset) -> int | None:
    """Train with a log, curves and a report; return the signal that stopped it, if one did."""
    first = trainer.ranks.is_first
    work = trainer.checkpoint.parent
    calibration = random_subset(train_data, TRIAL_CALIBRATION_IMAGES, seed=trainer.plan.seed)
    log = TrainingLog(work / 'log.jsonl', first_step=trainer.step) if first else None

    def note(progress: Progress) -> None:
        if log is None:
            return
        log.step(progress)
        if progress.ends_epoch:
            top1 = held_out_top1(trainer, calibration, held_out)
            log.held_out(progress, top1)
            draw_curves(work / 'log.jsonl', work / 'curves.png', title=work.parent.name)
            _print(
                f'epoch {progress.step // progress.steps_per_epoch}: held-out top-1 '
                + ', '.join(f'{name} {value:.1%}' for name, value in top1.items())
            )

    with _signals() as caught, _progress(trainer) as report:
        done = train(
            trainer,
            log=note,
            report=lambda progress: report(progress.step, _told(progress)),
            stop=lambda: bool(caught),
        )
    if done:
        return None
    return caught[0] if caught else int(signal.SIGTERM)  # another rank's, if not this one's


def held_out_top1(trainer: Trainer, calibration: Dataset, held_out: Dataset) -> dict[str, float]:
    """Return the top-1 of the smallest and the largest sub-network, or of the one that is trained.

    Batch norm is calibrated for each; nothing of that stays in the network.
    """
    net = trainer.net
    configs: dict[str, SubnetConfig] = {
        'smallest': net.space.min_config(),
        'largest': net.space.max_config(),
    }
    if trainer.plan.alone is not None:
        configs = {'alone': trainer.plan.alone}
    top1 = {}
    for name, config in configs.items():
        top1[name] = calibrated_top1(net, config, calibration=calibration, test=held_out)
        net.statistics.pop(net.space.canonical(config), None)
    return top1


def portable_command(arguments: Sequence[str]) -> str:
    """Return the command as others can use it: without the folders of this machine."""
    shown = [re.sub(r'(^|[=:@])[\w.~/-]*/(?=[^/])', r'\1', each.rstrip('/')) for each in arguments]
    return shlex.join(['dynofa', *shown])


def _told(progress: Progress) -> str:
    return (
        f'loss {progress.loss:.3f}, top-1 on this batch {progress.accuracy:.1%}, '
        f'{progress.seconds_per_step:.2f} s a step, {progress.remaining_s / 60:.0f} min to go'
    )


@contextmanager
def _progress(trainer: Trainer) -> Iterator[Report]:
    if not trainer.ranks.is_first:
        yield lambda done, text='': None
        return
    with reporting('step', trainer.steps, done=trainer.step) as report:
        yield report


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; a second one is not collected."""
    caught: list[int] = []
    before: dict[int, Any] = {}

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[number])

    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        before[number] = signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(line: str) -> None:
    print(line, flush=True)


def _silence(line: str) -> None:
    pass
