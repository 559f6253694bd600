# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa fetch-weights`: download the official weights of a supernet."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    fetch = commands.add_parser(
        'fetch-weights',
        help='download the official weights of a supernet',
        description='Download the official weights of a supernet and verify their checksum. An '
        'interrupted download resumes.',
    )
    add = fetch.add_argument
    add('name', nargs='?', metavar='NAME', help='supernet, as listed by --list')
    add('--list', action='store_true', help='list supernets and downloaded files')
    add('--to', type=Path, metavar='FOLDER', help='default: dynofa_ros in the cache folder')
    add('--url', help='another address of the same file')
    add('--sha256', help='expected SHA-256; replaces the official checksum')
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
        raise ValueError('NAME is missing; expected a supernet, as listed by --list')
    weights = official_weights(options.name)
    expected = Checksum('sha256', options.sha256.lower()) if options.sha256 else None
    with progress(weights.name, Console(stderr=True)) as report:
        fetched = fetch_weights(weights, folder, report, url=options.url, expected=expected)
    print(
        f'{fetched.path}: {"downloaded" if fetched.downloaded else "already downloaded"}, '
        f'{fetched.size_bytes / 1e6:.1f} MB, {fetched.verified} verified\n'
        f"to load: create_supernet('{fetched.path.name}').load_checkpoint('{fetched.path}')"
    )
    return 0


def _list(folder: Path) -> None:
    from dynofa_ros.supernet.official_weights import OFFICIAL_WEIGHTS

    for weights in OFFICIAL_WEIGHTS.values():
        path = folder / weights.name
        size = path.stat().st_size if path.is_file() else weights.size_bytes
        print(
            f'{weights.name:<34} {f"{size / 1e6:.1f} MB" if size else "size unknown":>12}  '
            f'{"downloaded" if path.is_file() else "not downloaded"}\n'
            f'    {weights.url}\n    {weights.checksum}'
        )
    print(f'in {folder}')
