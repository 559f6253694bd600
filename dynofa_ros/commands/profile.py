"""`dynofa profile`: its options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    profile = commands.add_parser(
        'profile',
        help='measure sub-networks on this machine',
        description='Measure every kept sub-network of a model with every engine and number of '
        'threads on this machine, in turns, and write the profile that the perception node reads '
        '(its parameter profile). The machine should do nothing else meanwhile.',
    )
    profile.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    profile.add_argument('--out', type=Path, required=True, help='file for the profile, JSON')
    profile.add_argument(
        '--engines',
        nargs='+',
        default=['auto'],
        metavar='NAME',
        help='auto (all that work here), or some of openvino, onnxruntime and torch',
    )
    profile.add_argument(
        '--threads',
        nargs='+',
        type=int,
        metavar='N',
        help='numbers of CPU threads; default: 1, 2, 4 ... and one for each core',
    )
    profile.add_argument('--rounds', type=int, default=30, help='timed runs of each')
    profile.add_argument('--app', default='perception', help='application that the profile names')
    profile.add_argument('--json', type=Path, help='file for all figures, also those of memory')
    profile.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.profiling.run import run_profile

    return run_profile(options)
