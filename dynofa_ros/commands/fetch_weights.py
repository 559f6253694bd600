"""`dynofa fetch-weights`: download the official weights of a supernet."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynofa_ros.offline.weights.fetch import FetchedWeights


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    fetch = commands.add_parser(
        'fetch-weights',
        help='download the official weights of a supernet',
        description='Download the official weights of a supernet and verify them. A download that '
        'was cut off goes on where it stopped.',
    )
    fetch.add_argument('name', nargs='?', metavar='NAME', help='supernet; --list shows them')
    fetch.add_argument('--list', action='store_true', help='show what can be fetched, and is here')
    fetch.add_argument(
        '--to', type=Path, metavar='FOLDER', help='default: the folder dynofa_ros of the cache'
    )
    fetch.add_argument('--url', help='another address of the same file')
    fetch.add_argument('--sha256', help='of the file, in place of the official checksum')
    fetch.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from dynofa_ros.offline.weights.fetch import fetch_weights, progress
    from dynofa_ros.supernet.official_weights import Checksum, cache_folder, official_weights

    folder = options.to or cache_folder()
    if options.list:
        _list(folder)
        return 0
    if options.name is None:
        raise ValueError('name a supernet, or see --list')
    weights = official_weights(options.name)
    expected = Checksum('sha256', options.sha256.lower()) if options.sha256 else None
    with progress(weights.name, Console(stderr=True)) as report:
        fetched = fetch_weights(weights, folder, report, url=options.url, expected=expected)
    print(_summary(fetched))
    return 0


def _summary(fetched: FetchedWeights) -> str:
    came = 'fetched' if fetched.downloaded else 'already here'
    return (
        f'{fetched.path}: {came}, {fetched.size_bytes / 1e6:.1f} MB, {fetched.verified} verified\n'
        f"load it: create_supernet('{fetched.path.name}').load_checkpoint('{fetched.path}')"
    )


def _list(folder: Path) -> None:
    from dynofa_ros.supernet.official_weights import OFFICIAL_WEIGHTS

    for weights in OFFICIAL_WEIGHTS.values():
        path, size = folder / weights.name, weights.size_bytes
        if path.is_file():
            size = path.stat().st_size
        print(
            f'{weights.name:<34} {f"{size / 1e6:.1f} MB" if size else "size unknown":>12}  '
            f'{"here" if path.is_file() else "not here"}\n'
            f'    {weights.url}\n    {weights.checksum}'
        )
    print(f'in {folder}')
