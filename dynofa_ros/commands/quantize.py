# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa quantize`: make int8 sub-networks of a model, measured against float32."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import keywords, require


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    quantize = commands.add_parser(
        'quantize',
        help='make int8 sub-networks of a model and measure their gain and cost',
        description='Quantise each float32 sub-network that a model keeps to int8, without '
        'training, and measure accuracy, latency and size of both with one engine.',
    )
    add = quantize.add_argument
    add('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    add(
        '--data',
        required=True,
        help='the data set of the training, as in dynofa train; some training images are used for '
        'calibration',
    )
    add('--test', help='test images; default: those of the training')
    add('--skip-bad', action='store_true', help='go on without images that cannot be read')
    add(
        '--out',
        type=Path,
        required=True,
        help='folder of the new model; the folder of the model itself: add int8 sub-networks to '
        'it, or replace those it has',
    )
    add('--subnets', nargs='+', default=[], metavar='ID', help='kept sub-networks; default: all')
    add(
        '--engine',
        default='auto',
        choices=('auto', 'openvino', 'onnxruntime'),
        help='engine for both; auto: openvino, or onnxruntime if that is not installed',
    )
    add('--calibration-images', type=int, default=300, help='default: 300, as in NNCF')
    add('--seed', type=int, default=0, help='seed of the calibration images')
    add('--test-images', type=int, default=0, help='random subset of the test images; 0: all')
    add('--rounds', type=int, default=25, help='timed runs of each sub-network')
    add('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    add('--json', type=Path, help='file for the figures')
    quantize.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    require('nncf', 'onnx', extra='quantize')
    from dynofa_ros.offline.quantization.run import QuantizationOptions, run_quantization

    run_quantization(QuantizationOptions(**keywords(options)))
    return 0
