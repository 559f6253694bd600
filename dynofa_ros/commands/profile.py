# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa profile`: measure sub-networks on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import keywords


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    profile = commands.add_parser(
        'profile',
        help='measure sub-networks on this machine',
        description='Measure every kept sub-network of a model with every engine and number of '
        'threads on this machine, interleaved, and write the profile that the perception node '
        'reads (its parameter profile). Nothing else should run on the machine.',
    )
    add = profile.add_argument
    add('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    add('--out', type=Path, required=True, help='file for the profile, JSON')
    add(
        '--engines',
        nargs='+',
        default=['auto'],
        metavar='NAME',
        help='auto (all that are installed), or any of openvino, onnxruntime and torch',
    )
    add(
        '--threads',
        nargs='+',
        type=int,
        metavar='N',
        help='numbers of CPU threads; default: 1, 2, 4 ... and one per core',
    )
    add('--rounds', type=int, default=30, help='timed runs of each sub-network')
    add('--app', default='perception', help='application name in the profile')
    add('--json', type=Path, help='file for all figures, including memory')
    profile.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.profiling.run import run_profile

    run_profile(**keywords(options))
    return 0
