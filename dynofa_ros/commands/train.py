# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
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
    add = train.add_argument
    add(
        '--supernet',
        metavar='NAME|FILE.yaml',
        help='a supernet, or a file that describes one; default: that of the model of --from, '
        'otherwise ofa_mbv3_cifar10. The classes are those of the images',
    )
    add('--resolutions', type=int, nargs='+', metavar='R', help='sides of the input [pixel]')
    add('--width', type=float, help='width multiplier of all channels')
    add(
        '--data',
        required=True,
        help='images: a folder, tar or zip file with one folder per class, or with train, val and '
        'test; a CSV table of file and label; or cifar10:FOLDER. Without test images, a tenth of '
        'each class is split off for the test',
    )
    add('--test', help='test images; default: those of --data')
    add('--skip-bad', action='store_true', help='go on without images that cannot be read')
    add('--out', type=Path, required=True, help='folder of the model')
    add(
        '--from',
        '--initial-weights',
        dest='initial_weights',
        metavar='MODEL|FILE',
        help='start from a model or a checkpoint file, with a new head for other classes',
    )
    add('--data-name', help='name of the data set in the model card')
    add(
        '--held-out',
        metavar='FRACTION|NUMBER',
        help='training images, of all classes, held out for the selection; default: 0.1, at most '
        '2500 images',
    )
    add('--keep', type=int, default=8, help='sub-networks to keep')
    add('--candidates', type=int, default=120, help='sub-networks to evaluate for the selection')
    add('--device', default='auto', help='auto, cpu or cuda')
    add('--precision', default='auto', help='auto, float32, bfloat16 or float16 (GPU)')
    add('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    add('--seed', type=int, default=0)
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
    add = plan.add_argument
    add('--epochs', type=int)
    add('--batch-size', type=int, help='over all processes')
    add(
        '--subnets-per-step',
        type=int,
        help='sandwich: 2 trains the largest and one other, 3 largest, smallest and a random one',
    )
    add('--optimizer', help='sgd, adamw or muon')
    add('--peak-learning-rate', type=float)
    add('--weight-decay', type=float)
    add('--label-smoothing', type=float)
    add('--gradient-clip', type=float, help='maximum norm of the gradient')
    add('--warmup', type=float, help='fraction of steps with rising learning rate')
    add('--climb', type=float, help='fraction of steps with rising resolution')


def _run(options: argparse.Namespace) -> int:
    if any(name not in os.environ for name in PROCESS_VARIABLES):
        arguments = [sys.executable, '-m', 'dynofa_ros.cli', *sys.argv[1:]]
        os.execve(sys.executable, arguments, PROCESS_VARIABLES | os.environ)
    from dynofa_ros.offline.training.run import run_training  # imports torch, which reads them

    return run_training(options)
