"""`dynofa evaluate`: measure the top-1 of a model on images."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    evaluate = commands.add_parser('evaluate', help='measure the top-1 of a model on images')
    evaluate.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    evaluate.add_argument('--data', type=Path, required=True, help='images: folder or tar')
    evaluate.add_argument('--json', type=Path, help='file for the figures')
    evaluate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.dataset import load_dataset
    from dynofa_ros.offline.evaluate import top1
    from dynofa_ros.supernet import load_model

    model, data = load_model(options.model), load_dataset(options.data)
    if data.labels != model.labels:
        raise ValueError(
            f'{options.data} has classes {", ".join(data.labels)}; '
            f'{model.name} knows {", ".join(model.labels)}'
        )
    figures = []
    print(f'{"sub-network":<20} {"MFLOP":>7} {"top-1":>7} {"card":>7}   {len(data)} images')
    for kept in model.kept:
        start = time.monotonic()
        accuracy = top1(model.net, model.net.extract_subnet(kept.config), data, kept.config.r)
        seconds = time.monotonic() - start
        print(
            f'{kept.subnet_id:<20} {kept.flops / 1e6:7.1f} {accuracy:7.2%} {kept.accuracy:7.2%}'
            f'   {len(data) / seconds:.0f} images/s',
            flush=True,
        )
        figures.append({'subnet_id': kept.subnet_id, 'top1': accuracy, 'images': len(data)})
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + '\n')
    return 0
