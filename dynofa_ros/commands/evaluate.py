"""`dynofa evaluate`: its options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DATA = (
    'images: a folder or tar file with one folder per class, a folder with images/ and labels.csv, '
    'or cifar10:FOLDER (its test images)'
)


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    evaluate = commands.add_parser(
        'evaluate',
        help='measure top-1 and top-5 of sub-networks on images',
        description='Measure sub-networks of a model on images, prepared as the perception node '
        'prepares them. Without a choice of sub-networks: all that the model keeps.',
    )
    evaluate.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    evaluate.add_argument('--data', required=True, help=DATA)
    evaluate.add_argument('--subnet', action='append', default=[], metavar='ID', help='a kept one')
    evaluate.add_argument(
        '--config', action='append', default=[], metavar='FILE.json', help='any sub-network'
    )
    evaluate.add_argument('--smallest', action='store_true', help='the smallest of the supernet')
    evaluate.add_argument('--largest', action='store_true', help='the largest of the supernet')
    evaluate.add_argument('--sample', type=int, default=0, help='so many random sub-networks')
    evaluate.add_argument('--seed', type=int, default=0, help='of the random sub-networks')
    evaluate.add_argument(
        '--calibration',
        metavar='DATA',
        help='images to calibrate batch norm with, for sub-networks that the model does not keep',
    )
    evaluate.add_argument('--batch-size', type=int, default=128)
    evaluate.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one a core')
    evaluate.add_argument('--device', default='auto', help='auto, cpu or cuda')
    evaluate.add_argument('--json', type=Path, help='file for the figures')
    evaluate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.evaluation.run import run_evaluation

    return run_evaluation(options)
