"""`dynofa search`: find accurate and fast sub-networks, and measure them on this machine."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    search = commands.add_parser('search', help='find accurate and fast sub-networks for a machine')
    search.add_argument(
        '--model',
        default='ofa_mbv3_cifar10',
        help='model: name or folder; or, with a predictor or table, the name of a supernet',
    )
    search.add_argument('--data', help='training images: folder, tar or cifar10:FOLDER')
    search.add_argument('--test', help='test images: folder or tar')
    search.add_argument('--out', type=Path, required=True, help='folder for what is found')
    accuracy = search.add_mutually_exclusive_group()
    accuracy.add_argument(
        '--predictor', type=Path, help="accuracy predictor: a saved one, or Once-for-All's .pth"
    )
    accuracy.add_argument('--table', type=Path, help='measured accuracies, one JSON row a line')
    search.add_argument(
        '--samples', type=int, default=80, help='sub-networks to measure the accuracy of'
    )
    search.add_argument(
        '--latency-samples', type=int, default=40, help='sub-networks to time for the ranking'
    )
    search.add_argument('--population', type=int, default=48)
    search.add_argument('--generations', type=int, default=40)
    search.add_argument('--keep', type=int, default=8, help='sub-networks to keep at most')
    search.add_argument('--rounds', type=int, default=15, help='timed runs of each of the front')
    search.add_argument(
        '--engine',
        default='auto',
        help='engine to time with: openvino, onnxruntime, torch, or auto, the fastest here',
    )
    search.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one for each core')
    search.add_argument('--seed', type=int, default=0)
    search.add_argument(
        '--held-out', type=int, default=2500, help='training images that were not trained on'
    )
    search.add_argument('--held-out-seed', type=int, default=0, help='seed of the training')
    search.add_argument(
        '--trial-images', type=int, default=1000, help='held-out images to try sub-networks on'
    )
    search.add_argument('--app', default='perception', help='application that the profile names')
    search.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if find_spec('pymoo') is None:
        raise ValueError("pymoo is not installed: pip install 'dynofa_ros[search]'")
    from dynofa_ros.offline.search.run import run_search
    from dynofa_ros.report.front import draw_front, front_table

    figures = run_search(options)
    draw_front(figures, options.out / 'front.png')
    print(front_table(figures))
    print(f'{options.out} holds profile.json, search.json and front.png', flush=True)
    return 0
