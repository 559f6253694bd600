# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa evaluate`: measure the accuracy of sub-networks on images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    evaluate = commands.add_parser(
        'evaluate',
        help='measure top-1 and top-5 accuracy of sub-networks on images',
        description='Measure the accuracy of sub-networks on images, preprocessed as in the '
        'perception node. By default all sub-networks that the model keeps.',
    )
    add = evaluate.add_argument
    add('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    add(
        '--data',
        required=True,
        help='images: a folder, tar or zip file with one folder per class, a CSV table of file and '
        'label, or cifar10:FOLDER; of a set with train and test, the test images',
    )
    add(
        '--part',
        choices=('test', 'held-out', 'training', 'all'),
        help='images of --data by what they were in the training of the model; default: those that '
        'it did not see, or all if there are none',
    )
    add('--skip-bad', action='store_true', help='go on without images that cannot be read')
    add('--subnet', action='append', default=[], metavar='ID', help='a kept sub-network')
    add('--config', action='append', default=[], metavar='FILE.json', help='any sub-network')
    add('--smallest', action='store_true', help='smallest sub-network')
    add('--largest', action='store_true', help='largest sub-network')
    add('--sample', type=int, default=0, help='number of random sub-networks')
    add('--seed', type=int, default=0, help='seed of the random sub-networks')
    add(
        '--calibration',
        metavar='DATA',
        help='images to calibrate batch norm with, for sub-networks that the model does not keep',
    )
    add('--batch-size', type=int, default=128)
    add('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    add('--device', default='auto', help='auto, cpu or cuda')
    add('--json', type=Path, help='file for the figures')
    add(
        '--report',
        type=Path,
        metavar='FOLDER',
        help='folder for the accuracy of each class, the confusion matrix, the images that went '
        'wrong and all predictions, of each sub-network',
    )
    evaluate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.evaluation.run import run_evaluation

    return run_evaluation(options)
