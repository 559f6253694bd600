"""`dynofa train`: train a supernet and keep its best sub-networks."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

# Read once at process start. Without them each training step maps and unmaps its memory, and oneDNN
# recompiles a kernel for each of the thousands of shapes of the sub-networks.
PROCESS_VARIABLES = {
    'MALLOC_MMAP_THRESHOLD_': str(512 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(4096 * 2**20),
    'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '20000',
    'LRU_CACHE_CAPACITY': '20000',
}


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    train = commands.add_parser(
        'train',
        help='train a supernet and keep its best sub-networks',
        description='Train a supernet, keep its best sub-networks, write a model. After an '
        'interruption the same command resumes. Supports torchrun.',
    )
    train.add_argument('--supernet', default='ofa_mbv3_cifar10', help='name of the supernet')
    train.add_argument(
        '--data',
        required=True,
        help='training images: a folder or tar file with one folder per class, a folder with '
        'train and test (or val), or cifar10:FOLDER',
    )
    train.add_argument('--test', help='test images, if --data has none')
    train.add_argument('--out', type=Path, required=True, help='folder of the model')
    train.add_argument('--initial-weights', help='start from a checkpoint file or a model')
    train.add_argument('--data-name', help='name of the data set in the model card')
    train.add_argument(
        '--held-out', type=int, default=2500, help='training images held out for the selection'
    )
    train.add_argument('--keep', type=int, default=8, help='sub-networks to keep')
    train.add_argument(
        '--candidates', type=int, default=120, help='sub-networks to evaluate for the selection'
    )
    train.add_argument('--device', default='auto', help='auto, cpu or cuda')
    train.add_argument(
        '--precision', default='auto', help='auto, float32, bfloat16 or float16 (GPU)'
    )
    train.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    train.add_argument('--seed', type=int, default=0)
    _add_plan(train)
    train.set_defaults(run=_run)


def _add_plan(train: argparse.ArgumentParser) -> None:
    plan = train.add_argument_group('plan', 'defaults depend on the family')
    how = plan.add_mutually_exclusive_group()
    how.add_argument('--method', help='sandwich or progressive')
    how.add_argument(
        '--alone',
        metavar='CONFIG.json|SUBNET_ID@MODEL',
        help='train one sub-network alone, as a baseline',
    )
    plan.add_argument('--epochs', type=int)
    plan.add_argument('--batch-size', type=int, help='over all processes')
    plan.add_argument(
        '--subnets-per-step',
        type=int,
        help='sandwich: 2 trains the largest and one other, 3 largest, smallest and a random one',
    )
    plan.add_argument('--optimizer', help='sgd, adamw or muon')
    plan.add_argument('--peak-learning-rate', type=float)
    plan.add_argument('--weight-decay', type=float)
    plan.add_argument('--label-smoothing', type=float)
    plan.add_argument('--gradient-clip', type=float, help='maximum norm of the gradient')
    plan.add_argument('--warmup', type=float, help='fraction of steps with rising learning rate')
    plan.add_argument('--climb', type=float, help='fraction of steps with rising resolution')


def _run(options: argparse.Namespace) -> int:
    if any(name not in os.environ for name in PROCESS_VARIABLES):
        arguments = [sys.executable, '-m', 'dynofa_ros.cli', *sys.argv[1:]]
        os.execve(sys.executable, arguments, PROCESS_VARIABLES | os.environ)
    from dynofa_ros.offline.training.run import run_training  # imports torch, which reads them

    return run_training(options)
