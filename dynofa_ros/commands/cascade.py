# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa cascade`: calibrated scores, and cascades of a model's sub-networks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import keywords, require


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    cascade = commands.add_parser(
        'cascade',
        help='calibrate scores and find cascades of sub-networks',
        description='Run the kept sub-networks of a model on labelled images that were not trained '
        'on. One part of them chooses temperatures and thresholds, the other measures. Writes '
        'temperatures, cascades, scores.npz, pictures and the card into the folder of the model.',
    )
    add = cascade.add_argument
    add('--model', required=True, help='model: name or folder')
    add('--data', required=True, help='images: folder, tar or zip file, CSV table, cifar10:FOLDER')
    add('--choose-on', type=float, default=0.5, help='share of the images that chooses')
    add('--profile', type=Path, help="the target's profile: its energy and latency decide")
    add('--engine', default='auto', help='openvino, onnxruntime, torch, or auto')
    add('--keep', type=int, default=8, help='maximum cascades to keep')
    add('--threads', type=int, default=0, help='CPU threads; 0: one per core')
    add('--seed', type=int, default=0, help='of the division of the images')
    add('--json', type=Path, help='file for the figures')
    cascade.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    require('scipy', extra='train')
    from dynofa_ros.offline.cascade.run import CascadeOptions, run_cascade
    from dynofa_ros.report.cascade_front import cascade_table, draw_pictures
    from dynofa_ros.supernet.model import model_folder

    figures = run_cascade(CascadeOptions(**keywords(options)))
    folder = model_folder(options.model)
    draw_pictures(figures, folder)
    print(cascade_table(figures))
    print(f'{folder} contains {len(figures["cascades"])} cascades; next:')
    print(f'  ros2 run dynofa_ros perception_node --ros-args -p model:={options.model}', flush=True)
    return 0
