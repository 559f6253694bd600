# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa search`: find accurate and fast sub-networks, and measure them on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import require


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    search = commands.add_parser('search', help='find accurate and fast sub-networks for a machine')
    add = search.add_argument
    add(
        '--model',
        default='ofa_mbv3_cifar10',
        help='model: name or folder; with --predictor or --table also the name of a supernet',
    )
    add('--data', help='the data set of the training, as in dynofa train')
    add('--test', help='test images; default: those of the training')
    add('--out', type=Path, required=True, help='folder for the results')
    accuracy = search.add_mutually_exclusive_group()
    accuracy.add_argument(
        '--predictor', type=Path, help="accuracy predictor: a saved one, or Once-for-All's .pth"
    )
    accuracy.add_argument('--table', type=Path, help='measured accuracies, JSON Lines')
    add('--samples', type=int, default=80, help='sub-networks whose accuracy is measured')
    add('--latency-samples', type=int, default=40, help='sub-networks timed for the ranking')
    add('--population', type=int, default=48)
    add('--generations', type=int, default=40)
    add('--keep', type=int, default=8, help='maximum sub-networks to keep')
    add('--rounds', type=int, default=15, help='timed runs of each sub-network of the front')
    add(
        '--engine',
        default='auto',
        help='engine for timing: openvino, onnxruntime, torch, or auto, the fastest here',
    )
    add('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    add('--seed', type=int, default=0)
    add(
        '--held-out',
        metavar='FRACTION|NUMBER',
        help='images of --data that select; only for a model that does not list the images of its '
        'training, and only if it was not trained on these',
    )
    add('--held-out-seed', type=int, default=0, help='seed that draws them')
    add('--skip-bad', action='store_true', help='go on without images that cannot be read')
    add('--trial-images', type=int, default=1000, help='held-out images for measured accuracy')
    add('--app', default='perception', help='application name in the profile')
    search.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    require('pymoo', 'scipy', extra='search')
    from dynofa_ros.offline.search.run import run_search
    from dynofa_ros.report.cascade_front import cascade_table, draw_pictures
    from dynofa_ros.report.front import draw_front, front_table

    figures = run_search(options)
    draw_front(figures, options.out / 'front.png')
    print(front_table(figures))
    if cascades := figures.get('cascades'):
        draw_pictures(cascades, options.out)
        print(cascade_table(cascades))
    print(f'{options.out} contains profile.json, search.json and front.png', flush=True)
    return 0
