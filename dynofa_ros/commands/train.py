"""`dynofa train`: its options."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

# Read when a process starts: without them, each training step maps and unmaps its memory anew,
# and oneDNN compiles a kernel again for each of the thousands of shapes sub-networks have.
PROCESS_VARIABLES = {
    'MALLOC_MMAP_THRESHOLD_': str(512 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(4096 * 2**20),
    'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '20000',
    'LRU_CACHE_CAPACITY': '20000',
}


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    train = commands.add_parser('train', help='train a supernet and keep its best sub-networks')
    train.add_argument('--supernet', default='ofa_mbv3_cifar10', help='name of the supernet')
    train.add_argument('--data', type=Path, required=True, help='training images: folder or tar')
    train.add_argument('--test', type=Path, required=True, help='test images: folder or tar')
    train.add_argument('--out', type=Path, required=True, help='folder of the model')
    train.add_argument('--epochs', type=int, default=10)
    train.add_argument('--batch-size', type=int, default=128)
    train.add_argument('--peak-learning-rate', type=float, default=0.15)
    train.add_argument('--seed', type=int, default=0)
    train.add_argument('--held-out', type=int, default=2500, help='images that choose what is kept')
    train.add_argument('--keep', type=int, default=8, help='sub-networks to keep')
    train.add_argument(
        '--candidates', type=int, default=120, help='sub-networks to try on the held-out images'
    )
    train.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one for each core')
    train.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if any(name not in os.environ for name in PROCESS_VARIABLES):
        arguments = [sys.executable, '-m', 'dynofa_ros.cli', *sys.argv[1:]]
        os.execve(sys.executable, arguments, PROCESS_VARIABLES | os.environ)
    from dynofa_ros.offline.train_command import run_training  # torch reads them when it is loaded

    return run_training(options)
