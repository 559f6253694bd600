"""The command `dynofa`: what runs before deployment, on any machine, with ROS or without."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Read when a process starts: without them, each training step maps and unmaps its memory anew,
# and oneDNN compiles a kernel again for each of the thousands of shapes sub-networks have.
PROCESS_VARIABLES = {
    'MALLOC_MMAP_THRESHOLD_': str(512 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(4096 * 2**20),
    'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '20000',
    'LRU_CACHE_CAPACITY': '20000',
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ValueError as error:
        print(f'dynofa {options.command}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'dynofa {options.command}: interrupted', file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='dynofa', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    train = commands.add_parser('train', help='train a supernet and keep its best sub-networks')
    train.add_argument('--supernet', default='ofa_mbv3_cifar10', help='name of the supernet')
    train.add_argument('--data', type=Path, required=True, help='training images: folder or tar')
    train.add_argument('--test', type=Path, required=True, help='test images: folder or tar')
    train.add_argument('--out', type=Path, required=True, help='folder of the model')
    train.add_argument('--epochs', type=int, default=10)
    train.add_argument('--batch-size', type=int, default=128)
    train.add_argument('--peak-learning-rate', type=float, default=0.15)
    train.add_argument('--seed', type=int, default=0)
    train.add_argument('--held-out', type=int, default=2500, help='images that choose what is kept')
    train.add_argument('--keep', type=int, default=8, help='sub-networks to keep')
    train.add_argument(
        '--candidates', type=int, default=120, help='sub-networks to try on the held-out images'
    )
    train.add_argument('--threads', type=int, default=0, help='CPU threads; 0: one for each core')
    train.set_defaults(run=_train)
    evaluate = commands.add_parser('evaluate', help='measure the top-1 of a model on images')
    evaluate.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    evaluate.add_argument('--data', type=Path, required=True, help='images: folder or tar')
    evaluate.add_argument('--json', type=Path, help='file for the figures')
    evaluate.set_defaults(run=_evaluate)
    return parser


def _train(options: argparse.Namespace) -> int:
    if any(name not in os.environ for name in PROCESS_VARIABLES):
        arguments = [sys.executable, '-m', 'dynofa_ros.cli', *sys.argv[1:]]
        os.execve(sys.executable, arguments, PROCESS_VARIABLES | os.environ)
    from dynofa_ros.offline.train_command import run_training  # torch reads them when it is loaded

    return run_training(options)


def _evaluate(options: argparse.Namespace) -> int:
    import json

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


if __name__ == '__main__':
    sys.exit(main())
