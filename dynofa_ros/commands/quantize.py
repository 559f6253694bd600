"""`dynofa quantize`: its options."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    quantize = commands.add_parser(
        'quantize',
        help='make int8 sub-networks of a model and measure what they gain and cost',
        description='Make an int8 sub-network of each float32 one that a model keeps, without '
        'training, and measure both through one engine: accuracy, latency, size.',
    )
    quantize.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    quantize.add_argument(
        '--data',
        required=True,
        help='training images, of which some calibrate: a folder or tar file with one folder per '
        'class, a folder that holds train and test (or val), or cifar10:FOLDER',
    )
    quantize.add_argument('--test', help='test images, where --data holds none')
    quantize.add_argument(
        '--out',
        type=Path,
        required=True,
        help='folder of the new model; the folder of the model itself: add to it, or replace the '
        'int8 sub-networks that it has',
    )
    quantize.add_argument(
        '--subnets', nargs='+', default=[], metavar='ID', help='kept ones; all if none is named'
    )
    quantize.add_argument(
        '--engine',
        default='auto',
        choices=('auto', 'openvino', 'onnxruntime'),
        help='engine that runs both; auto: openvino, or onnxruntime where that is missing',
    )
    quantize.add_argument('--calibration-images', type=int, default=300)
    quantize.add_argument('--seed', type=int, default=0, help='of the draw of calibration images')
    quantize.add_argument(
        '--test-images', type=int, default=0, help='test images to draw for a quick look; 0: all'
    )
    quantize.add_argument('--rounds', type=int, default=25, help='timed runs of each sub-network')
    quantize.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one a core')
    quantize.add_argument('--json', type=Path, help='file for the figures')
    quantize.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    for package in ('nncf', 'onnx'):
        if find_spec(package) is None:
            raise ValueError(f"{package} is not installed: pip install 'dynofa_ros[quantize]'")
    from dynofa_ros.offline.quantization.run import run_quantization

    run_quantization(options)
    return 0
